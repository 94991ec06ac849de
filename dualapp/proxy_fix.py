"""Apply Werkzeug's ProxyFix to both entries: trust the `X-Forwarded-` headers of the proxies in front of the app."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from werkzeug.middleware import proxy_fix

from .exchange.translation import Scope, environ_from, fields_from, path_of, root_path_of, scope_from

if TYPE_CHECKING:
    from .app import DualApp
    from .entries.asgi_messages import Send
    from .exchange.asgi_exchange import Receive


class ProxyFix(proxy_fix.ProxyFix):
    """Trust the ``X-Forwarded-`` headers of the proxies in front of an app, on both entries.

        ProxyFix(app, x_for=1, x_proto=1, x_host=1)

    Wraps `app.wsgi_app` in Werkzeug's ProxyFix and `app.asgi_app` in the same rules. Each number is how many proxies
    set that header. A number that is too high trusts values that a client wrote.
    """

    def __init__(
        self, app: DualApp, x_for: int = 1, x_proto: int = 1, x_host: int = 0, x_port: int = 0, x_prefix: int = 0
    ) -> None:
        trusted = (x_for, x_proto, x_host, x_port, x_prefix)
        super().__init__(app.wsgi_app, *trusted)
        rules, asgi_app = proxy_fix.ProxyFix(do_nothing, *trusted), app.asgi_app

        async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] in ("http", "websocket"):
                scope = forwarded(scope, rules)
            await asgi_app(scope, receive, send)

        app.wsgi_app, app.asgi_app = self, asgi  # type: ignore[method-assign]  # as Flask's documentation does it


def forwarded(scope: Scope, rules: proxy_fix.ProxyFix) -> Scope:
    """Return a scope as Werkzeug's rules change it: translated to an environ, changed, and translated back."""
    environ = environ_from({"method": "GET", **scope}, fields_from(scope["headers"]), io.RawIOBase())
    rules(environ, do_nothing)
    changed = scope_from(environ)
    root_path = root_path_of(changed)
    host = [(b"host", environ["HTTP_HOST"].encode("latin-1"))] if "HTTP_HOST" in environ else []
    return {
        **scope,
        "scheme": scheme_of(scope, changed["scheme"]),
        "client": changed["client"],
        "server": changed["server"],
        "headers": [*host, *((name, value) for name, value in scope["headers"] if name != b"host")],
        "root_path": root_path,
        "path": root_path + path_of(scope),
    }


def scheme_of(scope: Scope, scheme: str) -> str:
    """Return ws or wss for a websocket, whose X-Forwarded-Proto is http or https."""
    return scheme.replace("http", "ws", 1) if scope["type"] == "websocket" else scheme


def do_nothing(*_: Any) -> Any:
    """Serve as the app and the `start_response` of Werkzeug's ProxyFix, which is used only to change an environ."""
