"""Bodies that come in ASGI messages although the scope has neither Content-Length nor Transfer-Encoding.

A server that speaks HTTP/1.1 sends none, but middleware that unpacks bodies does, and so do adapters and test clients:
the content of a request is what the messages have (ASGI spec, "Request - receive event"). WSGI has no such body.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import flask
import pytest

from dualapp import DualApp, request

from ..conftest import Serve
from ..support.entry_driver import Ask, Client

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"]
BODIES: list[Any] = [b"whole", [b"in ", b"three ", b"pieces"], [b"", b"late"], b"", b"x" * 100_000]


@pytest.fixture(params=["def", "async"])
def served(request: pytest.FixtureRequest) -> Serve:
    return Serve("asgi", request.param, road=request.config.getoption("--road"))


def reading(app: DualApp) -> None:
    methods = [*METHODS, "HEAD"]

    @app.route("/data", methods=methods, provide_automatic_options=False)
    async def data():
        return await request.get_data()

    @app.route("/json", methods=methods, provide_automatic_options=False)
    async def json():
        return {"got": await request.get_json()}

    @app.route("/form", methods=methods, provide_automatic_options=False)
    async def form():
        return (await request.form).to_dict()

    @app.route("/late", methods=methods, provide_automatic_options=False)
    async def late():
        await asyncio.sleep(0.1)  # the watch for clients that leave has received it by now
        return await request.get_data()

    @app.route("/environ", methods=methods, provide_automatic_options=False)
    async def environ():
        before = request.environ["PATH_INFO"]
        return f"{before} {len(await request.get_data())}"

    @app.route("/unread", methods=methods, provide_automatic_options=False)
    async def unread():
        return "unread"

    @app.route("/limited", methods=methods, provide_automatic_options=False)
    async def limited():
        request.max_content_length = 10
        return await request.get_data()

    @app.route("/stream", methods=methods, provide_automatic_options=False)
    def sync_stream():
        return b"".join(iter(lambda: flask.request.stream.read(7), b""))

    @app.route("/chunks", methods=methods, provide_automatic_options=False)
    async def async_chunks():
        return b"".join([chunk async for chunk in request.body])


def send(served: Serve, method: str, path: str, body: Any, kind: str = "") -> Any:
    headers = (("Content-Type", kind),) if kind else ()
    client: Client = served(reading, twin=False)
    answer = client.speak(Ask(method, path, headers, body, announced=False))
    assert answer.error is None
    return answer


def whole(body: Any) -> bytes:
    return body if isinstance(body, bytes) else b"".join(body)


@pytest.mark.parametrize("path", ["/data", "/late", "/stream", "/chunks"])
@pytest.mark.parametrize("method", METHODS)
def test_it_is_read(served: Serve, method: str, path: str) -> None:
    for body in BODIES:
        assert send(served, method, path, body).body == whole(body)


@pytest.mark.parametrize("method", METHODS)
def test_it_is_parsed(served: Serve, method: str) -> None:
    assert send(served, method, "/json", [b'{"a"', b": 1}"], "application/json").json() == {"got": {"a": 1}}
    assert send(served, method, "/form", b"a=1", "application/x-www-form-urlencoded").json() == {"a": "1"}
    assert send(served, method, "/environ", b"abc").text == "/environ 3"


@pytest.mark.parametrize("method", METHODS)
def test_it_has_the_limits_of_any_body(served: Serve, method: str) -> None:
    assert send(served, method, "/limited", b"x" * 10).body == b"x" * 10
    assert send(served, method, "/limited", b"x" * 11).status == 413
    assert send(served, method, "/limited", [b"x" * 6, b"x" * 6]).status == 413


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("method", [*METHODS, "HEAD"])
def test_it_may_be_left_unread(served: Serve, method: str, body: Any) -> None:
    assert send(served, method, "/unread", body).body == (b"" if method == "HEAD" else b"unread")


def test_sync_code_of_an_async_view_never_waits_for_one_that_is_not_expected(served: Serve) -> None:
    """Nearly always there is none, so that an error would be wrong."""

    def build(app: DualApp) -> None:
        @app.get("/")
        async def async_index():
            return [len(flask.request.get_data()), len(await request.get_data())]

    assert served(build, twin=False).get("/").json() == [0, 0]


def test_a_short_one_of_a_post_has_arrived_for_sync_code(served: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.post("/")
        async def async_index():
            return flask.request.get_data()

    client = served(build, twin=False)
    assert client.speak(Ask("POST", "/", body=b"abc", announced=False)).body == b"abc"


def test_a_get_that_reads_nothing_receives_nothing(served: Serve) -> None:
    """It costs no more than if it could have no body."""

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return {"agent": request.headers.get("User-Agent"), "path": request.environ["PATH_INFO"]}

    received: list[Any] = []
    sent: list[Any] = []
    app = served(build, twin=False).app
    scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": "/", "query_string": b"", "headers": []}

    async def receive() -> Any:
        received.append(1)
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    assert (received, sent[0]["status"]) == ([], 200)


def test_middleware_that_unpacks_bodies(served: Serve) -> None:
    """It has to take the length away, since it does not know the new one."""

    def build(app: DualApp) -> None:
        inner = app.asgi_app

        async def async_unpack(scope: Any, receive: Any, send: Any) -> None:
            async def unpacked() -> Any:
                message = await receive()
                return {**message, "body": message.get("body", b"") * 2}

            headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
            await inner({**scope, "headers": headers}, unpacked, send)

        app.asgi_app = async_unpack  # type: ignore[method-assign]  # as in Quart

    client = served(build, reading, twin=False)
    assert client.post("/data", body=b"twice ").text == "twice twice "


def pieces() -> Iterator[bytes]:
    yield b"one"
    yield b"two"


def test_a_client_that_leaves_within_it(served: Serve) -> None:
    client = served(reading, twin=False)
    answer = client.speak(Ask("POST", "/data", body=[*pieces()], announced=False, truncated=True))
    assert answer.status == 400
