"""Apps of either kind that are mounted in a DualApp answer the same on both entries."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Iterator
from itertools import product
from typing import Any

import flask
import pytest
import quart
from asgiref.sync import async_to_sync
from quart.testing import WebsocketResponseError
from werkzeug.routing import Rule

from dualapp import Blueprint, DualApp, as_asgi, as_wsgi, request, url_for
from dualapp.crossing.bridge import run_on_loop
from dualapp.lifespan import StartupFailed

from ..conftest import Serve
from ..support.entry_driver import LOOP, AsgiExchange, Ask, scope_of
from ..support.waiting import LIMIT, wait_for
from .adapters.table import ask_asgi, ask_wsgi


def wsgi_app(environ: Any, start_response: Any) -> Iterator[bytes]:
    """Answers with what it was asked for, chunk by chunk."""
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Kind", "wsgi")])
    yield f"{environ['REQUEST_METHOD']} {environ['SCRIPT_NAME']} {environ['PATH_INFO']} ".encode()
    yield f"{environ['QUERY_STRING']} {len(body)}".encode()


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what it was asked for, chunk by chunk."""
    if scope["type"] == "lifespan":
        raise AssertionError("this app has no lifespan")
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message["body"]), message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    path = scope["path"].removeprefix(scope["root_path"])
    text = f"{scope['method']} {scope['root_path']} {path} {scope['query_string'].decode()} {size}"
    await send({"type": "http.response.body", "body": text[:4].encode(), "more_body": True})
    await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": text[4:].encode()})


def flask_app() -> flask.Flask:
    app = flask.Flask("inner")

    @app.route("/", methods=["GET", "POST"])
    def index():
        return (
            f"{flask.request.method} {flask.request.root_path} {flask.request.path} {flask.url_for('page', name='ä')}"
        )

    @app.route("/page/<name>", methods=["GET", "POST"])
    def page(name: str):
        return name + flask.request.get_data(as_text=True)

    return app


def quart_app() -> quart.Quart:
    app = quart.Quart("inner")

    @app.route("/", methods=["GET", "POST"])
    async def index():
        return (
            f"{quart.request.method} {quart.request.root_path} {quart.request.path} {quart.url_for('page', name='ä')}"
        )

    @app.route("/page/<name>", methods=["GET", "POST"])
    async def page(name: str):
        return name + await quart.request.get_data(as_text=True)

    return app


def dual_app() -> DualApp:
    app = DualApp("inner")

    @app.route("/", methods=["GET", "POST"])
    async def index():
        request = flask.request
        return f"{request.method} {request.root_path} {request.path} {url_for('page', name='ä')}"

    @app.route("/page/<name>", methods=["GET", "POST"])
    def page(name: str):
        return name + flask.request.get_data(as_text=True)

    return app


def of_a_kind_that_must_be_said(app: Any) -> Any:
    return lambda *args: app(*args)


BARE = [wsgi_app, asgi_app]
FRAMEWORKS = [flask_app, quart_app, dual_app]
#: Where a request for the path of the mount is sent, which lacks a slash.
SLASH = {flask_app: "http://localhost/shop/?a=1", quart_app: "/shop/?a=1", dual_app: "http://localhost/shop/?a=1"}


@pytest.mark.parametrize("inner", BARE)
@pytest.mark.parametrize("hooks", [False, True])
def test_it_answers_below_its_path(serve: Serve, inner: Any, hooks: bool) -> None:
    def build(app: DualApp) -> None:
        app.mount("/in/ner", inner, hooks=hooks)

        @app.get("/outer")
        async def outer():
            return "outer"

    client = serve(build, twin=False)
    assert client.get("/in/ner/a//b%2Fc?x=%20").text == "GET /in/ner /a//b/c x=%20 0"
    assert client.get("/in/ner/").text == "GET /in/ner /  0"
    assert client.post("/in/ner/x", body=b"x" * 200_000).text == "POST /in/ner /x  200000"
    assert client.post("/in/ner/x", body=[b"x" * 70_000, b"y"]).text == "POST /in/ner /x  70001"
    assert client.request("PROPFIND", "/in/ner/x").text == "PROPFIND /in/ner /x  0"
    assert client.get("/outer").text == "outer"
    assert client.get("/in/nerd").status == 404


@pytest.mark.parametrize("inner", FRAMEWORKS)
def test_frameworks_find_their_own_urls(serve: Serve, inner: Any) -> None:
    def build(app: DualApp) -> None:
        app.mount("/shop", inner())

    client = serve(build, twin=False)
    assert client.get("/shop/").text == "GET /shop / /shop/page/%C3%A4"
    assert client.post("/shop/page/ä", body=b"!").text == "ä!"
    assert client.get("/shop/nowhere").status == 404
    assert client.get("/shop?a=1").header("Location") == SLASH[inner]
    stop(client)


@pytest.mark.parametrize("inner", BARE)
def test_the_longest_path_wins_and_a_route_that_is_as_long(serve: Serve, inner: Any) -> None:
    def build(app: DualApp) -> None:
        app.mount("/", inner)
        app.mount("/a/b", inner)
        app.mount("/a", inner)

        @app.get("/own/<name>")
        async def own(name: str):
            return f"own {name}"

        @app.get("/a/route")
        async def route():
            return "route"

        @app.get("/<path:page>")
        async def page(page: str):
            return f"page {page}"

    client = serve(build, twin=False)
    assert client.get("/a/b/c").text == "GET /a/b /c  0"
    assert client.get("/a/c").text == "GET /a /c  0"
    assert client.get("/a/route").text == "route"
    assert client.post("/a/route").text == "POST /a /route  0"
    assert client.get("/own/x").text == "own x"
    assert client.get("/other").text == "page other"
    assert client.post("/other").text == "POST  /other  0"


def test_a_path_that_is_asked_for_again_gets_what_wins_now(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.mount("/", wsgi_app)
        app.mount("/deep/ä", wsgi_app)
        app.mount("/asgi", asgi_app)

    client = serve(build, twin=False)
    for _ in range(2):
        assert client.get("/x").text == "GET  /x  0"
        assert client.get("/deep/%C3%A4/x").text == "GET /deep/Ã¤ /x  0"
        assert client.get("/asgi").status == 307
        assert client.get("/asgi/x").text == "GET /asgi /x  0"
        assert client.get("/deep/x").text == "GET  /deep/x  0"
    client.app.view_functions["late"] = lambda: "late"
    client.app.url_map.add(Rule("/x", endpoint="late"))
    client.app.url_map.add(Rule("/asgi/x", endpoint="late"))
    assert client.get("/x").text == "late"
    assert client.get("/asgi/x").text == "late"
    assert client.get("/asgi//x").status == 308
    for number in range(3000):
        assert client.get(f"/{number}").text == f"GET  /{number}  0"
    assert len(client.app._generation.found_mounts) < 2000


def test_the_apps_hooks_run_around_it_if_asked(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.mount("/without", wsgi_app)
        app.mount("/with", asgi_app, hooks=True)

        @app.after_request
        async def mark(response: Any) -> Any:
            response.headers["X-Mark"] = "1"
            return response

    client = serve(build, twin=False)
    assert "x-mark" not in dict(client.get("/without/").headers)
    assert dict(client.get("/with/").headers)["x-mark"] == "1"


def failing_wsgi_app(environ: Any, start_response: Any) -> Any:
    raise LookupError("inner")


async def failing_asgi_app(scope: Any, receive: Any, send: Any) -> None:
    raise LookupError("inner")


@pytest.mark.parametrize(("inner", "failing"), [(wsgi_app, failing_wsgi_app), (asgi_app, failing_asgi_app)])
@pytest.mark.parametrize("hooks", [False, True])
def test_sessions_and_error_handlers_of_the_app_are_around_it_if_asked(
    serve: Serve, inner: Any, failing: Any, hooks: bool
) -> None:
    seen: list[str] = []

    def build(app: DualApp) -> None:
        app.secret_key = "secret"
        app.mount("/in", inner, hooks=hooks)
        app.mount("/failing", failing, hooks=hooks)

        @app.before_request
        async def count() -> None:
            flask.session["visits"] = flask.session.get("visits", 0) + 1

        @app.errorhandler(LookupError)
        async def found(error: LookupError) -> tuple[str, int]:
            return f"handled {error.args[0]}", 410

        @app.errorhandler(404)
        async def missing(error: Any) -> tuple[str, int]:
            return "ours", 404

        @app.teardown_request
        async def note(error: BaseException | None) -> None:
            seen.append(flask.request.path)

        @app.get("/visits")
        async def visits():
            return str(flask.session["visits"])

    client = serve(build, twin=False)
    answer = client.get("/in/x")
    assert answer.text == "GET /in /x  0"
    assert len(answer.all("Set-Cookie")) == hooks
    visits = client.get("/visits", headers=[answer.cookie] if hooks else [])
    assert visits.text == str(1 + hooks)
    answer = client.speak(Ask(target="/failing/"))
    if hooks:
        assert (answer.status, answer.text, answer.error) == (410, "handled inner", None)
    else:
        assert isinstance(answer.error, LookupError), "the server is told, as without an app around"
    assert client.get("/nowhere").text == "ours"
    paths = ["/in/x", "/visits", "/failing/"] if hooks else ["/visits"]
    assert [path for path in seen if path != "/nowhere"] == paths


@pytest.mark.parametrize("hooks", [False, True])
def test_error_handlers_of_the_app_leave_the_answers_of_a_mounted_app_alone(serve: Serve, hooks: bool) -> None:
    def build(app: DualApp) -> None:
        app.mount("/in", flask_app(), hooks=hooks)

        @app.errorhandler(404)
        async def missing(error: Any) -> tuple[str, int]:
            return "ours", 404

    client = serve(build, twin=False)
    assert client.get("/nowhere").text == "ours"
    assert "Not Found" in client.get("/in/nowhere").text


@pytest.mark.parametrize(("inner", "kind"), [(wsgi_app, "wsgi"), (asgi_app, "asgi")])
@pytest.mark.parametrize("hooks", [False, True])
def test_its_kind_may_be_said(serve: Serve, inner: Any, kind: Any, hooks: bool) -> None:
    def build(app: DualApp) -> None:
        app.mount("/in", of_a_kind_that_must_be_said(inner), kind=kind, hooks=hooks)

    assert serve(build, twin=False).post("/in/x", body=[b"x" * 70_000]).text == "POST /in /x  70000"


def test_its_urls_are_built(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.mount("/docs", wsgi_app, name="docs")

        @app.get("/")
        async def index():
            return [url_for("docs"), url_for("docs", path="a/b")]

    assert serve(build, twin=False).get("/").json() == ["/docs/", "/docs/a/b"]


class Counting:
    """An ASGI app that counts its lives, and answers with its state."""

    def __init__(self) -> None:
        self.events: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for event in ("startup", "shutdown"):
                await receive()
                scope["state"]["life"] = "new"
                self.events.append(event)
                await send({"type": f"lifespan.{event}.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        text = f"{scope['root_path']} {scope['state']['life']}"
        scope["state"]["life"] = "used"
        await send({"type": "http.response.body", "body": text.encode()})


@pytest.mark.parametrize("hooks", [False, True])
def test_an_app_that_is_mounted_twice_lives_once(serve: Serve, hooks: bool) -> None:
    inner = Counting()

    def build(app: DualApp) -> None:
        inner.events.clear()
        app.mount("/a", inner, hooks=hooks)
        app.mount("/b", inner, hooks=hooks)

    client = serve(build, twin=False)
    assert [client.get(path).text for path in ("/a/", "/b/", "/a/")] == ["/a new", "/b new", "/a new"]
    stop(client)
    assert inner.events == ["startup", "shutdown"]


def test_its_lifespan_runs_within_that_of_the_app(serve: Serve) -> None:
    inner = Counting()

    def build(app: DualApp) -> None:
        inner.events.clear()
        app.mount("/in", inner)

        @app.before_serving
        async def before() -> None:
            inner.events.append("before")

        @app.after_serving
        async def after() -> None:
            inner.events.append("after")

    client = serve(build, twin=False)
    assert client.get("/in/").text == "/in new"
    stop(client)
    assert inner.events == ["before", "startup", "shutdown", "after"]


@pytest.mark.parametrize("entry", ["wsgi", "asgi"])
def test_the_lifespan_of_an_app_that_is_never_stopped_ends(entry: str, caplog: pytest.LogCaptureFixture) -> None:
    """A test client does not stop its app: the garbage collector finds the lifespan while it waits."""
    ended = threading.Event()

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await asgi_app(scope, receive, send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        try:
            await receive()
        except asyncio.CancelledError:
            ended.set()
            raise

    def ask() -> weakref.ref[DualApp]:
        app = DualApp(__name__)
        app.mount("/in", inner)
        assert app.test_client(entry=entry).get("/in/").status_code == 200
        return weakref.ref(app)

    app = ask()
    wait_for(lambda: gc.collect() >= 0 and app() is None and ended.is_set())
    assert "destroyed" not in caplog.text


def stop(client: Any) -> None:
    if client.entry == "wsgi":
        client.app._lifespan.stop()
    else:
        LOOP.run(client.app.shutdown())


#: What a server tells of a connection (ASGI spec, "TLS Extension").
TLS = {"client_cert_name": "CN=someone", "client_cert_chain": ["a certificate"], "tls_version": 0x304}


async def tells_asgi(scope: Any, receive: Any, send: Any) -> None:
    """Tells what it knows of the connection, and uses its state."""
    if scope["type"] != "lifespan":
        text = f"{scope['scheme']} {scope['extensions'].get('tls')} {scope['state']}"
        scope["state"]["used"] = True
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": text.encode()})


def tells_wsgi(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    extensions = environ["asgi.scope"]["extensions"] if "asgi.scope" in environ else {}
    return [f"{environ['wsgi.url_scheme']} {extensions.get('tls')} {{}}".encode()]


@pytest.mark.parametrize("inner", [tells_asgi, tells_wsgi])
@pytest.mark.parametrize("hooks", [False, True])
def test_the_extensions_of_the_scope_tell_what_the_server_tells(inner: Any, hooks: bool) -> None:
    app = DualApp(__name__)
    app.mount("/in", inner, hooks=hooks)
    ask = Ask(target="/in/x")
    for state in ({}, {"of": "the server"}):
        answer = ask_asgi(app.asgi, ask, scheme="https", extensions={"tls": TLS}, state={**state})
        assert answer.text == f"https {TLS} {state if inner is tells_asgi else {}}"
        # Of TLS, WSGI has no more than the scheme, which may be that of a proxy.
        answer = ask_wsgi(app.wsgi, ask, **{"wsgi.url_scheme": "https", "SSL_PROTOCOL": "TLSv1.3"})
        assert answer.text == "https None {}"


async def raw_asgi(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["raw_path"] + b"?" + scope["query_string"]})


def raw_wsgi(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [environ["RAW_URI"].encode("latin-1")]


@pytest.mark.parametrize("inner", [raw_asgi, raw_wsgi])
@pytest.mark.parametrize("hooks", [False, True])
def test_it_is_told_the_target_as_it_was_sent(serve: Serve, inner: Any, hooks: bool) -> None:
    def build(app: DualApp) -> None:
        app.mount("/in", inner, hooks=hooks)

        @app.get("/own/<path:name>")
        async def own(name: str):
            return flask.request.environ["RAW_URI"]

    client = serve(build, twin=False)
    assert client.get("/in/a%2Fb%20c?d=%2F").text == "/in/a%2Fb%20c?d=%2F"
    assert client.get("/own/a%2Fb%20c?d=%2F").text == "/own/a%2Fb%20c?d=%2F"


async def failed_app(scope: Any, receive: Any, send: Any) -> None:
    """Says that its startup failed."""
    assert scope["type"] == "lifespan", "a request came through"
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


def failing_framework(app: Any) -> Any:
    @app.before_serving
    async def fail() -> None:
        raise LookupError("no database")

    return app


FAILING = {
    "failed": lambda: failed_app,
    "quart": lambda: failing_framework(quart.Quart("inner")),
    "dualapp": lambda: failing_framework(DualApp("inner")),
}


@pytest.mark.parametrize("inner", FAILING.values(), ids=FAILING)
@pytest.mark.parametrize("hooks", [False, True])
@pytest.mark.usefixtures("without_log")
def test_a_startup_that_fails_below_a_mount_fails_each_request(serve: Serve, inner: Any, hooks: bool) -> None:
    def build(app: DualApp) -> None:
        app.mount("/in", inner(), hooks=hooks)

        @app.get("/")
        async def index():
            raise AssertionError("a request came through")

    client = serve(build, twin=False)
    for path in ("/in/", "/", "/in/"):
        with pytest.raises(StartupFailed, match="no database"):
            client.get(path)


@pytest.mark.parametrize("inner", FAILING.values(), ids=FAILING)
@pytest.mark.usefixtures("without_log")
def test_an_asgi_server_is_told_that_a_startup_failed_below_a_mount(inner: Any) -> None:
    app, middle, sent = DualApp(__name__), DualApp("middle"), []
    middle.mount("/in", inner())
    app.mount("/middle", middle)

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        sent.append((message["type"], "no database" in message["message"]))

    with pytest.raises(StartupFailed, match="no database"):
        LOOP.run(app.asgi({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send))
    assert sent == [("lifespan.startup.failed", True)]


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Takes each call for a request."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


async def raising(scope: Any, receive: Any, send: Any) -> None:
    """Knows lifespan messages, and fails at the first."""
    if scope["type"] == "lifespan":
        await receive()
        raise LookupError("no database")
    await hello(scope, receive, send)


@pytest.mark.parametrize(("inner", "logged"), [(hello, []), (raising, ["ERROR"])])
def test_an_app_that_raises_at_its_start_is_served_and_the_log_says_so(
    serve: Serve, inner: Any, logged: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """As by a server: ASGI spec, "Lifespan Protocol", "Scope"."""

    def build(app: DualApp) -> None:
        app.mount("/in", inner)

    client = serve(build, twin=False)
    with caplog.at_level("WARNING"):
        assert client.get("/in/").text == client.get("/in/").text == "hello"
        stop(client)
    assert [record.levelname for record in caplog.records] == logged
    assert caplog.text.count("LookupError: no database") == len(logged)


def test_mounts_in_mounts(serve: Serve) -> None:
    inner = Counting()

    def build(app: DualApp) -> None:
        inner.events.clear()
        middle = DualApp("middle")
        middle.mount("/inner", inner)
        middle.mount("/wsgi", wsgi_app)
        app.mount("/middle", middle)

    client = serve(build, twin=False)
    assert client.get("/middle/inner/").text == "/middle/inner new"
    assert client.get("/middle/wsgi/x").text == "GET /middle/wsgi /x  0"
    assert client.get("/middle/other").status == 404
    stop(client)
    assert inner.events == ["startup", "shutdown"]


def test_a_blueprint_mounts_below_its_prefix(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        shop, outer = Blueprint("shop", __name__, url_prefix="/shop"), Blueprint("outer", __name__, url_prefix="/outer")
        shop.mount("/docs", wsgi_app, name="docs")
        shop.mount("/hooked", asgi_app, hooks=True)

        @shop.after_request
        async def mark(response: Any) -> Any:
            response.headers["X-Mark"] = "shop"
            return response

        @shop.get("/")
        async def index():
            return url_for("shop.docs", path="a")

        @shop.get("/own")
        async def own():
            return url_for(".docs", path="a")

        app.register_blueprint(shop)
        outer.register_blueprint(shop)
        app.register_blueprint(outer)

    client = serve(build, twin=False)
    assert client.get("/shop/").text == "/shop/docs/a"
    assert client.get("/outer/shop/own").text == "/outer/shop/docs/a"
    assert client.get("/shop/docs/x").text == "GET /shop/docs /x  0"
    assert client.get("/outer/shop/docs/x").text == "GET /outer/shop/docs /x  0"
    assert client.get("/shop/hooked/x").all("X-Mark") == ["shop"]
    assert client.get("/shop/docs/x").all("X-Mark") == []


@pytest.mark.parametrize("hooks", [False, True])
def test_a_mount_of_one_host(serve: Serve, hooks: bool) -> None:
    def build(app: DualApp) -> None:
        if hooks:
            app.url_map.host_matching = True
        app.mount("/", wsgi_app, host="api.test", hooks=hooks)

        @app.get("/", **({"host": "localhost"} if hooks else {}))
        async def index():
            return "own"

    client = serve(build, twin=False)
    assert client.get("/x", headers=[("Host", "api.test")]).text == "GET  /x  0"
    assert client.get("/").text == "own"
    assert client.get("/x").status == 404


def test_an_outer_app_starts_and_stops_it() -> None:
    app, inner = DualApp("inner"), Counting()
    app.mount("/in", inner)

    async def run() -> None:
        async with app.lifespan_context("outer"):
            assert inner.events == ["startup"]

    LOOP.run(run())
    assert inner.events == ["startup", "shutdown"]


def test_what_is_not_an_app_is_refused() -> None:
    app = DualApp(__name__)

    def either(*args: Any) -> None: ...

    with pytest.raises(TypeError, match="not an app"):
        app.mount("/x", "shop:app")
    with pytest.raises(TypeError, match="not an app"):
        app.mount("/x", "shop:app", kind="wsgi")
    with pytest.raises(TypeError, match="kind='wsgi' or kind='asgi'"):
        app.mount("/x", either)
    for kind in ("both", "WSGI", ""):
        with pytest.raises(ValueError, match=f"'wsgi' or 'asgi', not '{kind}'"):
            app.mount("/x", either, kind=kind)  # type: ignore[arg-type]  # not a kind
        with pytest.raises(ValueError, match=f"'wsgi' or 'asgi', not '{kind}'"):
            app.add_middleware(MarkingWSGI, kind=kind)  # type: ignore[arg-type]  # as above
    with pytest.raises(ValueError, match="begins with a slash"):
        app.mount("x", wsgi_app)
    app.mount("/x", wsgi_app)
    with pytest.raises(ValueError, match="already"):
        app.mount("/x/", asgi_app)
    assert not app.while_serving_gens
    app.mount("/y", asgi_app)
    assert len(app.while_serving_gens) == 1, "what was refused counts for nothing"


@pytest.mark.parametrize("entry", ["wsgi", "asgi"])
def test_a_mount_may_come_after_a_request_to_another(entry: Any) -> None:
    app = DualApp(__name__)
    client = app.test_client(entry=entry)
    app.mount("/a", wsgi_app)
    assert client.get("/a/x").text == "GET /a /x  0"
    app.mount("/b", wsgi_app)
    assert client.get("/b/x").text == "GET /b /x  0"


def failing_flask(chunks: list[bytes], error: type[BaseException]) -> flask.Flask:
    app = flask.Flask("failing")

    @app.get("/x")
    def index():
        if not chunks:
            raise error
        return flask.Response(failing_wsgi(chunks, error)({}, lambda status, headers: None))

    return app


def failing_wsgi(chunks: list[bytes], error: type[BaseException]) -> Any:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield from chunks
        raise error

    return app


def failing_wsgi_at_once(chunks: list[bytes], error: type[BaseException]) -> Any:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        write = start_response("200 OK", [])
        for chunk in chunks:
            write(chunk)
        raise error

    return app


def failing_asgi(chunks: list[bytes], error: type[BaseException]) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http", "this app has no lifespan"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await asyncio.sleep(0)
        raise error

    return app


#: An ASGI app under an ASGI server is not here: its coroutine is the server's own.
FAILING = [
    *product(["wsgi", "asgi"], [failing_flask, failing_wsgi, failing_wsgi_at_once]),
    ("wsgi", failing_asgi),
]


@pytest.mark.usefixtures("without_log")
@pytest.mark.parametrize("error", [asyncio.CancelledError, GeneratorExit])
@pytest.mark.parametrize("chunks", [[], [b"first"]])
@pytest.mark.parametrize(("entry", "build"), FAILING)
def test_an_error_that_is_no_exception_is_one_to_the_server(
    entry: str, build: Any, chunks: list[bytes], error: type[BaseException]
) -> None:
    outer = DualApp(__name__)
    outer.mount("/in", build(chunks, error))
    if entry == "wsgi":
        roads = [(ask_wsgi, outer.wsgi, "/in/x")]
    else:
        roads = [(ask_asgi, outer.asgi, "/in/x"), (ask_asgi, as_asgi(build(chunks, error)), "/x")]
    if build is failing_asgi:
        roads.append((ask_wsgi, as_wsgi(build(chunks, error)), "/x"))
    for ask, app, path in roads * 2:  # the first request starts the app
        answer = ask(app, Ask(target=path))
        assert type(answer.error) is RuntimeError
        assert answer.body == b"".join(chunks)


def test_a_cancellation_by_the_server_passes_a_mounted_wsgi_app() -> None:
    app, begun, may_end = DualApp(__name__), threading.Event(), threading.Event()

    def inner(environ: Any, start_response: Any) -> list[bytes]:
        begun.set()
        assert may_end.wait(LIMIT)
        start_response("200 OK", [])
        return [b"late"]

    app.mount("/in", inner)

    async def cancelled() -> bool:
        task = asyncio.create_task(AsgiExchange(Ask(target="/in/x")).run(app.asgi))
        await asyncio.to_thread(begun.wait, LIMIT)
        task.cancel()
        may_end.set()
        await asyncio.wait([task])
        return task.cancelled()

    assert LOOP.run(cancelled())


def test_a_mounted_apps_coroutine_is_the_answer_once_the_app_has_started() -> None:
    app, events = DualApp(__name__), []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http", "this app has no lifespan"
        events.append(scope["root_path"])

    async def unused(message: Any = None) -> Any: ...

    @app.before_serving
    async def start() -> None:
        events.append("start")

    app.mount("/in", inner)

    def answer() -> Any:
        return app.asgi(scope_of(Ask(target="/in/x")), unused, unused)

    async def answer_in_loop() -> None:
        coroutine = answer()
        assert coroutine.cr_code is inner.__code__
        await coroutine

    LOOP.run(answer())  # made where no loop runs
    LOOP.run(answer_in_loop())
    assert events == ["start", "/in", "/in"]


class MarkingWSGI:
    """WSGI middleware that adds a header, and knows the body."""

    def __init__(self, app: Any, mark: str) -> None:
        self.app = app
        self.mark = mark

    def __call__(self, environ: Any, start_response: Any) -> Any:
        def start(status: str, headers: Any, exc_info: Any = None) -> Any:
            return start_response(status, [*headers, ("X-Mark", self.mark)], exc_info)

        return self.app(environ, start)


class MarkingASGI:
    """The same as ASGI middleware."""

    def __init__(self, app: Any, mark: str) -> None:
        self.app = app
        self.mark = mark.encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def marked(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-mark", self.mark)]
            await send(message)

        await self.app(scope, receive, marked)


@pytest.mark.parametrize("inner", [MarkingWSGI, MarkingASGI])
@pytest.mark.parametrize("outer", [MarkingWSGI, MarkingASGI])
def test_middleware_of_either_kind_is_around_both_entries(serve: Serve, inner: Any, outer: Any) -> None:
    def build(app: DualApp) -> None:
        app.add_middleware(inner, mark="in")
        app.add_middleware(outer, mark="out")

        @app.route("/", methods=["GET", "POST"])
        async def index():
            return str(len(await request.get_data()))

        @app.get("/stream")
        async def stream():
            async def async_chunks():
                yield "a"
                await asyncio.sleep(0)
                yield "b"

            return async_chunks()

        @app.get("/error")
        async def error():
            raise LookupError

    client = serve(build, twin=False)
    for path, text in (("/", "0"), ("/stream", "ab")):
        answer = client.get(path)
        assert (answer.text, answer.all("X-Mark")) == (text, ["in", "out"])
    assert client.post("/", body=b"x" * 100_000).text == "100000"
    answer = client.get("/error")
    assert (answer.status, answer.all("X-Mark")) == (500, ["in", "out"])


def test_a_stream_does_not_run_while_its_response_starts(serve: Serve) -> None:
    """Middleware may look into the context then, and functions that tear it down may run."""
    events: list[str] = []

    def build(app: DualApp) -> None:
        app.add_middleware(MarkingWSGI, mark="in")

        @app.get("/")
        async def index():
            async def chunks():
                events.append("begun")
                yield "a"
                time.sleep(0.05)
                events.append("ended")
                yield "b"

            return chunks()

        @app.teardown_request
        async def note(error):
            events.append("torn down")

    client = serve(build, twin=False)
    for _ in range(3):
        events.clear()
        assert client.get("/").text == "ab"
        assert sorted(events) == ["begun", "ended", "torn down"]
        if serve.entry == "wsgi":
            assert events == ["begun", "torn down", "ended"]


def test_middleware_for_both_entries_comes_first() -> None:
    app = DualApp(__name__)
    app.wsgi_app = MarkingWSGI(app.wsgi_app, "own")  # type: ignore[method-assign]  # as in Flask
    with pytest.raises(RuntimeError, match="before you replace"):
        app.add_middleware(MarkingASGI, mark="both")


@pytest.mark.parametrize(("adapt", "right", "wrong"), [(as_wsgi, asgi_app, wsgi_app), (as_asgi, wsgi_app, asgi_app)])
def test_an_adapter_refuses_an_app_that_needs_none(adapt: Any, right: Any, wrong: Any) -> None:
    assert callable(adapt(right))
    with pytest.raises(TypeError, match=f"{wrong.__name__}.* does not speak"):
        adapt(wrong)


def test_an_adapter_keeps_to_its_threads() -> None:
    counts = {"now": 0, "most": 0}

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        counts["now"] += 1
        counts["most"] = max(counts.values())
        start_response("200 OK", [])
        time.sleep(0.01)
        counts["now"] -= 1
        return iter([b"done"])

    adapted = as_asgi(app, threads=1)

    async def ask_at_once() -> list[str]:
        answers = await asyncio.gather(*(AsgiExchange(Ask()).run(adapted) for _ in range(5)))
        return [answer.text for answer in answers]

    assert LOOP.run(ask_at_once()) == ["done"] * 5
    assert counts == {"now": 0, "most": 1}


async def accepting(scope: Any, receive: Any, send: Any) -> None:
    """Accepts websockets."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept", "subprotocol": scope["root_path"]})


def test_websockets_of_an_asgi_server_are_passed_on() -> None:
    app = DualApp(__name__)
    app.mount("/", accepting)
    app.mount("/wsgi", wsgi_app)

    @app.websocket("/own")
    async def own() -> None:
        raise AssertionError("nothing connects here")

    def ask(path: str) -> list[Any]:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "websocket.connect"} if path != "/own" else {"type": "websocket.disconnect"}

        async def send(message: Any) -> None:
            sent.append((message["type"], message.get("subprotocol")))

        scope = {**scope_of(Ask(target=path)), "type": "websocket", "scheme": "ws", "subprotocols": []}
        LOOP.run(app.asgi(scope, receive, send))
        return sent

    assert ask("/live") == [("websocket.accept", "")]
    assert ask("/wsgi/x") == [("websocket.close", None)]
    assert ask("/own") == []


async def talking(scope: Any, receive: Any, send: Any) -> None:
    """Sends where it is."""
    assert scope["type"] == "websocket", "this app has no lifespan"
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": f"{scope['root_path']} {scope['path']}"})
    await send({"type": "websocket.close"})


def test_the_test_client_talks_with_mounted_apps(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        inner = DualApp("inner")
        inner.mount("/talks", talking)
        app.mount("/in", inner)
        app.mount("/hooked", talking, hooks=True)

    app = serve(build, twin=False).app
    with app.test_client().websocket("/in/talks/x") as ws:
        assert ws.receive() == "/in/talks /in/talks/x"
    with pytest.raises(WebsocketResponseError) as refusal, app.test_client().websocket("/hooked/x") as ws:
        ws.receive()
    assert refusal.value.response.status_code == 400, "hooks run around requests, so a mount with hooks has only those"


@pytest.mark.parametrize("entry", ["wsgi", "asgi"])
def test_async_code_of_a_wsgi_app_has_loops_of_its_own_from_the_call_to_the_close(entry: Any) -> None:
    app, inner = DualApp(__name__), flask.Flask("inner")
    own: dict[str, Any] = {}

    async def running_loop() -> Any:
        return asyncio.get_running_loop()

    @inner.get("/")
    def index():
        own["call"] = async_to_sync(running_loop)()
        response = flask.Response(chunks("stream"))
        response.call_on_close(lambda: own.update(close=async_to_sync(running_loop)()))
        return response

    def chunks(part: str) -> Iterator[bytes]:
        own[part] = async_to_sync(running_loop)()
        yield part.encode()

    def generating(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield from chunks("generator")

    app.mount("/flask", inner)
    app.mount("/generating", generating, kind="wsgi")
    client = app.test_client(entry=entry)
    with client.get("/flask/") as streamed, client.get("/generating") as generated:
        assert (streamed.data, generated.data) == (b"stream", b"generator")
    assert sorted(own) == ["call", "close", "generator", "stream"]
    assert run_on_loop(running_loop) not in own.values()
