"""The entries themselves: the attributes, the app as a callable, middleware, and the lifespan protocol."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable
from typing import Any

import flask
import pytest

from dualapp import (
    DualApp,
    ProxyFix,
    request,
)

from ..conftest import NAME, Serve
from ..support.entry_driver import LOOP, Ask, Client, environ_of
from ..support.waiting import LIMIT


def build(app: DualApp) -> None:
    @app.get("/")
    async def index():
        return "here"


class Called:
    """Speaks to the app itself, as servers do that know only one name."""

    def __init__(self, app: DualApp) -> None:
        self.wsgi = self.asgi = app


def test_the_app_is_a_flask_app(serve: Serve) -> None:
    app = serve(build).app
    assert isinstance(app, flask.Flask)
    assert (app.name, app.import_name) == (NAME, NAME)
    assert app.logger.name == NAME


def test_the_app_itself_speaks_both_protocols(serve: Serve) -> None:
    client = serve(build)
    assert Client(Called(client.app), client.entry).get("/").text == "here"


def test_the_app_refuses_any_other_call() -> None:
    """uvicorn tries a call without arguments to see whether it has an app or a factory."""
    app = DualApp("entries")
    for arguments in ((), (1,), (1, 2, 3, 4)):
        with pytest.raises(TypeError):
            app(*arguments)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="coroutine functions cannot be marked before 3.12")
def test_the_app_looks_like_a_coroutine_function() -> None:
    app = DualApp("entries")
    assert inspect.iscoroutinefunction(app.__call__)
    assert inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(type(app).__call__)


def test_asgiref_sees_an_asgi_app_of_version_three() -> None:
    from asgiref.compatibility import is_double_callable

    assert not is_double_callable(DualApp("entries"))
    assert not is_double_callable(DualApp("entries").asgi)


@pytest.mark.parametrize("prepare", [lambda app: None, ProxyFix], ids=["bare", "behind a proxy"])
def test_what_asgi_middleware_wraps_looks_like_an_app_of_version_three(prepare: Any) -> None:
    """To those who ask as uvicorn does: it must be a function, or an object with an async `__call__`."""
    app = DualApp("entries")
    prepare(app)
    asgi_app = app.asgi_app
    assert inspect.iscoroutinefunction(asgi_app if inspect.isfunction(asgi_app) else asgi_app.__call__)


def test_who_replaces_the_call_of_flask_apps_is_asked(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """As tools do that watch Flask apps; of the ASGI entry Flask has no call."""
    asked, call = [], flask.Flask.__call__

    def watched(app: Any, environ: Any, start_response: Any) -> Any:
        asked.append(environ["PATH_INFO"])
        return call(app, environ, start_response)

    monkeypatch.setattr(flask.Flask, "__call__", watched)
    client = serve(build)
    for target in (client.app, Called(client.app)):
        assert Client(target, client.entry).get("/").text == "here"
    assert asked == {"wsgi": ["/", "/"], "asgi": []}[client.entry]


def test_a_subclass_may_have_its_own_asgi_app(serve: Serve) -> None:
    class Mixin:
        async def asgi_app(self, scope: Any, receive: Any, send: Any) -> None:
            await super().asgi_app({**scope, "path": "/"}, receive, send)  # type: ignore[misc]  # DualApp's

    client = serve(build, twin=False, mixin=Mixin)
    assert Client(client.app, "asgi").get("/anywhere").text == "here"


def test_a_wsgi_middleware_is_honoured(serve: Serve) -> None:
    class Middleware:
        def __init__(self, app: Any) -> None:
            self.app = app

        def __call__(self, environ: Any, start_response: Any) -> Any:
            environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/moved")
            return self.app(environ, start_response)

    def wrap(app: Any) -> None:
        app.wsgi_app = Middleware(app.wsgi_app)

    app = serve(build, wrap).app
    for target in (app, Called(app)):
        assert Client(target, "wsgi").get("/moved/").text == "here"
    assert Client(app, "asgi").get("/moved/").status == 404


def test_an_asgi_middleware_is_honoured(serve: Serve) -> None:
    class Middleware:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            path = scope["path"].removeprefix("/moved")
            await self.app({**scope, "path": path, "raw_path": path.encode()}, receive, send)

    app = serve(build, twin=False).app
    app.asgi_app = Middleware(app.asgi_app)
    for target in (app, Called(app)):
        assert Client(target, "asgi").get("/moved/").text == "here"
    assert Client(app, "wsgi").get("/moved/").status == 404


def test_middleware_set_after_the_entry_was_taken(serve: Serve) -> None:
    """`application = app.wsgi` may stand anywhere in a module."""
    app = serve(build, twin=False).app
    taken = Called(app)
    taken.wsgi, taken.asgi = app.wsgi, app.asgi
    seen: list[str] = []
    inner_wsgi, inner_asgi = app.wsgi_app, app.asgi_app

    def wsgi(environ: Any, start_response: Any) -> Any:
        seen.append("wsgi")
        return inner_wsgi(environ, start_response)

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        seen.append("asgi")
        await inner_asgi(scope, receive, send)

    app.wsgi_app, app.asgi_app = wsgi, asgi
    assert [Client(taken, entry).get("/").text for entry in ("wsgi", "asgi")] == ["here", "here"]
    assert seen == ["wsgi", "asgi"]


async def lifespan(app: Any, *messages: str) -> list[str]:
    inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    sent: list[str] = []

    async def send(message: dict[str, str]) -> None:
        sent.append(message["type"])

    for message in messages:
        inbox.put_nowait({"type": message})
    scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
    async with asyncio.timeout(LIMIT):
        await app(scope, inbox.get, send)
    return sent


def test_the_lifespan_protocol_is_answered(serve: Serve) -> None:
    app = serve(build, twin=False).app
    for entry in (app, app.asgi):
        answers = LOOP.run(lifespan(entry, "lifespan.startup", "lifespan.shutdown"))
        assert answers == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_requests_are_served_between_startup_and_shutdown(serve: Serve) -> None:
    async def life() -> list[str]:
        inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        sent: list[str] = []
        started = asyncio.Event()

        async def send(message: dict[str, str]) -> None:
            sent.append(message["type"])
            started.set()

        inbox.put_nowait({"type": "lifespan.startup"})
        task = asyncio.create_task(client.app.asgi({"type": "lifespan", "asgi": {}, "state": {}}, inbox.get, send))
        await started.wait()
        sent.append((await client.speak_asgi(Ask())).text)
        inbox.put_nowait({"type": "lifespan.shutdown"})
        await task
        return sent

    client = Client(serve(build, twin=False).app, "asgi")
    assert LOOP.run(life()) == ["lifespan.startup.complete", "here", "lifespan.shutdown.complete"]


def test_an_unknown_scope_is_refused(serve: Serve) -> None:
    async def send(message: Any) -> None: ...

    async def ask() -> None:
        await app.asgi({"type": "telepathy"}, None, send)

    app = serve(build, twin=False).app
    with pytest.raises(Exception, match="telepathy"):
        LOOP.run(ask())


def test_one_app_serves_both_entries_at_once(serve: Serve) -> None:
    app = serve(build, twin=False).app
    for _ in range(3):
        assert Client(app, "wsgi").get("/").text == Client(app, "asgi").get("/").text == "here"


def test_two_apps_do_not_mix(serve: Serve) -> None:
    def other(app: DualApp) -> None:
        @app.get("/")
        async def index():
            from dualapp import current_app

            return current_app.config["WHICH"]

    clients = [serve(other, twin=False) for _ in range(3)]
    for n, client in enumerate(clients):
        client.app.config["WHICH"] = f"app {n}"
    assert [client.get("/").text for client in clients] == ["app 0", "app 1", "app 2"]


def test_an_app_mounted_in_another(serve: Serve) -> None:
    """Authors of embeddable apps mount theirs below a path of their users' app."""
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    outer, inner = serve(build, twin=False).app, serve(build, twin=False).app
    outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, {"/inner": inner.wsgi})

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].startswith("/inner"):
            scope = {**scope, "root_path": scope["root_path"] + "/inner"}
            await inner.asgi(scope, receive, send)
        else:
            await own(scope, receive, send)

    own, outer.asgi_app = outer.asgi_app, mounted
    for entry in ("wsgi", "asgi"):
        assert Client(outer, entry).get("/inner/").text == "here"
        assert Client(outer, entry).get("/").text == "here"


def test_flasks_own_test_client_still_works(serve: Serve) -> None:
    """Extensions and their tests use it."""
    app = serve(build, twin=False).app
    with app.test_client() as client:
        assert client.get("/").text == "here"
        assert flask.request.path == "/"


def test_an_environ_of_a_server_that_does_not_end_its_input(serve: Serve) -> None:
    """Without wsgi.input_terminated only Content-Length says where the body ends: reading on would hang."""

    def reads(app: DualApp) -> None:

        @app.post("/read")
        async def read():
            return await request.get_data()

    class Endless:
        def __init__(self, data: bytes) -> None:
            self.data = data

        def read(self, size: int = -1) -> bytes:
            assert 0 <= size <= len(self.data), "a read that would hang"
            chunk, self.data = self.data[:size], self.data[size:]
            return chunk

    app = serve(build, reads, twin=False).app
    environ = environ_of(Ask("POST", "/read", body=b"0123456789"))
    del environ["wsgi.input_terminated"]
    environ["wsgi.input"] = Endless(b"0123456789")
    assert b"".join(app.wsgi(environ, lambda status, headers, exc_info=None: None)) == b"0123456789"


def noting(app: flask.Flask, events: list[Any]) -> Callable[..., Any]:
    """Middleware that looks into the request when the response starts."""
    inner = app.wsgi_app

    def middleware(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        def start(status: str, headers: Any, exc_info: Any = None) -> Any:
            events.append((flask.request.path, status))
            return start_response(status, headers)

        return inner(environ, start)

    return middleware


@pytest.mark.parametrize("path", ["/text", "/stream", "/error", "/nowhere"])
def test_wsgi_middleware_finds_the_context_when_the_response_starts(serve: Serve, path: str) -> None:
    """And the teardown comes after it, as in Flask: OpenTelemetry's middleware keeps the status for its teardown."""
    if serve.entry == "asgi":
        pytest.skip("it is WSGI's middleware")

    def build(app: DualApp) -> None:
        app.extensions["events"] = events = []
        app.wsgi_app = noting(app, events)  # type: ignore[method-assign]  # as middleware is put around an app

        @app.teardown_request
        def teardown(error):
            events.append(type(error))

        @app.get("/text")
        async def text():
            return "text"

        @app.get("/stream")
        async def stream():
            return iter(["stre", "am"])

        @app.get("/error")
        async def fail():
            raise ValueError("of mine")

    client = serve(build)
    answer = client.get(path)
    events = client.app.extensions["events"]
    assert events[0][0] == path
    assert events[0][1].startswith(str(answer.status))
    assert len(events) == 2
    assert client.twin is not None
    assert client.twin.app.extensions["events"] == events


def test_what_runs_before_serving_may_ask_the_app(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.before_serving
        async def warm_up():
            app.extensions["seen"] = (await app.test_client().get("/")).text

        @app.get("/")
        async def index():
            return "index"

    client = serve(build, twin=False)
    assert client.get("/").text == "index"
    assert client.app.extensions["seen"] == "index"
