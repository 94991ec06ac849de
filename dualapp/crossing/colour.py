"""Tell the colour of a function, and the colour of the calling code."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import werkzeug.local

if sys.version_info >= (3, 12):
    from inspect import iscoroutinefunction
    from inspect import markcoroutinefunction as markcoroutinefunction
else:
    from asgiref.sync import iscoroutinefunction
    from asgiref.sync import markcoroutinefunction as markcoroutinefunction

#: A function of either colour.
Function = Callable[..., Any]

ASYNC_CODE = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE

# A comprehension has the colour of the function around it. Before Python 3.12 it has a frame of its own (PEP 709).
COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})

PROXY_GLOBALS = werkzeug.local.__dict__


def is_async(func: Callable[..., Any]) -> bool:
    """Tell whether calling `func` returns an awaitable."""
    return iscoroutinefunction(func) or iscoroutinefunction(getattr(func, "__call__", None))  # noqa: B004 - no test for being callable: an object has the colour of its __call__


def caller_is_async(depth: int = 1) -> bool:
    """Tell whether the calling code is in an `async def` function.

    `depth` counts frames above the function that calls this one: 1 is its caller. Frames of Werkzeug's proxies are
    skipped, so that for `request.form` the caller is the code that contains this expression.
    """
    frame: FrameType | None = sys._getframe(depth + 1)
    while frame is not None:
        code = frame.f_code
        if code.co_flags & ASYNC_CODE:
            return True
        if frame.f_globals is not PROXY_GLOBALS and code.co_name not in COMPREHENSIONS:
            return False
        frame = frame.f_back
    return False
