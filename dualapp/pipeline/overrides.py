"""Find the methods of an app that a subclass, an extension or an agent that wraps Flask's class has replaced."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import flask

from ..compat.upstream import as_written

#: The steps of Flask's own pipeline that may be replaced.
REPLACEABLE = (
    "full_dispatch_request",
    "preprocess_request",
    "dispatch_request",
    "handle_user_exception",
    "handle_http_exception",
    "handle_exception",
    "finalize_request",
    "make_response",
    "process_response",
    "do_teardown_request",
    "do_teardown_appcontext",
)

#: Steps that DualApp overrides itself, to follow the colour of code that calls them.
FOLLOW_COLOUR = {"full_dispatch_request", "preprocess_request", "dispatch_request", "process_response"}

FRAMEWORKS = ("flask", "dualapp")


def is_replaced(app: flask.Flask | flask.Blueprint, name: str) -> bool:
    """Tell whether a method of an app or a blueprint has a definition that is neither Flask's nor dualapp's."""
    return name in vars(app) or not all(map(is_frameworks, definitions_of(app, name)))


def definitions_of(app: flask.Flask | flask.Blueprint, name: str) -> list[Any]:
    """Return what the classes of an app define under a name, in their method resolution order."""
    return [vars(cls)[name] for cls in type(app).__mro__ if name in vars(cls)]


def is_frameworks(method: Any) -> bool:
    """Tell whether a method is defined in flask or dualapp: a wrapper has the globals of the wrapper's module."""
    function = as_written(method.fget if isinstance(method, property) else method)
    return type(function) is FunctionType and function.__globals__["__name__"].partition(".")[0] in FRAMEWORKS


def replaced_steps(app: flask.Flask) -> dict[str, Any]:
    """Return the replaced steps of the pipeline, bound to the app."""
    return {name: step_of(app, name) for name in REPLACEABLE if is_replaced(app, name)}


def step_of(app: flask.Flask, name: str) -> Any:
    """Return a step as the pipeline calls it: Flask's method if that was wrapped, beneath DualApp's own."""
    first, *beneath = definitions_of(app, name)
    if name in vars(app) or name not in FOLLOW_COLOUR or not is_frameworks(first):
        return getattr(app, name)
    return next(method for method in beneath if not is_frameworks(method)).__get__(app)
