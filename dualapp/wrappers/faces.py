"""The two faces of a request.

The sync face is `flask.Request`, the async face a `quart.Request` whose body is awaited. There is one request behind
both: they share their attributes, the body, the parsed form and what routing found.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import ref

import flask
import werkzeug.sansio.request

from ..exchange.body import NO_BODY
from .sync_request import Request

if TYPE_CHECKING:
    from ..exchange.exchange import Exchange
    from . import async_request

# What both faces say alike: it comes of the class of Werkzeug's that both are made of, or of its constructor.
SAID_ALIKE = frozenset(
    {name for name in vars(werkzeug.sansio.request.Request) if not name.startswith("_")}
    | {"method", "scheme", "server", "root_path", "path", "query_string", "headers", "remote_addr"}
)

# What a context gives a request.
GIVEN = ("json_module", "url_rule", "view_args", "routing_exception")


def sync_face(context: Any) -> flask.Request:
    """Make the request that `flask.request` stands for in a `dualapp.pipeline.context.Context`."""
    app, exchange = context.app, context.exchange
    cls = app.request_class
    attributes = {
        "json_module": app.json,
        "url_rule": context.rule,
        "view_args": context.view_args,
        "routing_exception": context.routing_exception,
    }
    if cls is Request or is_made_late(cls):
        attributes["_exchange"] = exchange
        request: flask.Request = cls.of(attributes)
    else:
        request = cls(exchange.environ)
        for name, value in attributes.items():
            setattr(request, name, value)
    if exchange.body is not NO_BODY:
        exchange.body.request = ref(request)
    return request


@cache
def is_made_late(cls: type[flask.Request]) -> bool:
    """Tell whether nothing of a class's own would run while a request is made: no constructor and no setter."""
    if not issubclass(cls, Request) or cls.__init__ is not flask.Request.__init__ or cls.__new__ is not object.__new__:
        return False
    return not any(hasattr(getattr(cls, name, None), "__set__") for name in GIVEN)


def async_face(app: Any, request: flask.Request, exchange: Exchange) -> async_request.Request:
    """Make the request that `quart.request` stands for, of the one that `flask.request` stands for."""
    cls: type[async_request.Request] = app.async_request_class or our_async_class()
    return cls(request, exchange)


@cache
def our_async_class() -> type[async_request.Request]:
    from . import async_request  # quart is imported when the first coroutine asks for it, not before

    return async_request.Request


def is_async_class(cls: type) -> bool:
    """Tell whether a class is one for the async face: Quart's, or made of it."""
    quart = sys.modules.get("quart")
    return quart is not None and issubclass(cls, quart.Request)


@cache
def async_class(cls: type) -> type[async_request.Request]:
    """Return a class for the async face that is both `cls`, which was made for Quart, and ours."""
    ours = our_async_class()
    if issubclass(ours, cls):
        return ours
    return cls if issubclass(cls, ours) else type(cls.__name__, (cls, ours), {})


def close(request: flask.Request) -> None:
    """Close the files that were uploaded, and let go of the request."""
    known = vars(request)
    if "files" in known or type(request) is not Request:
        request.close()
    if "environ" in known:
        request.environ["werkzeug.request"] = None  # Werkzeug put the request there, which would keep both alive
