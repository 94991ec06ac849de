"""The request as the gateways hand it on, and its two faces.

The sync face is `flask.Request`, the async face a `quart.Request` whose body is awaited. There is one request behind
both: they share their attributes, the body, the parsed form and what routing found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import flask

from .body import Body
from .translation import Scope

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from . import async_request


class Exchange(Protocol):
    """What a gateway knows of one request; each has its own, and says it in the other's words when asked."""

    @property
    def method(self) -> str: ...

    @property
    def environ(self) -> WSGIEnvironment: ...

    @property
    def scope(self) -> Scope: ...

    @property
    def body(self) -> Body: ...


def sync_face(app: flask.Flask, exchange: Exchange) -> flask.Request:
    """Make the request that `flask.request` stands for."""
    request = app.request_class(exchange.environ)
    request.json_module = app.json
    return request


def async_face(request: flask.Request, exchange: Exchange) -> async_request.Request:
    """Make the request that `quart.request` stands for, of the one that `flask.request` stands for."""
    from . import async_request  # quart is imported when the first coroutine asks for it, not before

    return async_request.Request(request, exchange)
