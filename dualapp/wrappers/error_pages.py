"""The pages of Werkzeug's own errors, made where Flask would run the error as an app."""

from __future__ import annotations

from typing import Any

from werkzeug.exceptions import HTTPException

from ..compat.upstream import STATUS_LINES

# What an error makes its page with; any of them may be replaced on one error.
PAGE_MAKERS = {"get_body", "get_description", "get_headers", "get_response"}

# From responses with a code below that Werkzeug removes headers, or the body.
ERROR_CODES = {code for code in STATUS_LINES if code >= 400}

# Errors of one class with one description have one page; descriptions may say anything.
MOST_BODIES = 256
LONGEST_DESCRIPTION = 1024

Pairs = list[tuple[str, str]]

bodies: dict[tuple[Any, ...], bytes] = {}


def has_stock_page(error: HTTPException) -> bool:
    """Tell whether the page of an error is Werkzeug's, and not a response or a class of somebody's own."""
    is_werkzeugs = type(error).__module__ == HTTPException.__module__ and PAGE_MAKERS.isdisjoint(vars(error))
    return is_werkzeugs and error.response is None and error.code in ERROR_CODES


def page_of(error: HTTPException) -> tuple[bytes, Pairs]:
    """Return the body and the headers of an error's page, such a one as `has_stock_page` says."""
    return body_of(error), error.get_headers()


def body_of(error: HTTPException) -> bytes:
    """Make the body of an error's page, or find the one that was made of the same."""
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
