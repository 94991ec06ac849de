"""Streams: an error before and after the first byte, and a client that leaves."""

from __future__ import annotations

import asyncio
import gc
import logging

import pytest

from dualapp import (
    DualApp,
    Response,
    g,
    request,
    stream_with_context,
)

from ..conftest import Paint, Serve
from ..support.recolour import Build
from ..support.waiting import wait_for


class Own(Exception):
    pass


def streaming(app: DualApp) -> None:
    app.extensions["seen"] = seen = []

    @app.get("/before")
    async def before():
        async def words():
            raise Own("before the first byte")
            yield "never"

        return words()

    @app.get("/after")
    async def after():
        async def words():
            try:
                yield "first"
                await asyncio.sleep(0)
                raise Own("after the first byte")
            finally:
                seen.append("closed")

        return words(), 202, {"X-Own": "1"}

    @app.get("/endless")
    async def endless():
        async def words():
            try:
                while True:
                    yield "x" * 1000
                    await asyncio.sleep(0.001)
            finally:
                seen.append("closed")

        return words()

    @app.get("/empty")
    async def empty():
        async def words():
            for word in []:
                yield word

        return words()

    @app.get("/gaps")
    async def gaps():
        async def words():
            yield ""
            yield "a"
            yield ""
            yield "b"

        return words()

    @app.get("/fine")
    async def fine():
        return "fine"

    @app.teardown_request
    async def teardown(error):
        seen.append(f"teardown {type(error).__name__}")


def test_an_error_before_the_first_chunk_is_an_ordinary_500(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    client = serve(streaming, twin=False)
    answer = client.get("/before")
    assert (answer.status, answer.header("content-type")) == (500, "text/html; charset=utf-8")
    assert "<h1>Internal Server Error</h1>" in answer.text
    assert answer.header("content-length") == str(len(answer.body))
    assert "Exception on /before [GET]" in [record.getMessage() for record in caplog.records]
    assert client.get("/fine").text == "fine"


def test_an_error_before_the_first_chunk_reaches_the_handler_of_500(serve: Serve, paint: Paint) -> None:
    @paint
    def handlers(app: DualApp) -> None:
        @app.errorhandler(500)
        async def crash(error):
            return {"original": str(error.original_exception), "path": request.path}, 500

    answer = serve(streaming, handlers, twin=False).get("/before")
    assert (answer.status, answer.json()) == (500, {"original": "before the first byte", "path": "/before"})


def test_an_error_after_the_first_chunk_escapes_to_the_server(serve: Serve) -> None:
    """The status is sent: all that is left is to break the connection, and only the server can."""
    client = serve(streaming)
    answer = client.get("/after", escapes=True)
    assert (answer.status, answer.header("x-own"), answer.body) == (202, "1", b"first")
    assert (type(answer.error), str(answer.error), answer.complete) == (Own, "after the first byte", False)
    assert "closed" in client.app.extensions["seen"]
    assert client.get("/fine").text == "fine"


@pytest.mark.parametrize("leave", [1, 3])
def test_a_client_that_leaves_ends_the_stream(serve: Serve, leave: int) -> None:
    client = serve(streaming, twin=False)
    answer = client.get("/endless", leave=leave)
    assert answer.chunks == [b"x" * 1000] * leave
    wait_for(lambda: "closed" in client.app.extensions["seen"])
    assert client.get("/fine").text == "fine"


@pytest.mark.usefixtures("without_log")
def test_an_error_that_the_client_was_not_sent_yet_goes_with_it(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """What is produced ahead of a client that leaves is nobody's."""

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            async def words():
                for _ in range(50):
                    yield "word"
                    await asyncio.sleep(0)
                raise Own

            return words()

    client = serve(build, twin=False)
    for _ in range(3):
        answer = client.get("/", leave=1)
        assert (answer.chunks, answer.error) == ([b"word"], None)
        gc.collect()
    logging.disable(logging.NOTSET)
    assert not caplog.records


def test_an_error_of_closing_a_stream_is_seen(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            async def words():
                try:
                    for _ in range(100):
                        yield "word"
                        await asyncio.sleep(0)
                finally:
                    raise Own

            return words()

    assert type(serve(build).get("/", leave=1, escapes=True).error) is Own


@pytest.fixture
def shouting(paint: Paint) -> Build:
    """A hook that changes streams as they are made, as those do that compress."""

    @paint
    def build(app: DualApp) -> None:
        @app.after_request
        async def shout(response):
            response.response = map(bytes.upper, response.iter_encoded())
            return response

    return build


def test_a_hook_may_change_a_stream_as_it_is_made(serve: Serve, shouting: Build) -> None:
    client = serve(streaming, shouting)
    assert client.get("/gaps").text == "AB"
    assert client.get("/fine").text == "FINE"


def test_a_client_that_leaves_ends_a_stream_that_a_hook_has_changed(serve: Serve, shouting: Build) -> None:
    client = serve(streaming, shouting, twin=False)
    assert client.get("/endless", leave=2).chunks[0] == b"X" * 1000
    seen = client.app.extensions["seen"]
    wait_for(lambda: "closed" in seen)


@pytest.mark.usefixtures("without_log")
@pytest.mark.parametrize("chunk", [1, None, ["text"], {"a": 1}, object], ids=str)
def test_a_first_chunk_that_is_neither_text_nor_bytes_is_a_500_page(serve: Serve, chunk: object) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            async def words():
                yield chunk

            return Response(words())

    answer = serve(build, twin=False).get("/")
    assert (answer.status, "Internal Server Error" in answer.text) == (500, True)


def test_an_empty_stream_is_an_empty_body(serve: Serve) -> None:
    answer = serve(streaming).get("/empty")
    assert (answer.status, answer.body) == (200, b"")


def test_empty_chunks_do_not_end_a_stream(serve: Serve) -> None:
    assert serve(streaming).get("/gaps").text == "ab"


def test_each_chunk_goes_out_before_the_next_is_made(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.extensions["made"] = []

        @app.get("/")
        async def index():
            async def words():
                for n in range(1000):
                    app.extensions["made"].append(n)
                    yield b"x" * 100_000
                    await asyncio.sleep(0)

            return Response(words(), mimetype="text/plain")

    client = serve(build, twin=False)
    client.get("/", leave=3)
    assert len(client.app.extensions["made"]) < 30


def test_g_lives_as_long_as_a_stream_with_context(serve: Serve, paint: Paint) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        @app.before_request
        async def load():
            g.word = "from the hook"

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            @stream_with_context
            async def words():
                yield g.word
                g.word = request.method
                yield g.word

            return words()

    assert serve(build, hooks).get("/").chunks == [b"from the hook", b"GET"]


def test_generators_of_the_other_colour(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/async-view")
        async def async_view():
            return (word for word in ["a", "b"])

        @app.get("/sync-view")
        def sync_view():
            async def async_words():
                yield "a"
                await asyncio.sleep(0.001)
                yield "b"

            return async_words()

    client = serve(build, twin=False)
    for path in ("/async-view", "/sync-view"):
        answer = client.get(path)
        assert (answer.status, answer.chunks) == (200, [b"a", b"b"])


def test_close_is_called_on_what_was_returned(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.extensions["seen"] = seen = []

        class Words:
            def __init__(self):
                self.words = iter(["a", "b"])

            def __iter__(self):
                return self

            def __next__(self):
                return next(self.words)

            def close(self):
                seen.append("closed")

        @app.get("/")
        async def index():
            return Response(Words())

        @app.get("/call")
        async def call():
            response = Response("x")
            response.call_on_close(lambda: seen.append("called"))
            return response

    client = serve(build)
    assert client.get("/").chunks == [b"a", b"b"]
    assert client.get("/call").text == "x"
    assert client.head("/").body == b""
    assert client.app.extensions["seen"] == client.twin.app.extensions["seen"]  # type: ignore[union-attr]
    assert client.app.extensions["seen"] == ["closed", "called", "closed"]


def test_an_escaping_error_is_not_logged_as_another(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    serve(streaming, twin=False).get("/after", escapes=True)
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert not [error for error in errors if "finalizing" in error]


@pytest.mark.parametrize("propagates", [False, True])
def test_teardown_runs_once_when_a_stream_with_context_fails(serve: Serve, paint: Paint, propagates: bool) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        app.config["PROPAGATE_EXCEPTIONS"] = propagates
        app.extensions["torn"] = []

        @app.teardown_request
        async def teardown(error):
            app.extensions["torn"].append(request.path)

    def build(app: DualApp) -> None:
        @app.get("/<int:count>")
        async def index(count):
            @stream_with_context
            async def words():
                for _ in range(count):
                    yield "word"
                raise Own

            return words()

    client = serve(build, hooks, twin=False)
    assert client.get("/0", escapes=True).status == (0 if propagates else 500)
    assert client.app.extensions["torn"] == ["/0"]
    assert client.get("/2", escapes=True).chunks == [b"word"] * 2
    assert client.app.extensions["torn"] == ["/0", "/2"]
    client.head("/1")
    assert client.app.extensions["torn"] == ["/0", "/2", "/1"]


def test_who_has_all_of_an_error_page_and_leaves_stops_no_teardown(serve: Serve, paint: Paint) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        app.extensions["torn"] = []

        @app.teardown_request
        async def teardown(error):
            await asyncio.sleep(0.01)
            app.extensions["torn"].append(type(error).__name__)

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            @stream_with_context
            async def words():
                await asyncio.sleep(0.001)
                raise Own
                yield "word"

            return words()

    client = serve(build, hooks, twin=False)  # in Flask the status is sent before the stream begins
    assert client.get("/").status == 500
    assert client.app.extensions["torn"] == ["Own"]


def test_teardown_runs_once_when_the_client_leaves(serve: Serve, paint: Paint) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        app.extensions["torn"] = []

        @app.teardown_request
        async def teardown(error):
            app.extensions["torn"].append(request.path)

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            @stream_with_context
            async def words():
                while True:
                    yield "word"
                    await asyncio.sleep(0.001)

            return words()

    client = serve(build, hooks, twin=False)
    client.get("/", leave=2)
    wait_for(lambda: client.app.extensions["torn"])
    assert client.app.extensions["torn"] == ["/"]


def test_head_closes_the_stream_it_does_not_send(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.extensions["closed"] = []

        @app.get("/")
        async def index():
            async def words():
                yield "x"

            response = Response(words())
            response.call_on_close(lambda: app.extensions["closed"].append(1))
            return response

    client = serve(build, twin=False)
    assert client.head("/").body == b""
    assert client.app.extensions["closed"] == [1]


@pytest.mark.parametrize("path", ["/text", "/file", "/fail"])
def test_a_context_that_was_kept_in_vain_is_torn_down(serve: Serve, path: str) -> None:
    def build(app: DualApp) -> None:
        app.extensions["torn"] = []

        @app.teardown_request
        async def teardown(error):
            app.extensions["torn"].append(type(error).__name__)

        @app.get("/text")
        async def text():
            stream_with_context(iter(["x"]))
            return "text"

        @app.get("/file")
        async def file():
            return Response(stream_with_context(iter([b"x"])), direct_passthrough=True)

        @app.get("/fail")
        async def fail():
            stream_with_context(iter(["x"]))
            raise Own

    client = serve(build, twin=False)
    client.get(path)
    assert client.app.extensions["torn"] == ["Own" if path == "/fail" else "NoneType"]


@pytest.mark.usefixtures("without_log")
@pytest.mark.parametrize("count", [0, 1, 3])
def test_teardown_gets_the_error_of_a_stream_with_context(serve: Serve, paint: Paint, count: int) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        app.extensions["torn"] = []

        @app.teardown_request
        async def teardown(error):
            app.extensions["torn"].append(type(error).__name__)

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            async def words():
                for _ in range(count):
                    yield "word"
                    await asyncio.sleep(0)
                raise Own

            return stream_with_context(words())

    client = serve(build, hooks, twin=False)
    client.get("/", escapes=True)
    assert client.app.extensions["torn"] == ["Own"]


@pytest.mark.usefixtures("without_log")
def test_a_stream_that_fails_is_closed_before_its_error_is_answered(serve: Serve, paint: Paint) -> None:
    @paint
    def handlers(app: DualApp) -> None:
        @app.errorhandler(500)
        async def crash(error):
            app.extensions["seen"].append("handled")
            return "crashed", 500

    def build(app: DualApp) -> None:
        app.extensions["seen"] = []

        @app.get("/")
        async def index():
            async def words():
                raise Own
                yield "never"

            response = Response(words())
            response.call_on_close(lambda: app.extensions["seen"].append("closed"))
            return response

    client = serve(build, handlers, twin=False)
    assert client.get("/").text == "crashed"
    assert client.app.extensions["seen"] == ["closed", "handled"]


@pytest.mark.usefixtures("without_log")
def test_an_error_page_that_fails_as_well_goes_to_the_server(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.extensions["seen"] = []

        async def words():
            raise Own
            yield "never"

        @app.get("/")
        async def index():
            return words()

        @app.errorhandler(500)
        async def crash(error):
            app.extensions["seen"].append("handled")
            return Response(words(), 500)

    client = serve(build, twin=False)
    assert type(client.get("/", escapes=True).error) is Own
    assert client.app.extensions["seen"] == ["handled"]
