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
from .thread_wait import ThreadWait

T = TypeVar("T")


class BoundedQueue(Generic[T]):
    """Items of one giver for whoever reads next."""

    def __init__(self, most: int) -> None:
        """Hold up to `most` bytes and one item."""
        self._most = most
        #: The items with their sizes; a list, as they are few and an empty deque takes 760 bytes.
        self.items: list[tuple[T, int]] = []
        self._given = self._taken = 0
        self._waiters: list[asyncio.Future[None] | ThreadWait] = []
        self._is_closed = self._is_discarding = False
        #: How many readers are waiting for an item.
        self.readers = 0

    def give(self, item: T, size: int) -> None:
        """Leave an item of `size` bytes for a reader."""
        if not self._is_discarding:
            self.items.append((item, size))
            self._given += size
            self.wake()

    async def until_room(self) -> None:
        """Wait until there is room for another item."""
        await self.until(self.has_room)

    async def take(self) -> T | None:
        """Wait for an item, and take it; None after the last one of a closed queue."""
        self.readers += 1
        try:
            while True:
                await self.until(self._has_news)
                if (item := self.take_at_once()) is not None or self._is_closed:
                    return item
        finally:
            self.readers -= 1

    def take_at_once(self) -> T | None:
        """Take an item, from any thread; None if there is none now."""
        try:
            item, size = self.items.pop(0)
        except IndexError:
            return None
        self._taken += size
        self.wake()
        return item

    def discard(self) -> None:
        """Throw away what is there and all that follows."""
        self._is_discarding = True
        self.items.clear()
        self.wake()

    def close(self) -> None:
        """Tell the readers that nothing follows."""
        self._is_closed = True
        self.wake()

    def has_room(self) -> bool:
        """Tell whether there is room for another item."""
        return self._given - self._taken < self._most or self._is_discarding

    def _has_news(self) -> bool:
        return bool(self.items) or self._is_closed

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until `is_so()` is true; it is checked at every change of the queue."""
        while not is_so():
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            if not is_so():  # the other side may have looked for waiters in between
                try:
                    await waiter
                except asyncio.CancelledError:
                    with suppress(ValueError):  # the other side has taken it
                        self._waiters.remove(waiter)
                    raise

    def block_until_room(self) -> None:
        """Wait, in a thread, until there is room for another item."""
        self.block_until(self.has_room)

    def block_until(self, is_so: Callable[[], bool]) -> None:
        """Block this thread until `is_so()`. Raises CancelledError if the task that awaits the thread is cancelled."""
        while not is_so():
            wait = ThreadWait()
            self._waiters.append(wait)
            if not is_so():
                wait.wait()

    def wake(self) -> None:
        """Wake all waiters, each on its loop or in its thread."""
        while self._waiters:
            try:
                waiter = self._waiters.pop(0)
            except IndexError:  # the other side was faster
                return
            if isinstance(waiter, ThreadWait):
                waiter.end()
            elif (loop := waiter.get_loop()) is running_loop():
                end_wait(waiter)
            else:
                with suppress(RuntimeError):  # its loop is closed
                    loop.call_soon_threadsafe(end_wait, waiter)


def end_wait(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
