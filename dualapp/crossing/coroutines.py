"""Coroutines, stepped by hand and awaited."""

from __future__ import annotations

import asyncio
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")
#: An awaitable that returns nothing, step by step.
Steps = Generator[Any, Any, None]

END = object()


def step(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends to its end, without a loop.

    Raises RuntimeError when it does suspend: there is nothing here that could wake it, and what is left of it would be
    lost without a word.
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    coroutine.close()
    raise RuntimeError(f"{coroutine!r} waited for something where there is no event loop to wake it.")


async def direct(func: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Call a sync function: the `call` of a pipeline that is stepped in a thread."""
    return func(*args, **kwargs)


async def awaiting(func: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T:
    """Await an async function: the `call` of a pipeline that runs on a loop."""
    return await func(*args, **kwargs)


async def awaiting_value(value: Awaitable[T]) -> T:
    """Await what an async function has returned already."""
    return await value


@types.coroutine
def rest_of(steps: Steps, waits_for: Any) -> Generator[Any, Any, None]:
    """Await the rest of an awaitable that was begun, and waits for something."""
    sent: Any = None
    try:
        while True:
            go_on: Callable[[Any], Any] = steps.send
            try:
                sent = yield waits_for
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as error:
                go_on, sent = steps.throw, error
            waits_for = go_on(sent)  # outside of the handler, or the error would be the context of whatever comes next
    except StopIteration:
        pass
    finally:
        sent = None  # an error knows this frame


async def close_stream(stream: AsyncIterator[Any]) -> None:
    """Close an async iterator if it can be closed."""
    if (aclose := getattr(stream, "aclose", None)) is not None:
        await aclose()


async def with_timeout(seconds: float | None, work: Awaitable[None]) -> None:
    """Await `work` for so many seconds at most; TimeoutError after that, None is for ever."""
    steps = work.__await__()
    waits_for = next(steps, END)
    if waits_for is not END:  # work that does not wait needs no clock
        async with asyncio.timeout(seconds):
            await rest_of(steps, waits_for)
