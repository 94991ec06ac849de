"""Which methods of the app somebody has replaced: a subclass, an extension, or an agent that wraps Flask's class."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import flask

from ..compat.upstream import as_written

#: The steps of Flask's own pipeline that somebody may replace.
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

#: Steps that DualApp has as well, for code that calls them itself, in the colour of that code.
FOLLOW_COLOUR = {"full_dispatch_request", "preprocess_request", "dispatch_request", "process_response"}

FRAMEWORKS = ("flask", "dualapp")


def is_replaced(app: flask.Flask | flask.Blueprint, name: str) -> bool:
    """Tell whether a method of an app or a blueprint is not, or not only, Flask's and ours."""
    return name in vars(app) or not all(map(is_frameworks, definitions_of(app, name)))


def definitions_of(app: flask.Flask | flask.Blueprint, name: str) -> list[Any]:
    """Return what the classes of an app have under a name, in the order in which they are asked."""
    return [vars(cls)[name] for cls in type(app).__mro__ if name in vars(cls)]


def is_frameworks(method: Any) -> bool:
    """Tell whether a method was written by the frameworks: what wraps one has the globals of whoever wrote that."""
    function = as_written(method.fget if isinstance(method, property) else method)
    return type(function) is FunctionType and function.__globals__["__name__"].partition(".")[0] in FRAMEWORKS


def replaced_steps(app: flask.Flask) -> dict[str, Any]:
    """Return the steps of the pipeline that somebody has replaced, as they are called."""
    return {name: step_of(app, name) for name in REPLACEABLE if is_replaced(app, name)}


def step_of(app: flask.Flask, name: str) -> Any:
    """Return a step as the pipeline calls it: past our own method if somebody has wrapped Flask's beneath it."""
    first, *beneath = definitions_of(app, name)
    if name in vars(app) or name not in FOLLOW_COLOUR or not is_frameworks(first):
        return getattr(app, name)
    return next(method for method in beneath if not is_frameworks(method)).__get__(app)
