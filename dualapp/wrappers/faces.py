"""Make the two faces of a request.

The sync face is a `flask.Request`, the async face a `quart.Request` whose body is awaited. They share their attributes,
the body, the parsed form and the result of routing.
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

# Attributes that have the same value on both faces, so that the caller's colour need not be looked up: those of
# Werkzeug's base class of both request classes, and those that its constructor sets.
SAME_ON_BOTH_FACES = frozenset(
    {name for name in vars(werkzeug.sansio.request.Request) if not name.startswith("_")}
    | {"method", "scheme", "server", "root_path", "path", "query_string", "headers", "remote_addr"}
)

# Attributes of a request that its context sets.
CONTEXT_ATTRIBUTES = ("json_module", "url_rule", "view_args", "routing_exception")


def sync_face(context: Any) -> flask.Request:
    """Make the sync face for a `dualapp.pipeline.context.Context`: what `flask.request` resolves to."""
    app, exchange = context.app, context.exchange
    cls = app.request_class
    attributes = {
        "json_module": app.json,
        "url_rule": context.rule,
        "view_args": context.view_args,
        "routing_exception": context.routing_exception,
    }
    if context.json_body is not None:
        attributes |= context.json_body.attributes
    if context.parts is not None:
        attributes |= context.parts
    if cls is Request or can_be_lazy(cls):
        attributes["_exchange"] = exchange
        request: flask.Request = cls.of(attributes)
    else:
        request = cls(exchange.environ)
        for name, value in attributes.items():
            setattr(request, name, value)
    body = exchange.body if "_exchange" in attributes else exchange.content
    if body is not NO_BODY:
        body.request = ref(request)
    return request


@cache
def can_be_lazy(cls: type[flask.Request]) -> bool:
    """Tell whether a request class has no constructor or setter of its own that making a request would have to call."""
    if not issubclass(cls, Request) or cls.__init__ is not flask.Request.__init__ or cls.__new__ is not object.__new__:
        return False
    return not any(hasattr(getattr(cls, name, None), "__set__") for name in CONTEXT_ATTRIBUTES)


def async_face(app: Any, request: flask.Request, exchange: Exchange) -> async_request.Request:
    """Make the async face, which `quart.request` resolves to, over the sync one."""
    cls: type[async_request.Request] = app.async_request_class or default_async_class()
    return cls(request, exchange)


def websocket_of(context: Any) -> Any:
    """Make the websocket of a context, which `quart.websocket` resolves to."""
    websocket = websocket_class_of(context.app.websocket_class)(context.exchange, context.conversation)
    websocket.json_module, websocket.url_rule = context.app.json, context.rule
    websocket.view_args, websocket.routing_exception = context.view_args, context.routing_exception
    return websocket


@cache
def websocket_class_of(cls: type) -> type:
    """Return a class of websockets that extends both `cls`, which was written for Quart, and ours."""
    from .websocket import Websocket

    if issubclass(Websocket, cls):
        return Websocket
    return cls if issubclass(cls, Websocket) else type(cls.__name__, (cls, Websocket), {})


@cache
def default_async_class() -> type[async_request.Request]:
    from . import async_request  # quart is imported when the first coroutine asks for it, not before

    return async_request.Request


def is_async_face_class(cls: type) -> bool:
    """Tell whether a class is Quart's request class or a subclass."""
    quart = sys.modules.get("quart")
    return quart is not None and issubclass(cls, quart.Request)


@cache
def async_face_class(cls: type) -> type[async_request.Request]:
    """Return a class for the async face that extends both `cls`, which was written for Quart, and ours."""
    ours = default_async_class()
    if issubclass(ours, cls):
        return ours
    return cls if issubclass(cls, ours) else type(cls.__name__, (cls, ours), {})


def has_own_faces(app: Any) -> bool:
    """Tell whether both faces of an app's requests have dualapp's own classes."""
    return app.request_class is Request and app.async_request_class is None


def close_request(request: flask.Request) -> None:
    """Close the uploaded files, and break the reference cycle between request and environ."""
    attributes = request.__dict__
    if type(request) is not Request or "files" in attributes:
        request.close()
    if "environ" in attributes:
        request.environ["werkzeug.request"] = None  # set by Werkzeug's constructor
