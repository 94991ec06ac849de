"""How a view's return value becomes a response."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, Callable, Coroutine
from typing import Any

import flask
import werkzeug
from flask import Flask
from werkzeug.exceptions import HTTPException

from ..crossing.bridge import is_loop_thread, run_on_loop
from ..crossing.coroutines import awaiting_value
from .error_pages import has_stock_page, page_of
from .response import quarts_class


def name_view(error: TypeError, view: Callable[..., Any] | None) -> None:
    """Have an error say which view made it."""
    if view is not None:
        error.add_note(f"The view is {getattr(view, '__module__', '?')}.{getattr(view, '__qualname__', view)}.")


def response_from(app: Flask, value: Any, view: Callable[..., Any] | None = None) -> flask.Response:
    """Make a response of what a view returned: all that Flask takes, and async iterables.

    Raises TypeError for anything else, with a note that names the view.
    """
    try:
        return coloured_response_from(app, value)
    except TypeError as error:
        name_view(error, view)
        raise


def coloured_response_from(app: Flask, value: Any) -> flask.Response:
    is_tuple = isinstance(value, tuple) and len(value) > 0
    body, rest = (value[0], value[1:]) if is_tuple else (value, ())
    if inspect.iscoroutine(value):
        return coloured_response_from(app, outcome_of(value))
    if inspect.iscoroutine(body):
        return coloured_response_from(app, (outcome_of(body), *rest))
    if isinstance(body, AsyncIterable) and not isinstance(body, werkzeug.Response):
        response = Flask.make_response(app, (iter(()), *rest) if is_tuple else iter(()))
        response.response = body  # type: ignore[assignment]  # werkzeug knows sync bodies only
        return response
    if is_quarts(body):
        body = ours_from(app, body)
    if isinstance(body, HTTPException):
        body = page_from(app, body)
    if isinstance(body, bytearray):
        body = bytes(body)  # PEP 3333 has servers send bytes, and gunicorn refuses what is merely like them
    return Flask.make_response(app, (body, *rest) if is_tuple else body)


def outcome_of(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that sync code returned: a decorator that knows nothing of async has called an async view.

    Raises TypeError on the loop's own thread, where it was simply not awaited.
    """
    if not is_loop_thread():
        return run_on_loop(awaiting_value, coroutine)
    coroutine.close()
    raise TypeError("The view function returned a coroutine: it calls async code without awaiting it.")


def page_from(app: Flask, error: HTTPException) -> Any:
    """Make the page of an error of Werkzeug's own, where Flask would run it as an app; leave others as they are."""
    if not has_stock_page(error):
        return error
    body, headers = page_of(error)
    return app.response_class(body, error.code, headers)


def is_quarts(value: Any) -> bool:
    """Tell whether a value is a response of Quart's own class."""
    theirs = quarts_class()
    return theirs is not None and isinstance(value, theirs) and not isinstance(value, werkzeug.Response)


def ours_from(app: Flask, theirs: Any) -> flask.Response:
    """Make a response of the app's class of one of Quart's, with the same headers and the same body."""
    body = theirs.response
    data = body.data[body.begin : body.end] if hasattr(body, "data") else body
    ours = app.response_class(data, status=theirs.status)
    ours.headers = theirs.headers
    ours.timeout = theirs.timeout  # type: ignore[attr-defined]  # a DualApp's class has it
    return ours
