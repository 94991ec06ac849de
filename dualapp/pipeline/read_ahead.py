"""Let a view say how large a body may be that is read before the view is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

#: The attribute of a view that has the number of bytes; decorators that use `functools.wraps` keep it.
SIZE = "read_ahead_bytes"


def read_ahead(size: int) -> Callable[[F], F]:
    """Decorate a view: a body with a Content-Length of at most `size` bytes is read before the view is called.

    This replaces BODY_READ_AHEAD for one view. Sync code that an `async def` view calls, such as an extension, can then
    read `flask.request.form`. A class-based view has it in its `decorators`, or on a method.
    """
    if not isinstance(size, int):
        raise TypeError(f"read_ahead takes a number of bytes, as in @read_ahead(1024 * 1024), not {size!r}.")

    def decorate(view: F) -> F:
        setattr(view, SIZE, size)
        return view

    return decorate


def read_ahead_of(view: Any) -> int | None:
    """Return the largest size that a view or a method of its class was decorated with, None without any."""
    cls = getattr(view, "view_class", None)
    functions = [view, *(getattr(cls, name.lower(), None) for name in getattr(cls, "methods", None) or ())]
    return max((size for func in functions if (size := getattr(func, SIZE, None)) is not None), default=None)
