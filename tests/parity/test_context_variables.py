"""All functions of one request see one set of context variables: a token of one is good in the next, in any mixture."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import product
from typing import Any

import flask
import pytest
from quart.testing.connections import WebsocketResponseError

from dualapp import (
    DualApp,
    EventStream,
    Response,
    current_app,
    g,
    make_response,
    request,
    send_file,
    stream_with_context,
    websocket,
)
from dualapp.compat.upstream import app_variable, request_variable

from ..conftest import Paint, Serve
from ..support.waiting import wait_for

TRACE: ContextVar[tuple[str, ...]] = ContextVar("TRACE", default=())
COLOURS = ("def", "async")
HOOKS = ("before", "after", "teardown", "handler")


def coloured(colour: str, func: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of a colour, whose async form suspends before and after its work."""
    if colour == "def":
        return func

    async def run(*args: Any) -> Any:
        await asyncio.sleep(0)
        value = func(*args)
        await asyncio.sleep(0)
        return value

    return run


def mark(place: str) -> Any:
    return TRACE.set((*TRACE.get(), place))


@pytest.mark.parametrize("colours", list(product(COLOURS, repeat=4)), ids="-".join)
def test_a_token_of_one_hook_is_good_in_the_next(serve: Serve, colours: tuple[str, ...]) -> None:
    colour_of = dict(zip(HOOKS, colours, strict=True))
    ends: list[tuple[str, ...]] = []

    def before() -> None:
        g.first = mark("before")

    def after(response: Any) -> Any:
        response.headers["X-Trace"] = ",".join(TRACE.get())
        TRACE.reset(g.second)
        return response

    def teardown(error: object) -> None:
        assert TRACE.get() == ("before",)
        TRACE.reset(g.first)
        ends.append(TRACE.get())

    def handler(error: object) -> str:
        g.second = mark("handler")
        return "handled"

    def build(app: DualApp) -> None:
        app.before_request(coloured(colour_of["before"], before))
        app.after_request(coloured(colour_of["after"], after))
        app.teardown_request(coloured(colour_of["teardown"], teardown))
        app.register_error_handler(LookupError, coloured(colour_of["handler"], handler))

        @app.get("/")
        async def index():
            g.second = mark("view")
            await asyncio.sleep(0)
            return "view"

        @app.get("/raise")
        async def fail():
            await asyncio.sleep(0)
            raise LookupError

    client = serve(build, twin=False)
    for path, place in (("/", "view"), ("/raise", "handler")):
        answer = client.get(path)
        assert (answer.status, answer.header("x-trace")) == (200, f"before,{place}")
    assert ends == [(), ()]


@contextmanager
def span(name: str, ends: list[Any]) -> Iterator[None]:
    token = mark(name)
    try:
        yield
    finally:
        TRACE.reset(token)
        ends.append((name, TRACE.get()))


def again(stream: Any) -> Any:
    """Iterate over a stream of either colour in a generator of the same colour."""

    async def iterate_async() -> AsyncIterator[Any]:
        async for chunk in stream:
            yield chunk

    return iterate_async() if hasattr(stream, "__aiter__") else (chunk for chunk in stream)


#: What a view may make of a generator, and whether the request's context is kept until its end.
STREAMS: dict[str, tuple[Callable[[Any], Any], bool]] = {
    "generator": (lambda words: words, False),
    "Response": (Response, False),
    "EventStream": (EventStream, False),
    "EventStream-iterated": (lambda words: Response(again(EventStream(words).response)), False),
    "kept": (stream_with_context, True),
    "kept-Response": (lambda words: Response(stream_with_context(words)), True),
    "kept-EventStream": (lambda words: EventStream(stream_with_context(words)), True),
}
#: Flask's `stream_with_context` is for sync generators. Before Flask 3.2 the teardown functions run both before the
#: stream and at its end.
FLASK_KEEPS = app_variable is request_variable
SYNC_STREAMS: dict[str, tuple[Callable[[Any], Any], bool]] = {
    "flask-kept": (flask.stream_with_context, FLASK_KEEPS),
    "flask-kept-Response": (lambda words: Response(flask.stream_with_context(words)), FLASK_KEEPS),
    "flask-kept-EventStream": (lambda words: EventStream(flask.stream_with_context(words)), FLASK_KEEPS),
}


@pytest.mark.parametrize("leave", [None, 2, 4])
@pytest.mark.parametrize("kind", {**STREAMS, **SYNC_STREAMS})
def test_a_token_of_a_stream_is_good_at_its_end(serve: Serve, paint: Paint, kind: str, leave: int | None) -> None:
    ends: list[Any] = []
    stream, is_kept = {**STREAMS, **SYNC_STREAMS}[kind]

    @paint
    def hooks(app: DualApp) -> None:
        @app.before_request
        async def begin():
            g.token = mark("before")

        @app.teardown_request
        async def end(error):
            if (token := g.pop("token", None)) is not None:
                TRACE.reset(token)
                ends.append(("teardown", TRACE.get()))

    def build(app: DualApp) -> None:
        def sync_words():
            with span("stream", ends):
                for _ in range(5):
                    yield ",".join(TRACE.get())

        @app.get("/")
        async def index():
            async def words():
                with span("stream", ends):
                    for _ in range(5):
                        await asyncio.sleep(0)
                        yield ",".join(TRACE.get())

            token = mark("view")
            response = await make_response(stream(sync_words() if kind in SYNC_STREAMS else words()))

            def close():
                TRACE.reset(token)
                ends.append(("close", TRACE.get()))

            response.call_on_close(close)
            return response

    answer = serve(build, hooks, twin=False).get("/", leave=leave)
    wait_for(lambda: len(ends) == 3, because=lambda: ends)
    if is_kept:
        assert b"before,view,stream" in answer.chunks[1]
        assert ends == [("stream", ("before", "view")), ("close", ("before",)), ("teardown", ())]
    else:  # the teardown functions run before the stream, as in Flask
        assert b"stream" in answer.chunks[1]
        assert ends == [("teardown", ()), ("stream", ()), ("close", ("before",))]


@pytest.mark.parametrize("leave", [None, 0])
def test_a_token_is_good_at_the_end_of_a_file(serve: Serve, leave: int | None) -> None:
    ends: list[Any] = []

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            token = mark("view")
            response = await send_file(__file__)

            def close():
                TRACE.reset(token)
                ends.append(TRACE.get())

            response.call_on_close(close)
            return response

    serve(build, twin=False).get("/", leave=leave)
    wait_for(lambda: bool(ends))
    assert ends == [()]


@pytest.mark.parametrize("end", ["whole", "left", "timeout"])
@pytest.mark.parametrize("keep", [stream_with_context, flask.stream_with_context], ids=["ours", "flask's"])
def test_the_end_of_a_stream_has_the_context(serve: Serve, keep: Callable[..., Any], end: str) -> None:
    ends: list[Any] = []
    count, timeout = (10**9, 0.05) if end == "timeout" else (5, None)

    def build(app: DualApp) -> None:
        @app.teardown_request
        async def teardown(error):
            ends.append(("teardown", type(error)))

        def sync_words() -> Iterator[str]:
            try:
                ends.append("begun")
                for _ in range(count):
                    yield "word"
                    time.sleep(0.001)
            finally:
                ends.append((flask.g.word, flask.request.path, flask.current_app.name))

        @app.get("/sync")
        async def sync():
            g.word = "kept"
            response = Response(keep(sync_words()))
            response.timeout = timeout
            return response

        @app.get("/async")
        async def later():
            g.word = "kept"

            async def words():
                try:
                    ends.append("begun")
                    for _ in range(count):
                        await asyncio.sleep(0.001)
                        yield "word"
                finally:
                    await asyncio.sleep(0)
                    ends.append((g.word, request.path, current_app.name))

            response = Response(stream_with_context(words()))
            response.timeout = timeout
            return response

    client = serve(build, twin=False)
    for path in ("/sync", "/async"):
        ends.clear()
        client.get(path, leave=1 if end == "left" else None, escapes=True)
        found = ("kept", path, client.app.name)
        torn_down = ("teardown", type(None) if end == "whole" else GeneratorExit)
        # Before Flask 3.2 its own streams have the teardown functions run before they begin, too.
        wait_for(lambda torn_down=torn_down: ends[-1:] == [torn_down], because=lambda: ends)
        # On a slow machine the time may be over before the stream has begun.
        assert ends[-2:-1] == [found] or (end == "timeout" and "begun" not in ends), ends


ENTRIES = pytest.mark.parametrize("entry", ["wsgi", "asgi"])


@ENTRIES
@pytest.mark.parametrize("colours", list(product(COLOURS, repeat=4)), ids="-".join)
def test_a_token_of_a_websockets_hook_is_good_in_the_next(entry: str, colours: tuple[str, ...]) -> None:
    before_colour, view_colour, after_colour, teardown_colour = colours
    app, ends = DualApp(__name__), list[Any]()

    def before() -> None:
        g.first = mark("before")

    def after(response: Any) -> Any:
        TRACE.reset(g.second)
        return response

    def teardown(error: object) -> None:
        assert TRACE.get() == ("before",)
        TRACE.reset(g.first)
        ends.append(TRACE.get())

    app.before_websocket(coloured(before_colour, before))
    app.after_websocket(coloured(after_colour, after))
    app.teardown_websocket(coloured(teardown_colour, teardown))

    def sync_view() -> None:
        g.second = mark("view")
        for _ in range(2):
            websocket.send(",".join((*TRACE.get(), websocket.receive())))

    async def async_view() -> None:
        g.second = mark("view")
        for _ in range(2):
            await websocket.send(",".join((*TRACE.get(), await websocket.receive())))

    app.websocket("/")(sync_view if view_colour == "def" else async_view)
    with app.test_client(entry=entry).websocket("/") as client:
        for word in ("first", "second"):
            client.send(word)
            assert client.receive() == f"before,view,{word}"
    wait_for(lambda: bool(ends))
    assert ends == [()]


@ENTRIES
@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("stream", [Response, EventStream])
def test_a_token_of_a_stream_that_refuses_a_websocket_is_good_at_its_end(
    entry: str, colour: str, stream: Callable[[Any], Any]
) -> None:
    app, ends = DualApp(__name__), list[Any]()

    def refusal(words: Any) -> Any:
        token = mark("view")
        response = stream(words)

        def close() -> None:
            TRACE.reset(token)
            ends.append(("close", TRACE.get()))

        response.call_on_close(close)
        return response, 403

    @app.websocket("/def")
    def sync_view():
        def words():
            with span("stream", ends):
                yield ",".join(TRACE.get())

        return refusal(words())

    @app.websocket("/async")
    async def async_view():
        async def words():
            with span("stream", ends):
                await asyncio.sleep(0)
                yield ",".join(TRACE.get())

        return refusal(words())

    with (
        pytest.raises(WebsocketResponseError) as refused,
        app.test_client(entry=entry).websocket(f"/{colour}") as client,
    ):
        client.receive()
    assert b"view,stream" in flask.Response.get_data(refused.value.response)
    assert ends == [("stream", ("view",)), ("close", ())]


@pytest.mark.parametrize("leaves", [False, True])
@ENTRIES
@pytest.mark.parametrize("colour", COLOURS)
def test_a_token_of_a_websockets_generator_is_good_at_its_end(entry: str, colour: str, leaves: bool) -> None:
    app, ends = DualApp(__name__), list[Any]()

    @app.websocket("/def")
    def sync_view():
        def words():
            with span("stream", ends):
                for _ in range(2 + 10**9 * leaves):
                    yield f"{','.join(TRACE.get())},{websocket.receive()}"

        for word in words():
            websocket.send(word)

    @app.websocket("/async")
    async def async_view():
        async def words():
            with span("stream", ends):
                for _ in range(2 + 10**9 * leaves):
                    yield f"{','.join(TRACE.get())},{await websocket.receive()}"

        async for word in words():
            await websocket.send(word)

    with app.test_client(entry=entry).websocket(f"/{colour}") as client:
        for word in ("first", "second"):
            client.send(word)
            assert client.receive() == f"stream,{word}"
    wait_for(lambda: bool(ends))
    assert ends == [("stream", ())]


def test_what_a_request_sets_stays_within_it(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            await asyncio.sleep(0)
            mark("view")
            return ",".join(TRACE.get())

    client = serve(build, twin=False)
    assert [client.get("/").text for _ in range(3)] == ["view"] * 3
    assert TRACE.get() == ()
