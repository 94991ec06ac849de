"""All functions of one request see one set of context variables: a token of one is good in the next, in any mixture."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import product
from typing import Any

import flask
import pytest

from dualapp import DualApp, Response, current_app, g, request, stream_with_context

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


@pytest.mark.parametrize("leave", [None, 1, 3])
def test_a_token_of_a_stream_is_good_at_its_end(serve: Serve, paint: Paint, leave: int | None) -> None:
    ends: list[Any] = []

    @paint
    def hooks(app: DualApp) -> None:
        @app.before_request
        async def begin():
            g.token = mark("before")

        @app.teardown_request
        async def end(error):
            TRACE.reset(g.token)
            ends.append(("teardown", TRACE.get()))

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            async def words():
                with span("stream", ends):
                    for _ in range(5):
                        await asyncio.sleep(0)
                        yield ",".join(TRACE.get())

            token = mark("view")
            response = Response(stream_with_context(words()))

            def close():
                TRACE.reset(token)
                ends.append(("close", TRACE.get()))

            response.call_on_close(close)
            return response

    answer = serve(build, hooks, twin=False).get("/", leave=leave)
    assert set(answer.chunks) == {b"before,view,stream"}
    wait_for(lambda: len(ends) == 3, because=lambda: ends)
    assert ends == [("stream", ("before", "view")), ("close", ("before",)), ("teardown", ())]


@pytest.mark.parametrize("end", ["whole", "left", "timeout"])
@pytest.mark.parametrize("keep", [stream_with_context, flask.stream_with_context], ids=["ours", "flask's"])
def test_the_end_of_a_stream_has_the_context(serve: Serve, keep: Callable[..., Any], end: str) -> None:
    ends: list[Any] = []
    count, timeout = (10**9, 0.05) if end == "timeout" else (5, None)

    def build(app: DualApp) -> None:
        @app.teardown_request
        async def teardown(error):
            ends.append("teardown")

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
        # On a slow machine the time may be over before the stream has begun.
        wait_for(
            lambda found=found: ends[-2:] == [found, "teardown"] or (end == "timeout" and {*ends} == {"teardown"}),
            because=lambda: ends,
        )


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
