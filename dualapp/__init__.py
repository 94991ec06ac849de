"""One app object for WSGI and ASGI."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flask import (
    Config,
    abort,
    after_this_request,
    g,
    get_flashed_messages,
    get_template_attribute,
    has_app_context,
    has_request_context,
    json,
    session,
    url_for,
)
from flask.signals import (
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    before_render_template,
    got_request_exception,
    message_flashed,
    request_finished,
    request_started,
    request_tearing_down,
    template_rendered,
)
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape

from .app import DualApp, current_app
from .blueprints import Blueprint
from .failure_reports import got_background_exception, got_serving_exception
from .helpers import (
    copy_current_app_context,
    copy_current_request_context,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    render_template_string,
    request,
    send_file,
    send_from_directory,
    stream_template,
    stream_template_string,
    stream_with_context,
)
from .pipeline.read_ahead import read_ahead
from .wrappers.response import Response
from .wrappers.sync_request import Request

if TYPE_CHECKING:
    from quart import (
        Websocket,
        copy_current_websocket_context,
        got_websocket_exception,
        has_websocket_context,
        make_push_promise,
        signals_available,
        websocket_finished,
        websocket_started,
        websocket_tearing_down,
    )

    from .adapters import as_asgi, as_wsgi
    from .broadcast.channels import Broadcast
    from .current_websocket import websocket
    from .exchange.conversation import WebsocketClosed
    from .proxy_fix import ProxyFix
    from .wrappers.event_stream import Event, EventStream

__all__ = [
    "Blueprint",
    "Broadcast",
    "Config",
    "DualApp",
    "Event",
    "EventStream",
    "Markup",
    "ProxyFix",
    "Request",
    "Response",
    "ResponseReturnValue",
    "Websocket",
    "WebsocketClosed",
    "abort",
    "after_this_request",
    "appcontext_popped",
    "appcontext_pushed",
    "appcontext_tearing_down",
    "as_asgi",
    "as_wsgi",
    "before_render_template",
    "copy_current_app_context",
    "copy_current_request_context",
    "copy_current_websocket_context",
    "current_app",
    "escape",
    "flash",
    "g",
    "get_flashed_messages",
    "get_template_attribute",
    "got_background_exception",
    "got_request_exception",
    "got_serving_exception",
    "got_websocket_exception",
    "has_app_context",
    "has_request_context",
    "has_websocket_context",
    "json",
    "jsonify",
    "make_push_promise",
    "make_response",
    "message_flashed",
    "read_ahead",
    "redirect",
    "render_template",
    "render_template_string",
    "request",
    "request_finished",
    "request_started",
    "request_tearing_down",
    "send_file",
    "send_from_directory",
    "session",
    "signals_available",
    "stream_template",
    "stream_template_string",
    "stream_with_context",
    "template_rendered",
    "url_for",
    "websocket",
    "websocket_finished",
    "websocket_started",
    "websocket_tearing_down",
]

#: Quart's own names, which are imported on first access: an app without `async def` views never needs quart.
QUART_NAMES = {
    "Websocket",
    "copy_current_websocket_context",
    "got_websocket_exception",
    "has_websocket_context",
    "make_push_promise",
    "signals_available",
    "websocket_finished",
    "websocket_started",
    "websocket_tearing_down",
}


#: Names that few apps need, and the modules that are imported on first access.
IMPORTED_LATE = {
    "Broadcast": ".broadcast.channels",
    "Event": ".wrappers.event_stream",
    "EventStream": ".wrappers.event_stream",
    "ProxyFix": ".proxy_fix",
    "WebsocketClosed": ".exchange.conversation",
    "as_asgi": ".adapters",
    "as_wsgi": ".adapters",
    "websocket": ".current_websocket",
}


def __getattr__(name: str) -> Any:
    if name in IMPORTED_LATE:
        return getattr(import_module(IMPORTED_LATE[name], __name__), name)
    if name in QUART_NAMES:
        import quart

        return getattr(quart, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
