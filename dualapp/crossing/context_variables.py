"""Carry context variables across a crossing, both ways: a value set on one side is seen on the other.

The functions of one request run in one `contextvars.Context`, whichever thread runs them, so that a token made in one
is valid in the next. A Context can be entered by one thread at a time, so the code that waits is outside of it. Other
calls, as those of `app.ensure_sync`, run in a copy, whose values are copied back. So does sync code while two tasks of
a loop share the context (gaps.py): neither could take a step while a thread is in it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import Context as Variables
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

from ..compat.upstream import ThreadBound, move_to_this_thread
from .coroutines import END, close_stream, rest_of

T = TypeVar("T")

#: Set for a moment, to tell one context from another.
current: ContextVar[object] = ContextVar("dualapp.current")
#: Whether two tasks run in this context.
is_shared: ContextVar[bool] = ContextVar("dualapp.is_shared", default=False)


def restore(variables: Variables) -> None:
    """Copy values set on the other side into the current context; move asgiref's thread-bound values to this thread."""
    for variable, value in variables.items():
        if type(value) is ThreadBound:
            move_to_this_thread(variables)
            return
        if variable.get(END) is not value:
            variable.set(value)


def is_current(variables: Variables) -> bool:
    """Tell whether the calling code runs in this very context, not in a copy of it."""
    mark = object()
    token = current.set(mark)
    try:
        return variables.get(current) is mark
    finally:
        current.reset(token)


def outcome(call: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """Call a function; return its result and its error, one of which is None."""
    try:
        return call(), None
    except BaseException as error:
        return None, error


def bound_to(
    variables: Variables, func: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Callable[[], T]:
    """Bind a call to a context, in whichever thread it is made."""
    return partial(variables.run, call_moved, variables, func, args, kwargs)


def call_moved(variables: Variables, func: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    """Move asgiref's thread-bound values to this thread, then call a function."""
    move_thread_bound(variables)
    return call_contained(func, *args, **kwargs)


def move_thread_bound(variables: Variables) -> None:
    """Move asgiref's thread-bound values of the current context to this thread."""
    for value in variables.values():
        if type(value) is ThreadBound:
            move_to_this_thread(variables)
            return


def call_contained(func: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Call a function and turn StopIteration into RuntimeError, as PEP 479 does for generators; also GeneratorExit.

    A future refuses StopIteration: on Python 3.11 a task that awaits such a future never wakes up. GeneratorExit would
    close the coroutine that awaits the function.
    """
    try:
        return func(*args, **kwargs)
    except (StopIteration, GeneratorExit) as error:
        name = getattr(func, "__qualname__", func)
        raise RuntimeError(f"{name} raised {type(error).__name__}") from error


async def await_within(variables: Variables, func: Callable[..., Awaitable[T]], /, *args: Any) -> T:
    """Await an async function, whose steps run in a context that is not the task's."""
    steps: Any = variables.run(func, *args).__await__()
    try:
        waits_for = variables.run(next, steps)
    except StopIteration as stop:
        result: T = stop.value
        return result
    return await rest_of(steps, waits_for, variables.run)  # type: ignore[no-any-return]  # it is T


async def iterate_within(variables: Variables, stream: AsyncIterator[T]) -> AsyncIterator[T]:
    """Iterate over an async iterator, and close it, in a context."""
    try:
        while (item := await await_within(variables, anext, stream, END)) is not END:
            yield item
    finally:
        await await_within(variables, close_stream, stream)
