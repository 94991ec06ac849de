"""Make the pages of errors; those of HTTP errors directly, where Flask would call the error as a WSGI app."""

from __future__ import annotations

from traceback import format_exception
from typing import Any

import flask
from werkzeug.exceptions import HTTPException

from ..compat.upstream import STATUS_LINES

# The methods of an error that make its page; an instance may override each of them.
PAGE_MAKERS = {"get_body", "get_description", "get_headers", "get_response"}

# Below 400, Werkzeug removes headers or the body from some responses.
ERROR_CODES = {code for code in STATUS_LINES if code >= 400}

# Bodies are cached by class and description. Descriptions may hold anything, so the cache is bounded.
MOST_BODIES = 256
LONGEST_DESCRIPTION = 1024

Pairs = list[tuple[str, str]]

bodies: dict[tuple[Any, ...], bytes] = {}


def has_stock_page(error: HTTPException) -> bool:
    """Tell whether the page of an error is Werkzeug's own: no response, subclass or overridden method makes it."""
    is_werkzeugs = type(error).__module__ == HTTPException.__module__ and PAGE_MAKERS.isdisjoint(vars(error))
    return is_werkzeugs and error.response is None and error.code in ERROR_CODES


def page_of(error: HTTPException) -> tuple[bytes, Pairs]:
    """Return the body and the headers of the page of an error that `has_stock_page`."""
    return body_of(error), error.get_headers()


def body_of(error: HTTPException) -> bytes:
    """Return the body of an error's page, from the cache if its description is short."""
    description = error.description
    if type(description) is not str or len(description) > LONGEST_DESCRIPTION:
        return error.get_body().encode()
    key = (type(error), type(error).get_body, error.code, description)
    body = bodies.get(key)
    if body is None:
        body = error.get_body().encode()
        if len(bodies) >= MOST_BODIES:
            bodies.clear()
        bodies[key] = body
    return body


def traceback_page(app: flask.Flask, error: Exception) -> flask.Response:
    """Make the 500 page of an unhandled error for a test: its traceback as text."""
    return app.response_class("".join(format_exception(error)), 500, mimetype="text/plain")
