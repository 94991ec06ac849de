"""Behind a proxy: the same forwarded request is the same on both entries, and what Werkzeug makes of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from werkzeug.middleware import proxy_fix

from dualapp import DualApp, ProxyFix, redirect, request, url_for

from ..conftest import Serve
from ..support.entry_driver import Client

ALL = {"x_for": 1, "x_proto": 1, "x_host": 1, "x_port": 1, "x_prefix": 1}


def pages(app: DualApp) -> None:
    @app.route("/see/<name>", methods=["GET", "POST"])
    async def see(name):
        return {
            "remote_addr": request.remote_addr,
            "route": list(request.access_route),
            "scheme": request.scheme,
            "secure": request.is_secure,
            "host": request.host,
            "script_root": request.script_root,
            "root_path": request.root_path,
            "path": request.path,
            "url": request.url,
            "base_url": request.base_url,
            "url_root": request.url_root,
            "next": url_for("see", name="öl"),
            "whole": url_for("see", name="b", _external=True),
            "body": await request.get_data(as_text=True),
        }

    @app.get("/go")
    async def go():
        return redirect(url_for("see", name=request.remote_addr))

    @app.get("/folder/")
    async def folder():
        return "folder"


def behind(serve: Serve, **trusted: int) -> Client:
    """The app with our ProxyFix, beside plain Flask with Werkzeug's."""
    client = serve(pages)
    ProxyFix(client.app, **trusted)
    assert client.twin
    client.twin.app.wsgi_app = proxy_fix.ProxyFix(client.twin.app.wsgi_app, **trusted)
    return client


FORWARDED = [
    [],
    [("X-Forwarded-For", "192.0.2.7")],
    [("X-Forwarded-For", "203.0.113.1, 192.0.2.7")],
    [("X-Forwarded-For", "203.0.113.1"), ("X-Forwarded-For", "192.0.2.7")],
    [("X-Forwarded-For", '"[2001:db8::1]"')],
    [("X-Forwarded-For", "")],
    [("X_Forwarded_For", "192.0.2.7")],
    [("X-Forwarded-Proto", "https")],
    [("X-Forwarded-Proto", "http,https")],
    [("X-Forwarded-Host", "shop.test")],
    [("X-Forwarded-Host", "shop.test:8443"), ("X-Forwarded-Proto", "https")],
    [("X-Forwarded-Host", "[2001:db8::1]")],
    [("X-Forwarded-Host", "[2001:db8::1]:81")],
    [("X-Forwarded-Host", "not a host/")],
    [("X-Forwarded-Port", "8443")],
    [("X-Forwarded-Port", "443"), ("X-Forwarded-Proto", "https")],
    [("X-Forwarded-Port", "8443"), ("X-Forwarded-Host", "shop.test:80")],
    [("X-Forwarded-Prefix", "/shop")],
    [("X-Forwarded-Prefix", "/shop/")],
    [("X-Forwarded-Prefix", "/a/b, /shop")],
    [("X-Forwarded-Prefix", "/b\u00c3\u00a4r")],  # the bytes of UTF-8, as header values are spelled
    [
        ("X-Forwarded-For", "192.0.2.7"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "shop.test"),
        ("X-Forwarded-Port", "8443"),
        ("X-Forwarded-Prefix", "/shop"),
    ],
]
TARGETS = [("", "/see/a%20%C3%A4?q=1"), ("", "/go"), ("", "/folder"), ("", "/missing"), ("/mount", "/mount/see/a")]


@pytest.mark.parametrize("headers", FORWARDED, ids=lambda headers: " ".join(value for _, value in headers) or "nothing")
def test_the_same_forwarded_request_is_the_same_request(serve: Serve, headers: list[tuple[str, str]]) -> None:
    client = behind(serve, **ALL)
    for root, target in TARGETS:
        client.get(target, headers, root=root)


@pytest.mark.parametrize("trusted", [{}, {"x_for": 0, "x_proto": 0}, {"x_for": 2}, {"x_host": 1}, {"x_for": 3}])
def test_no_more_is_believed_than_was_said(serve: Serve, trusted: dict[str, int]) -> None:
    client = behind(serve, **trusted)
    for headers in ([("X-Forwarded-For", "203.0.113.1, 192.0.2.7")], FORWARDED[-1]):
        client.get("/see/a", headers)


def test_what_a_proxy_says_reaches_the_view(serve: Serve) -> None:
    seen = json.loads(behind(serve, **ALL).post("/see/a?q=1", FORWARDED[-1], b"body").body)
    assert seen["remote_addr"] == "192.0.2.7"
    assert seen["url"] == "https://shop.test:8443/shop/see/a?q=1"
    assert (seen["script_root"], seen["path"]) == ("/shop", "/see/a")
    assert seen["whole"] == "https://shop.test:8443/shop/see/b"
    assert seen["body"] == "body"


def test_a_proxy_in_front_of_a_proxy() -> None:
    app = DualApp(__name__)
    ProxyFix(app, x_for=1)
    ProxyFix(app, x_for=2)
    app.add_url_rule("/", view_func=lambda: request.remote_addr)
    headers = [("X-Forwarded-For", "203.0.113.1, 192.0.2.7")]
    # The inner one has the last word, as with Werkzeug's.
    answers = [Client(app, entry).get("/", headers).text for entry in ("wsgi", "asgi")]
    assert answers == ["192.0.2.7", "192.0.2.7"]


def scope_after(scope: dict[str, Any], **trusted: int) -> dict[str, Any]:
    """What the app is asked once the proxy has been believed."""
    app = DualApp(__name__)
    asked = []

    async def asgi_app(scope, receive, send):
        asked.append(scope)

    app.asgi_app = asgi_app  # type: ignore[method-assign]
    ProxyFix(app, **trusted)
    asyncio.run(app.asgi(scope, None, print))  # type: ignore[arg-type]  # neither is called
    return asked[0]


def test_a_websocket_is_as_secure_as_the_page_it_belongs_to() -> None:
    scope = {
        "type": "websocket",
        "http_version": "1.1",
        "scheme": "ws",
        "path": "/chat",
        "query_string": b"",
        "headers": [(b"host", b"inside"), (b"x-forwarded-proto", b"https"), (b"x-forwarded-host", b"shop.test")],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
        "subprotocols": ["talk"],
    }
    seen = scope_after(scope, x_host=1)
    assert (seen["type"], seen["scheme"], seen["path"]) == ("websocket", "wss", "/chat")
    assert dict(seen["headers"])[b"host"] == b"shop.test"
    assert seen["subprotocols"] == ["talk"]
    assert scope["scheme"] == "ws"  # the server's own scope is left alone


def test_the_life_of_the_process_passes_through() -> None:
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}}
    assert scope_after(scope) is scope


def test_a_client_on_a_unix_socket_has_an_address_once_the_proxy_says_it() -> None:
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [(b"x-forwarded-for", b"192.0.2.7")],
        "client": None,
        "server": ("/run/app.sock", None),
    }
    assert scope_after(scope)["client"] == ("192.0.2.7", None)
