"""A bounded queue from one task to readers on any loop: the giver waits while it is full, a reader while it is empty.

`asyncio.Queue` counts items and belongs to one loop. This one counts bytes, and its two sides may be in different
threads: each side has a counter of its own, and wakes the other through its loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from ..compat.upstream import running_loop

T = TypeVar("T")


class BoundedQueue(Generic[T]):
    """Items of one giver for whoever reads next."""

    def __init__(self, most: int) -> None:
        """Hold up to `most` bytes and one item."""
        self._most = most
        self._items: list[tuple[T, int]] = []  # few of them, and an empty deque takes 760 bytes
        self._given = self._taken = 0
        self._waiters: list[asyncio.Future[None]] = []
        self._is_closed = self._is_discarding = False
        #: How many readers are waiting for an item.
        self.readers = 0

    def give(self, item: T, size: int) -> None:
        """Leave an item of `size` bytes for a reader."""
        if not self._is_discarding:
            self._items.append((item, size))
            self._given += size
            self._wake()

    async def until_room(self) -> None:
        """Wait until there is room for another item."""
        await self._until(self._has_room)

    async def take(self) -> T | None:
        """Wait for an item, and take it; None after the last one of a closed queue."""
        self.readers += 1
        try:
            while True:
                await self._until(self._has_news)
                if (item := self.take_at_once()) is not None or self._is_closed:
                    return item
        finally:
            self.readers -= 1

    def take_at_once(self) -> T | None:
        """Take an item, from any thread; None if there is none now."""
        try:
            item, size = self._items.pop(0)
        except IndexError:
            return None
        self._taken += size
        self._wake()
        return item

    def discard(self) -> None:
        """Throw away what is there and all that follows."""
        self._is_discarding = True
        self._items.clear()
        self._wake()

    def close(self) -> None:
        """Tell the readers that nothing follows."""
        self._is_closed = True
        self._wake()

    def _has_room(self) -> bool:
        return self._given - self._taken < self._most or self._is_discarding

    def _has_news(self) -> bool:
        return bool(self._items) or self._is_closed

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            if not is_so():  # the other side may have looked for waiters in between
                await waiter

    def _wake(self) -> None:
        """Have all who wait look again, each on its own loop."""
        with suppress(IndexError):
            while True:
                waiter = self._waiters.pop(0)
                if (loop := waiter.get_loop()) is running_loop():
                    end_wait(waiter)
                else:
                    with suppress(RuntimeError):  # its loop is closed
                        loop.call_soon_threadsafe(end_wait, waiter)


def end_wait(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
