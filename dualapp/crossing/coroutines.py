"""Step coroutines by hand, and await the rest of those that suspend."""

from __future__ import annotations

import asyncio
import operator
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")
CancelledError = asyncio.CancelledError
#: The iterator that `__await__` of an awaitable without a result returns.
Steps = Generator[Any, Any, None]

END = object()


class LoopNeeded(RuntimeError):
    """A coroutine has suspended where no loop could wake it."""


def run_without_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends to its end, without a loop; return its result.

    Raises LoopNeeded if it suspends: the rest of the coroutine would be lost silently.
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    with suppress(RuntimeError):  # it waits for something at its end, too
        coroutine.close()
    raise LoopNeeded(f"{coroutine!r} waited for something where there is no event loop to wake it.")


def is_being_cancelled() -> bool:
    """Tell whether the running task is being cancelled, or the coroutine is closed outside of a task."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


async def awaiting(func: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T:
    """Call and await an async function."""
    return await func(*args, **kwargs)


async def await_value(value: Awaitable[T]) -> T:
    """Make a coroutine of any awaitable."""
    return await value


@types.coroutine
def rest_of(
    steps: Any, waits_for: Any, run: Callable[..., Any] = operator.call, has_result: bool = True
) -> Generator[Any, Any, Any]:
    """Await the rest of an awaitable that was stepped by hand until it yielded `waits_for`; return its result.

    `run` calls each step: `Context.run` of `contextvars` makes it in that context. With `has_result=False`,
    for a result that is None, `next` ends the steps without a StopIteration, which is slow. asyncio only sends None.
    """
    error: BaseException | None = None
    try:
        while waits_for is not END:
            try:
                sent = yield waits_for
            except GeneratorExit:
                run(steps.close)
                raise
            except BaseException as thrown:
                error = thrown
            # Outside the handler, or the error would be the __context__ of any later one.
            if error is None:
                waits_for = run(steps.send, sent) if has_result else run(next, steps, END)
            else:
                waits_for = run(steps.throw, error)
                error = None
    except StopIteration as stop:
        return stop.value
    finally:
        error = None  # breaks a reference cycle: the error's traceback holds this frame


@types.coroutine
def give_way() -> Generator[None, None, None]:
    """Let others have a turn on the loop."""
    yield


async def until_done(future: asyncio.Future[Any], on_cancel: Callable[[], None] = lambda: None) -> None:
    """Wait for a future to be done however often this task is cancelled, then re-raise the cancellation."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            on_cancel()
            cancelled = error
    if cancelled is not None:
        raise cancelled


async def close_stream(stream: AsyncIterator[Any]) -> None:
    """Close an async iterator if it has `aclose`."""
    if (aclose := getattr(stream, "aclose", None)) is not None:
        await aclose()


async def with_timeout(seconds: float | None, work: Awaitable[None]) -> None:
    """Await `work`; raise TimeoutError after `seconds`, never if it is None."""
    steps = work.__await__()
    waits_for = next(steps, END)
    if waits_for is not END:  # work that does not suspend needs no timer
        async with asyncio.timeout(seconds):
            await rest_of(steps, waits_for)
