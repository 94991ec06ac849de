"""The colour of a function, and of the code that is calling."""

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

ASYNC_CODE = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE

# A comprehension has no colour of its own: it runs inside the function that holds it (and from Python 3.12 on, in it).
COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})

PROXY_GLOBALS = werkzeug.local.__dict__


def is_async(func: Callable[..., Any]) -> bool:
    """Tell whether calling `func` gives something to await."""
    return iscoroutinefunction(func) or iscoroutinefunction(getattr(func, "__call__", None))  # noqa: B004 - not a test for being callable: a callable object is as async as its __call__


def caller_is_async(depth: int = 1) -> bool:
    """Tell whether the code that called is written with `async def`.

    `depth` counts frames above the function that asks: 1 is its caller. The frames of Werkzeug's proxies do not count,
    so that `request.form` asks about the code where `request.form` stands.
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
