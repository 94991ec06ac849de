"""Carry context variables across a crossing, both ways: a value set on one side is seen on the other."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import Any, TypeVar

from ..compat.upstream import ThreadBound, move_to_this_thread
from .coroutines import END

T = TypeVar("T")


def restore(variables: Context) -> None:
    """Copy values set on the other side into the current context; move asgiref's thread-bound values to this thread."""
    for variable, value in variables.items():
        if type(value) is ThreadBound:
            move_to_this_thread(variables)
            return
        if variable.get(END) is not value:
            variable.set(value)


def outcome(
    variables: Context, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, BaseException | None]:
    """Call a function in a context; return its result and its error, one of which is None."""
    try:
        return variables.run(call_moved, variables, func, args, kwargs), None
    except BaseException as error:
        return None, error


def call_moved(variables: Context, func: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    """Move asgiref's thread-bound values to this thread, then call a function."""
    for value in variables.values():
        if type(value) is ThreadBound:
            move_to_this_thread(variables)
            break
    return call_contained(func, *args, **kwargs)


def call_contained(func: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Call a function and turn StopIteration into RuntimeError, as PEP 479 does for generators.

    A future refuses StopIteration: on Python 3.11 a task that awaits such a future never wakes up.
    """
    try:
        return func(*args, **kwargs)
    except StopIteration as stop:
        raise RuntimeError(f"{getattr(func, '__qualname__', func)} raised StopIteration") from stop
