"""Middleware of both worlds: WSGI's around `app.wsgi_app`, ASGI's around `app.asgi_app`, as their pages show it.

What is put around one entry is not seen by the other; that too is tested, since the documentation says it.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask
import pytest
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from whitenoise import WhiteNoise

from dualapp import DualApp, request

from ..conftest import Serve
from ..support.entry_driver import Answer, Client

PAGE = "all work and no play " * 100
ORIGIN = "https://friend.test"


def pages(app: DualApp) -> None:
    @app.get("/")
    async def index():
        return {"url": request.url, "remote": request.remote_addr}

    @app.get("/page")
    async def page():
        return PAGE

    @app.get("/stream")
    async def stream():
        async def words():
            for word in ("one", "two", "three"):
                await asyncio.sleep(0)
                yield word * 300

        return words()

    @app.post("/size")
    async def size():
        return {"bytes": len(await request.get_data())}

    @app.get("/fail")
    async def fail():
        raise LookupError


@pytest.fixture(params=["def", "async"])
def on_wsgi(request: pytest.FixtureRequest) -> Serve:
    return Serve("wsgi", request.param)


@pytest.fixture(params=["def", "async"])
def on_asgi(request: pytest.FixtureRequest) -> Serve:
    return Serve("asgi", request.param)


def other(client: Client) -> Client:
    """The same app, asked at its other entry."""
    return Client(client.app, {"wsgi": "asgi", "asgi": "wsgi"}[client.entry])


# Around the WSGI entry. The twin is plain Flask with the same middleware.


def test_werkzeugs_proxy_fix(on_wsgi: Serve) -> None:
    def build(app: DualApp) -> None:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)

    client = on_wsgi(pages, build)
    headers = [
        ("X-Forwarded-For", "192.0.2.7"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "shop.test"),
        ("X-Forwarded-Prefix", "/shop"),
    ]
    assert client.get("/", headers).json() == {"url": "https://shop.test/shop/", "remote": "192.0.2.7"}
    assert other(client).get("/", headers).json() == {"url": "http://localhost/", "remote": "127.0.0.1"}


def admin() -> flask.Flask:
    app = flask.Flask("admin")

    @app.get("/users")
    def users():
        return {"root": flask.request.script_root, "next": flask.url_for("users", page=2)}

    return app


@pytest.mark.parametrize("mounted", [admin, lambda: mounted_dual_app().wsgi], ids=["flask", "dualapp"])
def test_werkzeugs_dispatcher(on_wsgi: Serve, mounted: Callable[[], Any]) -> None:
    def build(app: DualApp) -> None:
        app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/admin": mounted()})

    client = on_wsgi(pages, build)
    assert client.get("/admin/users").json() == {"root": "/admin", "next": "/admin/users?page=2"}
    assert client.get("/page").text == PAGE
    assert client.get("/admin/missing").status == 404
    assert other(client).get("/admin/users").status == 404


def mounted_dual_app() -> DualApp:
    app = DualApp("admin")

    @app.get("/users")
    async def users():
        return {"root": request.script_root, "next": app.url_for("users", page=2)}

    return app


def test_whitenoise(on_wsgi: Serve, tmp_path: Path) -> None:
    (tmp_path / "site.css").write_text("p { color: teal }")

    def build(app: DualApp) -> None:
        app.wsgi_app = WhiteNoise(app.wsgi_app, root=tmp_path, prefix="assets/")

    client = on_wsgi(pages, build)
    found = client.get("/assets/site.css")
    assert (found.status, found.text) == (200, "p { color: teal }")
    assert found.header("cache-control") == "max-age=60, public"
    assert client.get("/assets/site.css", [("If-None-Match", found.header("etag") or "")]).status == 304
    assert client.get("/assets/site.css", [("Range", "bytes=4-8")]).text == "color"
    assert client.get("/assets/missing.css").status == 404
    assert client.get("/page").text == PAGE
    assert other(client).get("/assets/site.css").status == 404


# Around the ASGI entry. There is no Flask to compare with; the other entry, without middleware, says what to expect.


def test_starlettes_cors(on_asgi: Serve) -> None:
    client = on_asgi(pages, twin=False)
    client.app.asgi_app = CORSMiddleware(client.app.asgi_app, allow_origins=[ORIGIN], allow_methods=["PUT"])
    shared, own = client.get("/", [("Origin", ORIGIN)]), other(client).get("/", [("Origin", ORIGIN)])
    assert shared.header("access-control-allow-origin") == ORIGIN
    assert (shared.status, shared.body) == (own.status, own.body)
    assert own.header("access-control-allow-origin") is None
    assert client.get("/", [("Origin", "https://stranger.test")]).header("access-control-allow-origin") is None
    preflight = client.options("/page", [("Origin", ORIGIN), ("Access-Control-Request-Method", "PUT")])
    assert (preflight.status, preflight.text) == (200, "OK")
    assert preflight.header("access-control-allow-methods") == "PUT"


def unzipped(answer: Answer) -> bytes:
    assert answer.header("content-encoding") == "gzip"
    return gzip.decompress(answer.body)


def test_starlettes_gzip(on_asgi: Serve) -> None:
    client = on_asgi(pages, twin=False)
    client.app.asgi_app = GZipMiddleware(client.app.asgi_app, minimum_size=500)
    accepts = [("Accept-Encoding", "gzip")]
    for path in ("/page", "/stream"):
        assert unzipped(client.get(path, accepts)) == other(client).get(path, accepts).body
        assert client.get(path).header("content-encoding") is None
    assert client.get("/", accepts).header("content-encoding") is None
    assert client.post("/size", accepts, b"x" * 100_000).json() == {"bytes": 100_000}
    assert client.get("/fail", accepts).status == 500


def test_middleware_of_both_worlds_on_one_app(serve: Serve) -> None:
    client = serve(pages, twin=False)
    app = client.app
    app.wsgi_app = ProxyFix(app.wsgi_app)
    app.asgi_app = GZipMiddleware(CORSMiddleware(app.asgi_app, allow_origins=["*"]), minimum_size=500)
    assert client.get("/page").text == PAGE
    answer = client.get("/", [("Origin", ORIGIN), ("X-Forwarded-For", "192.0.2.7")])
    shared = answer.header("access-control-allow-origin")
    assert (shared, answer.json()["remote"]) == {"wsgi": (None, "192.0.2.7"), "asgi": ("*", "127.0.0.1")}[client.entry]


# Around both entries at once: on one of them the middleware runs in an adapter.


def test_whitenoise_on_both_entries(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "site.css").write_text("p { color: teal }")

    def build(app: DualApp) -> None:
        app.add_middleware(WhiteNoise, root=tmp_path, prefix="assets/")

    client = serve(pages, build, twin=False)
    found = client.get("/assets/site.css")
    assert (found.status, found.text) == (200, "p { color: teal }")
    assert client.get("/assets/site.css", [("If-None-Match", found.header("etag") or "")]).status == 304
    assert client.get("/assets/site.css", [("Range", "bytes=4-8")]).text == "color"
    head = client.head("/assets/site.css")
    assert (head.header("content-length"), head.body) == ("17", b"")
    assert client.get("/assets/missing.css").status == 404
    assert_is_unchanged(client)


def test_starlettes_middleware_on_both_entries(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.add_middleware(GZipMiddleware, minimum_size=500)
        app.add_middleware(CORSMiddleware, allow_origins=[ORIGIN], allow_methods=["PUT"])

    client = serve(pages, build, twin=False)
    accepts = [("Accept-Encoding", "gzip"), ("Origin", ORIGIN)]
    for path, text in (("/page", PAGE), ("/stream", "one" * 300 + "two" * 300 + "three" * 300)):
        answer = client.get(path, accepts)
        assert unzipped(answer).decode() == text
        assert answer.header("access-control-allow-origin") == ORIGIN
    preflight = client.options("/page", [("Origin", ORIGIN), ("Access-Control-Request-Method", "PUT")])
    assert (preflight.status, preflight.text) == (200, "OK")
    assert_is_unchanged(client)


def test_werkzeugs_proxy_fix_on_both_entries(serve: Serve) -> None:
    """dualapp's own costs no crossing; this one does the same."""

    def build(app: DualApp) -> None:
        app.add_middleware(ProxyFix, x_for=1, x_proto=1, x_host=1, x_prefix=1)

    client = serve(pages, build, twin=False)
    headers = [("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Prefix", "/shop")]
    assert client.get("/", headers).json() == {"url": "https://localhost/shop/", "remote": "192.0.2.7"}
    assert_is_unchanged(client)


def assert_is_unchanged(client: Client) -> None:
    """What the middleware has no part in comes through."""
    assert client.get("/page").text == PAGE
    assert client.post("/size", body=[b"x" * 70_000, b"y"]).json() == {"bytes": 70_001}
    assert client.get("/stream").text == "one" * 300 + "two" * 300 + "three" * 300
    assert client.get("/fail").status == 500
