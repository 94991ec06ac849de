"""Lists of hooks: run one after another, and joined where neighbours have a colour that is not at home."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from ..compat.upstream import request_variable
from ..crossing.coroutines import awaiting, direct, step

if TYPE_CHECKING:
    from .context import Context

Hook = Callable[..., Any]


def beside(func: Hook) -> Hook:
    """Have a sync function run with the context variables that all sync functions of its request share."""

    @wraps(func, updated=())
    def call(*args: Any, **kwargs: Any) -> Any:
        context: Context = request_variable.get()
        return context.call_beside(func, *args, **kwargs)

    return call


def together(functions: list[Hook], run: Hook, coloured_async: bool) -> Hook:
    """Make one function of several hooks of one colour, which are run as the pipeline would run them."""
    if len(functions) == 1:
        return functions[0]

    async def run_async(*args: Any) -> Any:
        return await run(awaiting, functions, *args)

    def run_sync(*args: Any) -> Any:
        return step(run(direct, functions, *args))

    return run_async if coloured_async else run_sync


async def each_called(call: Hook, functions: list[Hook], *args: Any) -> None:
    for func in functions:
        await call(func, *args)


async def first_answer(call: Hook, functions: list[Hook]) -> Any:
    """Return what the first function that answers returns, None if none does."""
    for func in functions:
        if (answer := await call(func)) is not None:
            return answer
    return None


async def each_applied(call: Hook, functions: list[Hook], value: Any) -> Any:
    """Hand `value` through all functions."""
    for func in functions:
        value = await call(func, value)
    return value
