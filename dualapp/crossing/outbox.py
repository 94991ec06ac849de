"""Send items of threads on a loop: they are queued, and one task sends all that are there.

A thread that puts an item does not wait for the loop, unless much is unsent. Where the loop lends itself and sleeps,
the thread sends at once, as the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Generic, TypeVar

from .bounded_queue import BoundedQueue
from .bridge import start_task
from .lending_loop import LendingLoop
from .os_threads import unpatched

T = TypeVar("T")


class Outbox(Generic[T]):
    """Items of any number of threads, for one function on one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Callable[[T], Awaitable[None]], most: int) -> None:
        """Hold up to `most` bytes and one item for `send`."""
        self._loop = loop
        self._send = send
        self._unsent: BoundedQueue[T] = BoundedQueue(most)
        self._lock = unpatched("_thread", "allocate_lock")()
        self._is_busy = False

    def put(self, item: T, size: int) -> None:
        """Have an item of `size` bytes sent; wait while too much is unsent. Called in a thread."""
        with self._lock:
            self._unsent.give(item, size)
            starts, self._is_busy = not self._is_busy, True
        if starts:
            self._start()
        self._unsent.block_until_room()

    async def until_sent(self) -> None:
        """Wait until all is sent."""
        await self._unsent.until(lambda: not self._is_busy)

    def _start(self) -> None:
        loop, work, variables = self._loop, self._send_all(), copy_context()
        if not (isinstance(loop, LendingLoop) and loop.call_here(start_task, loop, work, variables)):
            loop.call_soon_threadsafe(start_task, loop, work, variables)

    async def _send_all(self) -> None:
        try:
            while (item := self._next()) is not None:
                await self._send(item)
        except BaseException:
            self._unsent.discard()
            self._next()
            raise

    def _next(self) -> T | None:
        with self._lock:
            item = self._unsent.take_at_once()
            self._is_busy = item is not None
        if item is None:
            self._unsent.wake()
        return item
