"""Make a response from a view's return value."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, Callable, Coroutine, Iterator
from typing import Any

import flask
import werkzeug
from flask import Flask
from werkzeug.datastructures import Headers, iter_multi_items
from werkzeug.exceptions import HTTPException

from ..compat.upstream import request_context
from ..crossing.bridge import is_loop_thread, run_on_loop
from ..crossing.coroutines import await_value
from .error_pages import has_stock_page, page_of
from .response import Response, quart_response_class, with_ours


def add_view_note(error: Exception, view: Callable[..., Any] | None) -> None:
    """Add a note that names the view to an error."""
    if view is not None:
        error.add_note(f"The view is {getattr(view, '__module__', '?')}.{getattr(view, '__qualname__', view)}.")


def add_header_note(error: Exception, value: Any) -> None:
    """Add a note that names the headers of a view's value in which there is a newline, which Werkzeug refuses."""
    headers = value[-1] if isinstance(value, tuple) and value else None
    for name, text in iter_multi_items(headers) if isinstance(headers, dict | list | Headers) else ():
        if not {"\r", "\n"}.isdisjoint(str(text)):
            error.add_note(f"The header is {name!a}.")


def response_from(app: Flask, value: Any, view: Callable[..., Any] | None = None) -> flask.Response:
    """Make a response from anything that a Flask view may return, an async iterable, or a Quart response.

    Raises TypeError for anything else, and ValueError for a status or headers that Werkzeug refuses, with notes that
    name the view and the header.
    """
    try:
        return converted(app, value)
    except (TypeError, ValueError) as error:
        add_view_note(error, view)
        add_header_note(error, value)
        raise


def converted(app: Flask, value: Any) -> flask.Response:
    is_tuple = isinstance(value, tuple) and len(value) > 0
    body, rest = (value[0], value[1:]) if is_tuple else (value, ())
    if inspect.iscoroutine(value):
        return converted(app, run_returned_coroutine(value))
    if inspect.iscoroutine(body):
        return converted(app, (run_returned_coroutine(body), *rest))
    if isinstance(body, AsyncIterable) and not isinstance(body, werkzeug.Response):
        response = Flask.make_response(app, (iter(()), *rest) if is_tuple else iter(()))
        response.response = body  # type: ignore[assignment]  # werkzeug knows sync bodies only
        return response
    if isinstance(body, HTTPException) and is_quart_response(body.response):
        body = body.response  # of `abort(response)`
    if is_quart_response(body):
        body = from_quart_response(app, body)
    if isinstance(body, HTTPException):
        body = page_from(app, body)
    if is_of_own_class(body) and app.response_class is Response:
        # Flask would replace its class by the app's, which is Flask's own in a Flask app.
        body.__class__ = with_ours(type(body))  # type: ignore[arg-type]  # classes have a hash
    if isinstance(body, bytearray):
        body = bytes(body)  # PEP 3333 wants bytes; gunicorn refuses a bytearray
    if request_context(None) is None:
        body = converted_without_request(app, body)
    return Flask.make_response(app, (body, *rest) if is_tuple else body)


def converted_without_request(app: Flask, body: Any) -> Any:
    """Convert a body outside of a request, without the request that Flask's conversion needs.

    Raises TypeError if `body` is not a response, as Quart does.
    """
    if isinstance(body, HTTPException):
        body = body.get_response()
    if isinstance(body, werkzeug.Response):
        return body if isinstance(body, app.response_class) else app.response_class.force_type(body)
    if body is None or (callable(body) and not isinstance(body, Iterator)):
        raise TypeError(
            f"{body!r} is not a response and could not be called for one: WSGI applications are converted only while a"
            " request is handled, or within `with app.test_request_context()`."
        )
    return body


def run_returned_coroutine(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that a sync view returned: usually a sync decorator around an async view.

    Raises TypeError in the loop's own thread, where the code that called the view should have awaited it.
    """
    if not is_loop_thread():
        return run_on_loop(await_value, coroutine)
    coroutine.close()
    raise TypeError("The view function returned a coroutine: it called async code without awaiting it.")


def page_from(app: Flask, error: HTTPException) -> Any:
    """Make the response for an HTTP error with Werkzeug's own page; return any other error as it is."""
    if not has_stock_page(error):
        return error
    body, headers = page_of(error)
    return app.response_class(body, error.code, headers)


def is_of_own_class(value: Any) -> bool:
    """Tell whether a value is a response of a class that extends Flask's, and not ours."""
    return isinstance(value, flask.Response) and type(value) is not flask.Response and not isinstance(value, Response)


def is_quart_response(value: Any) -> bool:
    """Tell whether a value is a Quart response that is not ours as well."""
    theirs = quart_response_class()
    return theirs is not None and isinstance(value, theirs) and not isinstance(value, werkzeug.Response)


def from_quart_response(app: Flask, theirs: Any) -> flask.Response:
    """Make a response of the app's class from one of Quart's, with the same headers, body and timeout."""
    body = theirs.response
    data = body.data[body.begin : body.end] if hasattr(body, "data") else body
    ours = app.response_class(data, status=theirs.status)
    ours.headers = theirs.headers
    ours.timeout = theirs.timeout  # type: ignore[attr-defined]  # a DualApp's class has it
    return ours
