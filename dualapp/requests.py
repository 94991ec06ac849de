"""The two faces of a request.

The sync face is `flask.Request`, the async face a `quart.Request` whose body is awaited. There is one request behind
both: they share their attributes, the body, the parsed form and what routing found.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import ReferenceType, ref

import flask

from .body import NO_BODY
from .exchange import Exchange

if TYPE_CHECKING:
    from . import async_request


def sync_face(app: flask.Flask, exchange: Exchange) -> flask.Request:
    """Make the request that `flask.request` stands for."""
    request = app.request_class(exchange.environ)
    request.json_module = app.json
    if exchange.body is not NO_BODY:
        exchange.body.limit = limit_of(ref(request))
    return request


def limit_of(reference: ReferenceType[flask.Request]) -> Callable[[], int | None]:
    """Return what tells how large the body of a request may be, and does not keep the request alive."""

    def limit() -> int | None:
        request = reference()
        return None if request is None else request.max_content_length

    return limit


def async_face(app: Any, request: flask.Request, exchange: Exchange) -> async_request.Request:
    """Make the request that `quart.request` stands for, of the one that `flask.request` stands for."""
    from . import async_request  # quart is imported when the first coroutine asks for it, not before

    cls: type[async_request.Request] = app.async_request_class or async_request.Request
    return cls(request, exchange)


def is_async_class(cls: type) -> bool:
    """Tell whether a class is one for the async face: Quart's, or made of it."""
    quart = sys.modules.get("quart")
    return quart is not None and issubclass(cls, quart.Request)


@cache
def async_class(cls: type) -> type[async_request.Request]:
    """Return a class for the async face that is both `cls`, which was made for Quart, and ours."""
    from .async_request import Request

    if issubclass(Request, cls):
        return Request
    return cls if issubclass(cls, Request) else type(cls.__name__, (cls, Request), {})


def close(request: flask.Request) -> None:
    """Close the files that were uploaded, and let go of the request."""
    request.close()
    request.environ["werkzeug.request"] = None  # Werkzeug put the request there, which would keep both alive
