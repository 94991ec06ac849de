"""Give class-based views, Flask's and Quart's, the colour of the method that answers the request.

The function that `as_view` returns has the colour of its framework, whatever colour the methods have: Flask's is a
`def` that calls `ensure_sync`, Quart's an `async def` that awaits `ensure_async`. A method of the other colour would
cross twice. So Flask's view is awaited on the loop, where `ensure_sync` returns async methods unchanged; and Quart's
view is stepped in a thread, where `ensure_async` calls sync methods in place.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from inspect import isawaitable
from typing import Any

import flask.views

from ..crossing.bridge import is_loop_thread
from ..crossing.colour import is_async
from ..crossing.coroutines import run_without_loop

View = Callable[..., Any]

FLASK_VIEWS: dict[str, Any] = vars(flask.views)


def in_own_colour(view: View, method: str) -> View:
    """Return a class-based view in the colour of the method that answers, any other view unchanged."""
    cls: Any = getattr(view, "view_class", None)
    if cls is None or not is_from_views_module(view):  # a decorated view has the decorator's colour
        return view
    if is_async(method_of(cls, method)) == is_async(view):
        return view
    return sync_view_of(view) if is_async(view) else async_view_of(view)


def is_mixed(view: View | None) -> bool:
    """Tell whether the colour of a view depends on the method of the request."""
    cls: Any = getattr(view, "view_class", None)
    return cls is not None and len({is_async(method_of(cls, method)) for method in cls.methods or ()}) > 1


def method_of(cls: Any, method: str) -> Any:
    """Return the method of a class that answers a request; any other if the answer, to OPTIONS, is automatic."""
    if not is_from_views_module(cls.dispatch_request):
        return cls.dispatch_request
    names = (method.lower(), "get", *(name.lower() for name in cls.methods or ()))
    return next((getattr(cls, name) for name in names if hasattr(cls, name)), cls.dispatch_request)


def is_from_views_module(func: Any) -> bool:
    """Tell whether a function was defined in flask.views or quart.views."""
    quarts = sys.modules.get("quart.views")
    theirs = getattr(func, "__globals__", None)
    return theirs is FLASK_VIEWS or (quarts is not None and theirs is vars(quarts))


def async_view_of(view: View) -> View:
    @wraps(view)
    async def run(**kwargs: Any) -> Any:
        value = view(**kwargs)
        return await value if isawaitable(value) else value

    return run


def sync_view_of(view: View) -> View:
    @wraps(view)
    def run(**kwargs: Any) -> Any:
        return run_without_loop(view(**kwargs))

    return run


def is_awaited_by_caller(depth: int = 1) -> bool:
    """Tell whether the caller is Flask's class-based view, run on the loop; `depth` is as in `caller_is_async`."""
    return sys._getframe(depth + 1).f_globals is FLASK_VIEWS and is_loop_thread()
