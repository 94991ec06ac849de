"""One app object for WSGI and ASGI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import (
    Config,
    abort,
    after_this_request,
    current_app,
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

from .app import DualApp
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
from .wrappers.response import Response
from .wrappers.sync_request import Request

if TYPE_CHECKING:
    from .proxy_fix import ProxyFix

__all__ = [
    "Blueprint",
    "Config",
    "DualApp",
    "ProxyFix",
    "Request",
    "Response",
    "abort",
    "after_this_request",
    "appcontext_popped",
    "appcontext_pushed",
    "appcontext_tearing_down",
    "before_render_template",
    "copy_current_app_context",
    "copy_current_request_context",
    "current_app",
    "flash",
    "g",
    "get_flashed_messages",
    "get_template_attribute",
    "got_background_exception",
    "got_request_exception",
    "got_serving_exception",
    "has_app_context",
    "has_request_context",
    "json",
    "jsonify",
    "make_response",
    "message_flashed",
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
    "stream_template",
    "stream_template_string",
    "stream_with_context",
    "template_rendered",
    "url_for",
]


def __getattr__(name: str) -> Any:
    if name == "ProxyFix":  # imported late: it imports Werkzeug's middleware, which few apps need
        from .proxy_fix import ProxyFix

        return ProxyFix
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
