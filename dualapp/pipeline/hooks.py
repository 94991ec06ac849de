"""Run lists of hooks, and join neighbours of one colour into one function, which crosses once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..crossing.coroutines import run_without_loop
from .calls import call_async, call_sync

Hook = Callable[..., Any]


def joined(functions: list[Hook], run: Hook, coloured_async: bool) -> Hook:
    """Make one function of several hooks of one colour; `run` is the pipeline's loop over them."""
    if len(functions) == 1:
        return functions[0]

    async def run_async(*args: Any) -> Any:
        return await run(call_async, functions, *args)

    def run_sync(*args: Any) -> Any:
        return run_without_loop(run(call_sync, functions, *args))

    return run_async if coloured_async else run_sync


async def each_called(call: Hook, functions: list[Hook], *args: Any) -> None:
    for func in functions:
        await call(func, *args)


async def first_answer(call: Hook, functions: list[Hook]) -> Any:
    """Return the first value that is not None; functions after it are not called."""
    for func in functions:
        if (answer := await call(func)) is not None:
            return answer
    return None


async def each_applied(call: Hook, functions: list[Hook], value: Any) -> Any:
    """Pass `value` through all functions."""
    for func in functions:
        value = await call(func, value)
    return value
