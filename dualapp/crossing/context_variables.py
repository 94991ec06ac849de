"""The context variables of code that crosses: what one side sets, the other side sees."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import Any, TypeVar

from ..compat.upstream import ThreadBound, move_to_this_thread
from .coroutines import END

T = TypeVar("T")


def restore(variables: Context) -> None:
    """Give the running code the values that code on the other side has set; asgiref's own move to this thread."""
    for variable, value in variables.items():
        if type(value) is ThreadBound:
            move_to_this_thread(variables)
            return
        if variable.get(END) is not value:
            variable.set(value)


def outcome(
    variables: Context, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, BaseException | None]:
    """Call a function with a set of context variables; return its result and its error."""
    try:
        return variables.run(call_moved, variables, func, args, kwargs), None
    except BaseException as error:
        return None, error


def call_moved(variables: Context, func: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    """Call a function in a thread to which what asgiref binds to threads has to move first."""
    for value in variables.values():
        if type(value) is ThreadBound:
            move_to_this_thread(variables)
            break
    return call_contained(func, *args, **kwargs)


def call_contained(func: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Call a function and keep StopIteration inside, as PEP 479 has it for generators.

    No future can carry it: on Python 3.11 who awaits that future waits forever.
    """
    try:
        return func(*args, **kwargs)
    except StopIteration as stop:
        raise RuntimeError(f"{getattr(func, '__qualname__', func)} raised StopIteration") from stop
