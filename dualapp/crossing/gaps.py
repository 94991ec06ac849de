"""Fill the gaps of an async stream: produce something while the stream itself waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TypeVar

from .coroutines import close_stream, is_being_cancelled, until_done

T = TypeVar("T")


async def fill_gaps(
    stream: AsyncIterator[T], filler: T, seconds: float, is_over: Callable[[], bool] = bool
) -> AsyncIterator[T]:
    """Iterate over a stream; yield `filler` whenever it has produced nothing for some seconds.

    Ends with the stream, or before the next item or filler once `is_over()`. The stream is asked for an item when the
    one before has been consumed, and is closed with this iterator. One task runs all of it, because a timeout, a task
    group or a cancel scope that spans a `yield` belongs to one task. So its code runs in a copy of the current context.
    """
    items: list[T] = []
    arrived, wanted = asyncio.Event(), asyncio.Event()

    async def produce() -> None:
        try:
            async for item in stream:
                if is_being_cancelled():  # the stream has swallowed its cancellation
                    return
                items.append(item)
                arrived.set()
                await wanted.wait()
                wanted.clear()
        finally:
            await close_stream(stream)

    def note_end(task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # asyncio would log one that nobody retrieves
        arrived.set()

    task = asyncio.create_task(produce())
    task.add_done_callback(note_end)
    try:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await arrived.wait()
            if is_over():
                return
            if not arrived.is_set():
                yield filler
                continue
            arrived.clear()
            if not items:  # the stream has ended
                break
            yield items.pop()
            wanted.set()
    finally:
        task.cancel()
        await until_done(task)
        if not task.cancelled():
            task.result()  # raises what closing the stream has raised
    task.result()
