"""Fill the gaps of an async stream: produce something while the stream itself waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from contextvars import Context as Variables
from typing import Generic, TypeVar

from .context_variables import is_current, is_shared
from .coroutines import close_stream, is_being_cancelled, until_done

T = TypeVar("T")


async def fill_gaps(
    stream: AsyncIterator[T],
    filler: T,
    seconds: float,
    is_over: Callable[[], bool] = bool,
    variables: Variables | None = None,
) -> AsyncIterator[T]:
    """Iterate over a stream; yield `filler` whenever it has produced nothing for some seconds.

    Ends with the stream, or before the next item or filler once `is_over()`. The stream is asked for an item when the
    one before has been consumed, and is closed with this iterator. One task runs all of it, because a timeout, a task
    group or a cancel scope that spans a `yield` belongs to one task. That task runs in the context `variables` if this
    iterator does, too; else in a copy of the current one.
    """
    producer = Producer(stream, variables if variables is not None and is_current(variables) else None)
    try:
        while True:
            has_news = await producer.has_news_within(seconds)
            if is_over():
                return
            if not has_news:
                yield filler
            elif producer.items:
                yield producer.items.pop()
                producer.wanted.set()
            else:  # the stream has ended
                break
    finally:
        await producer.stop()
    producer.task.result()


class Producer(Generic[T]):
    """A task that takes one item of a stream at a time, and closes the stream."""

    def __init__(self, stream: AsyncIterator[T], variables: Variables | None) -> None:
        self._stream = stream
        #: The item that has not been consumed, if there is one.
        self.items: list[T] = []
        #: Set when that item has been consumed.
        self.wanted = asyncio.Event()
        self._news = asyncio.Event()
        # Not by the loop's `create_task`: an eager task would begin while this code is in its context.
        self.task = asyncio.Task(self._produce(), loop=asyncio.get_running_loop(), context=variables)
        self.task.add_done_callback(self._note_end)

    async def has_news_within(self, seconds: float) -> bool:
        """Wait for an item or for the end of the stream; tell whether one has come in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()
        has_news = self._news.is_set()
        self._news.clear()
        return has_news

    async def stop(self) -> None:
        """Cancel the task, and wait until the stream is closed; raise the error of the stream or of its closing."""
        self.task.cancel()
        await until_done(self.task)
        if not self.task.cancelled():
            self.task.result()

    async def _produce(self) -> None:
        token = is_shared.set(True)
        try:
            async for item in self._stream:
                if is_being_cancelled():  # the stream has swallowed its cancellation
                    return
                self.items.append(item)
                self._news.set()
                await self.wanted.wait()
                self.wanted.clear()
        finally:
            try:
                await close_stream(self._stream)
            finally:
                is_shared.reset(token)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # asyncio would log one that nobody retrieves
        self._news.set()
