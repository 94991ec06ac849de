"""An app behind proxies: what they say of the client holds on both entries, by one set of rules, Werkzeug's."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from werkzeug.middleware import proxy_fix

from .exchange.translation import Scope, environ_from, fields_from, path_of, root_path_of, scope_from

if TYPE_CHECKING:
    from .app import DualApp
    from .entries.asgi import Send
    from .exchange.asgi_exchange import Receive


class ProxyFix(proxy_fix.ProxyFix):
    """Have an app believe what the proxies in front of it say in ``X-Forwarded-`` headers, on both entries.

        ProxyFix(app, x_for=1, x_proto=1, x_host=1)

    It is Werkzeug's ProxyFix around `app.wsgi_app`, and the same around `app.asgi_app`. Each number says how many
    proxies set that header: a client can write these headers too, so count no proxy that is not there.
    """

    def __init__(
        self, app: DualApp, x_for: int = 1, x_proto: int = 1, x_host: int = 0, x_port: int = 0, x_prefix: int = 0
    ) -> None:
        trusted = (x_for, x_proto, x_host, x_port, x_prefix)
        super().__init__(app.wsgi_app, *trusted)
        rules, asgi_app = proxy_fix.ProxyFix(nothing, *trusted), app.asgi_app

        async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] in ("http", "websocket"):
                scope = forwarded(scope, rules)
            await asgi_app(scope, receive, send)

        app.wsgi_app, app.asgi_app = self, asgi  # type: ignore[method-assign]  # as Flask's documentation does it


def forwarded(scope: Scope, rules: proxy_fix.ProxyFix) -> Scope:
    """Say a scope in WSGI's words, let Werkzeug's rules change it, and say their changes in ASGI's words."""
    environ = environ_from({"method": "GET", **scope}, fields_from(scope["headers"]), io.RawIOBase())
    rules(environ, nothing)
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
    """Return the scheme as this kind of connection names it: proxies forward a websocket as http or https."""
    return scheme.replace("http", "ws", 1) if scope["type"] == "websocket" else scheme


def nothing(*_: Any) -> Any:
    """Stand where Werkzeug's rules want an app, and a `start_response`: they change the environ, which is all."""
