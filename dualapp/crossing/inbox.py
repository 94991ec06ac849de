"""Hand the items of an awaitable source, such as an ASGI server's `receive`, to the tasks and threads that want them.

A task that wants an item awaits the source itself: a task in between would double what each item costs. While no task
waits, a listening task awaits the source, so that its end is noticed, and keeps what comes. Threads cannot await the
source: for them it listens all the time. One task at a time awaits the source.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any, Generic, TypeVar

from .bounded_queue import BoundedQueue

T = TypeVar("T")
current_task = asyncio.current_task


class Inbox(Generic[T]):
    """The items of one source, on one loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        ask: Callable[[], Awaitable[Any]],
        item_of: Callable[[Any], T | None],
        size_of: Callable[[T], int],
        end_error: Callable[[], Exception],
        most: int,
        listen_later: Callable[[Inbox[T]], None],
    ) -> None:
        """Await `ask()` for each answer of the source; `item_of(answer)` is an item, or None at the end.

        Keep up to `most` bytes by `size_of(item)`. After the end, readers raise `end_error()`. `listen_later(inbox)`
        schedules `inbox.listen()`.
        """
        self.loop = loop
        self._ask = ask
        self._item_of = item_of
        self._size_of = size_of
        self._end_error = end_error
        self._kept: BoundedQueue[T] = BoundedQueue(most)
        self._has_ended = self._was_interrupted = self._always_listens = False
        self._variables = copy_context()
        # Who asks the source: a task that waits for an item, or the one that listens.
        self._asker: asyncio.Task[Any] | None = None
        self._listener: asyncio.Task[None] | None = None
        self._listen_later = listen_later
        self._listens_soon = False
        #: The tasks that wait while another one asks.
        self._waiting: list[asyncio.Task[Any] | None] = []
        #: Called when a task has heard the end.
        self.when_ended: Callable[[], object] = bool

    def is_awaited_by(self, task: asyncio.Task[Any]) -> bool:
        """Tell whether a task waits for an item, and so is told of the end."""
        return task in self._waiting or task is self._asker or task is current_task()

    async def take(self) -> T:
        """Wait for an item, and take it."""
        try:
            while True:
                if self._asker is None and not self._has_ended and not self._kept.items:
                    self._asker = current_task()
                    try:
                        item = self._item_of(await self._ask())
                    except asyncio.CancelledError:
                        if not self._was_interrupted_alone():
                            raise
                        continue
                    finally:
                        self._asker = None
                        if self._kept.readers:
                            self._kept.wake()
                    if item is None:
                        self.when_ended()
                elif self._kept.items:
                    item = self._kept.take_at_once()
                elif self._has_ended:
                    raise self._end_error()
                else:
                    await self._until(self._has_news)
                    continue
                if item is not None:
                    return item
        finally:
            if self._asker is None and not self._listens_soon and not self._has_ended:
                self.listen_soon()

    def take_blocking(self) -> T:
        """Wait for an item, in a thread, and take it."""
        while True:
            has_ended = self._has_ended  # looked at first: items may come before the end
            if self._kept.items and (item := self._kept.take_at_once()) is not None:
                return item
            if has_ended:
                raise self._end_error()
            if not self._always_listens:
                self._always_listens = True
                self.loop.call_soon_threadsafe(self.listen)
            self._kept.block_until(lambda: bool(self._kept.items) or self._has_ended)

    def listen_soon(self) -> None:
        """Listen in a moment, unless somebody waits for an item by then."""
        if not self.loop.is_closed():  # as for a task that its loop has left behind
            self._listens_soon = True
            self._listen_later(self)

    def listen(self) -> None:
        """Ask the source in a task until somebody waits for an item."""
        self._listens_soon = False
        if self._asker is None and not self._has_ended:
            self._asker = self._listener = self.loop.create_task(self._listen(), context=self._variables)

    async def until_ended(self) -> None:
        """Wait for the end of the source; keep what comes before."""
        while not self._has_ended:
            self.listen()
            await self._until(lambda: self._asker is None)

    def end(self) -> None:
        """Take nothing more from the source; what is kept can still be taken."""
        if self._has_ended:
            return
        self._has_ended = True
        self._kept.close()
        if self._asker is not None and self._asker is not self._listener and self._asker is not current_task():
            self._was_interrupted = True
            self._asker.cancel()

    def stop_listening(self) -> None:
        """Have no task listen any more."""
        if self._listener is not None:
            self._listener.cancel()

    async def _listen(self) -> None:
        try:
            while (item := self._item_of(await self._ask())) is not None:
                self._kept.give(item, self._size_of(item))
                if self._kept.readers and not self._always_listens:
                    return
                await self._kept.until_room()
            self.when_ended()
        except Exception:  # the source is broken
            self.end()
            raise
        finally:
            self._asker = self._listener = None
            self._kept.wake()

    async def _until(self, is_so: Callable[[], bool]) -> None:
        """Wait while another task asks, until `is_so()` is true or the source ends."""
        task = current_task()
        self._waiting.append(task)
        self._kept.readers += 1
        try:
            await self._kept.until(lambda: self._has_ended or is_so())
        finally:
            self._kept.readers -= 1
            self._waiting.remove(task)

    def _has_news(self) -> bool:
        return bool(self._kept.items) or self._asker is None

    def _was_interrupted_alone(self) -> bool:
        """Tell whether `end` alone has cancelled this task."""
        task = current_task()
        return self._was_interrupted and task is not None and not task.uncancel()
