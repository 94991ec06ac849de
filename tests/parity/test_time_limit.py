"""The time limit of a client: what never ends is an error of the test that waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from dualapp import DualApp, Response
from dualapp.testing import time_limit

from ..conftest import Serve
from ..support.waiting import LIMIT, wait_for

SHORT = 0.2


@contextmanager
def noted(events: list[str]) -> Iterator[None]:
    events.append("begun")
    try:
        yield
    finally:
        events.append("closed")


def build(app: DualApp) -> None:
    app.config["RESPONSE_TIMEOUT"] = None
    app.extensions["events"] = events = []

    @app.get("/endless")
    async def endless():
        async def ticks():
            with noted(events):
                while True:
                    yield "tick"

        return Response(ticks())

    async def async_ticks():
        with noted(events):
            yield "tick"
            await asyncio.Event().wait()

    @app.get("/silent")
    async def silent():
        return Response(async_ticks())

    async def async_nothing():
        with noted(events):
            await asyncio.Event().wait()
            yield ""

    @app.get("/unborn")
    async def unborn():
        return Response(async_nothing())

    @app.get("/ending")
    async def ending():
        async def ticks():
            yield "a"
            yield "b"

        return Response(ticks())


def app_of(serve: Serve) -> Any:
    app = serve(build, twin=False).app
    serve.call(read, app.test_client(entry=serve.entry), "/ending")  # the first request takes longer than SHORT
    return app


def wait_until_closed(app: DualApp) -> None:
    """On a busy machine the test may have left before the stream began."""
    events = app.extensions["events"]
    wait_for(lambda: events in ([], ["begun", "closed"]), because=lambda: events)


async def read(client, path):
    return await (await client.get(path)).get_data()


async def read_chunks(client, path):
    return [chunk async for chunk in (await client.get(path)).response]


@pytest.mark.parametrize("path", ["/endless", "/silent", "/unborn"])
def test_a_stream_that_never_ends_raises(serve: Serve, path: str) -> None:
    app = app_of(serve)
    with pytest.raises(TimeoutError, match=r"has waited for this response for 0\.2 seconds"):
        serve.call(read, app.test_client(entry=serve.entry, timeout=SHORT), path)
    wait_until_closed(app)


@pytest.mark.parametrize("path", ["/endless", "/silent"])
def test_so_does_one_that_is_read_in_chunks(serve: Serve, path: str) -> None:
    app = app_of(serve)
    client = app.test_client(entry=serve.entry)
    client.timeout = SHORT
    with pytest.raises(TimeoutError, match="has waited"):
        serve.call(read_chunks if serve.is_async else chunks_in_def_code, client, path)
    wait_until_closed(app)


def chunks_in_def_code(client: Any, path: str) -> list[bytes]:
    return list(client.get(path).iter_encoded())


def test_one_that_is_buffered_raises_too(serve: Serve) -> None:
    app = app_of(serve)

    async def ask(client):
        await client.get("/silent", buffered=True)

    with pytest.raises(TimeoutError, match="has waited"):
        serve.call(ask, app.test_client(entry=serve.entry, timeout=SHORT))
    wait_until_closed(app)


def test_one_that_ends_is_read_to_its_end(serve: Serve) -> None:
    client = app_of(serve).test_client(entry=serve.entry, timeout=LIMIT)
    assert serve.call(read, client, "/ending") == b"ab"
    assert serve.call(read, client, "/nowhere")


def test_one_that_nobody_reads_is_closed(serve: Serve) -> None:
    app = app_of(serve)

    async def leave(client):
        response = await client.get("/endless")
        await response.aclose()

    client = app.test_client(entry=serve.entry, timeout=LIMIT)
    asyncio.run(leave(client)) if serve.is_async else client.get("/endless").close()
    assert app.extensions["events"] == ["begun", "closed"]


def test_what_the_test_does_between_two_reads_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time_limit, "time", SimpleNamespace(monotonic=lambda: now))
    client = app_of(Serve("wsgi", "def")).test_client(timeout=LIMIT)
    chunks = client.get("/ending").iter_encoded()
    assert next(chunks) == b"a"
    now += 2 * LIMIT
    assert list(chunks) == [b"b"]


def test_a_view_that_waits_forever_raises(serve: Serve) -> None:
    """Except in `def` code under WSGI, where it runs in the test's own thread, or is waited for there."""

    def build(app: DualApp) -> None:
        async def async_view():
            await asyncio.Event().wait()

        app.add_url_rule("/", view_func=async_view)

    if serve.is_async or serve.entry == "asgi":
        client = serve(build, twin=False).app.test_client(entry=serve.entry, timeout=SHORT)
        with pytest.raises(TimeoutError, match="has waited"):
            serve.call(read, client, "/")


def test_a_def_stream_that_waits_is_left_in_its_thread() -> None:
    end = threading.Event()

    def build(app: DualApp) -> None:
        @app.get("/")
        def index():
            def chunks():
                yield "a"
                end.wait()

            return Response(chunks())

    client = Serve("asgi", "def")(build, twin=False).app.test_client(entry="asgi", timeout=SHORT)
    # On a busy machine the limit may be reached before there is a response.
    with pytest.raises(TimeoutError, match="has waited"), closing(client.get("/")) as response:
        response.get_data()
    end.set()


def test_a_timeout_of_the_apps_own_is_its_own(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.testing = True
        app.config["PROPAGATE_EXCEPTIONS"] = True

        @app.get("/")
        async def index():
            raise TimeoutError("the app's own")

    with pytest.raises(TimeoutError, match="the app's own"):
        serve.call(read, serve(build, twin=False).app.test_client(entry=serve.entry, timeout=LIMIT), "/")
