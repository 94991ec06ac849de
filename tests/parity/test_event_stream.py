"""Server-sent events: what a browser gets of what a generator yields, pings, and clients that leave."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from contextvars import ContextVar
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from hypothesis import given
from hypothesis import strategies as st

from dualapp import DualApp, Event, EventStream, Response, current_app, g, request, stream_with_context
from dualapp.wrappers.event_stream import PING

from ..conftest import Paint, Serve
from ..support.event_source import Dispatched, EventSource, read_events
from ..support.waiting import wait_for


class Own(Exception):
    pass


#: What a generator yields, how it is sent, and what a browser makes of it.
YIELDED: list[tuple[Any, bytes, list[Dispatched]]] = [
    ("hello", b"data: hello\n\n", [Dispatched("hello")]),
    ("", b"data: \n\n", [Dispatched("")]),
    (" spaced ", b"data:  spaced \n\n", [Dispatched(" spaced ")]),
    ("a\nb", b"data: a\ndata: b\n\n", [Dispatched("a\nb")]),
    ("a\r\nb\rc\n", b"data: a\ndata: b\ndata: c\ndata: \n\n", [Dispatched("a\nb\nc\n")]),
    ("a\x0b\x85\u2028b", "data: a\x0b\x85\u2028b\n\n".encode(), [Dispatched("a\x0b\x85\u2028b")]),
    ("data: x", b"data: data: x\n\n", [Dispatched("data: x")]),
    ({"é": 1}, b'data: {"\\u00e9": 1}\n\n', [Dispatched('{"\\u00e9": 1}')]),
    ([1, None], b"data: [1, null]\n\n", [Dispatched("[1, null]")]),
    (3, b"data: 3\n\n", [Dispatched("3")]),
    (None, b":\n\n", []),
    (Event("x", event="tick", id=7), b"event: tick\nid: 7\ndata: x\n\n", [Dispatched("x", "tick", "7")]),
    (Event("x", id="é"), "id: é\ndata: x\n\n".encode(), [Dispatched("x", last_event_id="é")]),
    (Event("x", id=""), b"id: \ndata: x\n\n", [Dispatched("x")]),
    (Event(id="7", retry=1500), b"id: 7\nretry: 1500\n\n", []),
    (Event([1]), b"data: [1]\n\n", [Dispatched("[1]")]),
]


def events_of(*values: Any) -> Any:
    """A build whose page `/` is an event stream of these values."""

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            async def events():
                for value in values:
                    yield value

            return EventStream(events())

    return build


def build_yielded(app: DualApp) -> None:
    @app.get("/<int:number>")
    async def index(number):
        async def events():
            yield YIELDED[number][0]

        return EventStream(events())


@pytest.mark.parametrize("number", range(len(YIELDED)), ids=[repr(value) for value, *_ in YIELDED])
def test_what_is_yielded_is_framed(serve: Serve, number: int) -> None:
    answer = serve(build_yielded, twin=False).get(f"/{number}")
    _, framed, dispatched = YIELDED[number]
    assert answer.body == PING.encode() + framed
    assert read_events(answer.body) == dispatched


@given(
    data=st.text(),
    event=st.none() | st.text(st.characters(exclude_characters="\r\n")),
    id=st.none() | st.text(st.characters(exclude_characters="\r\n\0")),
)
def test_any_text_arrives(data: str, event: str | None, id: str | None) -> None:
    data = data.encode(errors="replace").decode()
    framed = Event(data, event=event, id=id).framed(str).encode(errors="replace")
    (arrived,) = read_events(framed)
    assert arrived.data == data.replace("\r\n", "\n").replace("\r", "\n")
    assert arrived.type == (event or "message").encode(errors="replace").decode()
    assert arrived.last_event_id == (id or "").encode(errors="replace").decode()


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"id": "a\nb"}, ValueError(r"The id of an event must be one line without NUL: id='a\nb'.")),
        ({"id": "a\rb"}, ValueError(r"The id of an event must be one line without NUL: id='a\rb'.")),
        ({"id": "\0"}, ValueError(r"The id of an event must be one line without NUL: id='\x00'.")),
        ({"id": 1.5}, TypeError("An event's id must be str or int, not 1.5.")),
        ({"event": "a\r\nb"}, ValueError(r"The type of an event must be one line: event='a\r\nb'.")),
        ({"event": b"tick"}, TypeError("An event's event must be str, not b'tick'.")),
        ({"retry": -1}, ValueError("An event's retry is in milliseconds, 0 or more: retry=-1.")),
        ({"retry": 1.5}, TypeError("An event's retry must be int, not 1.5.")),
        ({"retry": True}, TypeError("An event's retry must be int, not True.")),
    ],
    ids=str,
)
def test_what_would_break_the_stream_is_refused(fields: dict[str, Any], error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        Event("x", **fields)
    assert str(raised.value) == str(error)


@pytest.mark.parametrize(
    "events", ["text", b"bytes", {"a": 1}, Event("x"), 3, None, events_of], ids=lambda events: type(events).__name__
)
def test_what_is_no_iterable_of_events_is_refused(events: Any) -> None:
    with pytest.raises(TypeError, match="EventStream takes a generator or another iterable of events, not ") as raised:
        EventStream(events)
    assert ("Call the generator function" in str(raised.value)) is callable(events)


def test_a_sync_iterable_has_no_pings() -> None:
    with pytest.raises(TypeError, match="have it wait with a timeout and yield None"):
        EventStream([], ping=1)


@pytest.mark.parametrize("ping", [0, -1, math.nan])
def test_pings_need_time_between_them(ping: float) -> None:
    with pytest.raises(ValueError, match="ping is in seconds, more than 0: ping="):
        EventStream([], ping=ping)


def test_the_headers_keep_proxies_and_caches_from_holding_events_back(serve: Serve) -> None:
    answer = serve(events_of("x"), twin=False).get("/")
    assert answer.status == 200
    assert answer.header("content-type") == "text/event-stream; charset=utf-8"
    assert answer.header("cache-control") == "no-cache"
    assert answer.header("x-accel-buffering") == "no"
    assert answer.header("content-length") is None


def test_head_has_the_same_headers(serve: Serve) -> None:
    client = serve(events_of("x"), twin=False)
    assert client.head("/").headers == client.get("/").headers


def test_a_list_is_an_iterable_of_events_and_a_status_and_headers_may_be_added(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return EventStream(["a", None, Event("b")]), 203, {"X-Own": "1"}

    answer = serve(build, twin=False).get("/")
    assert (answer.status, answer.header("x-own")) == (203, "1")
    assert read_events(answer.body) == [Dispatched("a"), Dispatched("b")]


def test_the_apps_json_provider_writes_data(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.json.ensure_ascii = False

        @app.get("/")
        async def index():
            async def events():
                yield {"é": 1}

            return EventStream(events())

    assert read_events(serve(build, twin=False).get("/").body) == [Dispatched('{"é": 1}')]


def test_a_response_class_of_the_apps_own_keeps_the_stream(serve: Serve) -> None:
    class Marked(Response):
        pass

    def build(app: DualApp) -> None:
        app.response_class = Marked

        @app.after_request
        async def mark(response):
            response.headers["X-Class"] = type(response).__name__
            response.headers["X-Timeout"] = str(response.timeout)
            return response

    answer = serve(events_of("x"), build, twin=False).get("/")
    assert (answer.header("x-class"), answer.header("x-timeout")) == ("Marked", "None")
    assert read_events(answer.body) == [Dispatched("x")]


def test_no_timeout_ends_a_stream_of_events(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["RESPONSE_TIMEOUT"] = 0.001

        @app.get("/")
        async def index():
            async def events():
                for n in range(4):
                    await asyncio.sleep(0.01)
                    yield n

            return EventStream(events())

    assert len(read_events(serve(build, twin=False).get("/").body)) == 4


def test_the_client_may_say_which_event_it_has_seen_last(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            seen = request.headers.get("Last-Event-ID", 0, type=int)

            async def events():
                for n in range(seen + 1, 4):
                    yield Event(n, id=n)

            return EventStream(events())

    client = serve(build, twin=False)
    assert [event.data for event in read_events(client.get("/").body)] == ["1", "2", "3"]
    answer = client.get("/", [("Last-Event-ID", "2")])
    assert read_events(answer.body) == [Dispatched("3", last_event_id="3")]


def test_the_headers_are_sent_before_there_is_an_event(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            async def events():
                app.extensions["begun"] = True
                yield "x"

            return EventStream(events())

    client = serve(build, twin=False)
    answer = client.get("/", leave=1)
    assert (answer.status, answer.body) == (200, PING.encode())


@pytest.mark.usefixtures("without_log")
def test_an_error_breaks_the_connection_so_that_the_client_connects_again(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            async def events():
                yield "x"
                await asyncio.sleep(0)
                raise Own

            return EventStream(events())

    answer = serve(build, twin=False).get("/", escapes=True)
    assert (answer.status, type(answer.error), answer.complete) == (200, Own, False)
    assert read_events(answer.body) == [Dispatched("x")]


@pytest.mark.usefixtures("without_log")
def test_a_value_that_cannot_be_written_is_an_error(serve: Serve) -> None:
    answer = serve(events_of("x", object()), twin=False).get("/", escapes=True)
    assert (type(answer.error), answer.complete) == (TypeError, False)
    assert "not JSON serializable" in str(answer.error)


@pytest.mark.usefixtures("without_log")
def test_a_cancellation_that_nobody_asked_for_is_an_error(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            async def events():
                yield "x"
                raise asyncio.CancelledError

            return EventStream(events())

    answer = serve(build, twin=False).get("/", escapes=True)
    assert (type(answer.error), answer.complete) == (RuntimeError, False)
    assert type(answer.error.__cause__) is asyncio.CancelledError


def leaving(app: DualApp) -> None:
    app.extensions["seen"] = seen = []

    @app.get("/endless")
    async def endless():
        async def events():
            try:
                while True:
                    yield "x"
                    await asyncio.sleep(0.001)
            finally:
                seen.append("closed")

        return EventStream(events())

    @app.get("/kept")
    async def kept():
        @stream_with_context
        async def events():
            try:
                while True:
                    yield request.path
                    await asyncio.sleep(0.001)
            finally:
                seen.append(f"closed {request.path}")

        return EventStream(events())

    @app.get("/failing")
    async def failing():
        async def events():
            try:
                while True:
                    yield "x"
                    await asyncio.sleep(0.001)
            finally:
                raise Own

        return EventStream(events())

    @app.teardown_request
    async def teardown(error):
        seen.append("torn down")


@pytest.mark.parametrize("leave", [2, 3])
def test_a_client_that_leaves_closes_the_generator(serve: Serve, leave: int) -> None:
    client = serve(leaving, twin=False)
    client.get("/endless", leave=leave)
    wait_for(lambda: "closed" in client.app.extensions["seen"])


def test_a_client_that_leaves_closes_the_generator_before_its_context(serve: Serve) -> None:
    client = serve(leaving, twin=False)
    answer = client.get("/kept", leave=3)
    assert answer.body.endswith(b"data: /kept\n\n")
    wait_for(lambda: "torn down" in client.app.extensions["seen"])
    assert client.app.extensions["seen"] == ["closed /kept", "torn down"]


def test_an_error_of_closing_the_generator_is_seen(serve: Serve) -> None:
    assert type(serve(leaving, twin=False).get("/failing", leave=3, escapes=True).error) is Own


def test_a_stream_ends_when_the_app_has_begun_to_shut_down(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            async def events():
                yield "x"
                app.shutdown_event.set()
                yield "late"

            return EventStream(events())

    answer = serve(build, twin=False).get("/")
    assert (read_events(answer.body), answer.complete) == ([Dispatched("x")], True)


def test_a_hook_may_change_the_stream_of_events(serve: Serve, paint: Paint) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        @app.after_request
        async def shout(response):
            response.response = map(bytes.upper, response.iter_encoded())
            return response

    answer = serve(events_of("x", Event("y", event="t")), hooks, twin=False).get("/")
    assert answer.body == b":\n\nDATA: X\n\nEVENT: T\nDATA: Y\n\n"


def test_a_sync_generator_pings_by_itself(serve: Serve) -> None:
    source = EventSource()
    source.feed(serve(events_of(None, "x", None), twin=False).get("/").body)
    assert (source.events, source.comments) == ([Dispatched("x")], 3)


# Pings, while an async generator waits.


def waiting(app: DualApp) -> None:
    app.extensions["seen"] = seen = []
    moved: ContextVar[str] = ContextVar("moved")

    @app.get("/")
    async def async_index():
        async def async_events():
            try:
                yield "x"
                await asyncio.Event().wait()
            finally:
                seen.append("closed")

        return EventStream(async_events(), ping=0.001)

    @app.get("/late/<float:ping>")
    async def async_late(ping):
        async def async_events():
            for n in range(3):
                await asyncio.sleep(0.02)
                yield n

        return EventStream(async_events(), ping=ping)

    @app.get("/scopes")
    async def async_scopes():
        async def async_events():
            token = moved.set("there")
            async with asyncio.timeout(1000), asyncio.TaskGroup() as group:
                for n in range(3):
                    task = group.create_task(asyncio.sleep(0.01, n))
                    yield await task
            moved.reset(token)
            seen.append(asyncio.current_task().cancelling())

        return EventStream(async_events(), ping=0.001)

    @app.get("/threads")
    async def async_threads():
        async def async_events():
            for _ in range(2):
                yield await sync_to_async(threading.get_ident)()

        return EventStream(async_events(), ping=1000)

    @app.get("/stubborn")
    async def async_stubborn():
        async def async_events():
            while True:
                try:
                    await asyncio.sleep(1000)
                except asyncio.CancelledError:
                    seen.append("stubborn")
                    yield "again"

        return EventStream(async_events(), ping=0.001)


@pytest.fixture(params=["wsgi", "asgi"])
def serve_async(request: pytest.FixtureRequest) -> Serve:
    """`serve` for apps whose functions keep their colour."""
    return Serve(request.param, "async", road=request.config.getoption("--road"))


def test_a_generator_that_waits_has_its_client_pinged(serve_async: Serve) -> None:
    client = serve_async(waiting, twin=False)
    answer = client.get("/", leave=8)
    assert answer.body == PING.encode() + b"data: x\n\n" + PING.encode() * 6
    wait_for(lambda: client.app.extensions["seen"] == ["closed"])


def test_pings_lose_no_event(serve_async: Serve) -> None:
    client = serve_async(waiting, twin=False)
    source = EventSource()
    source.feed(client.get("/late/0.001").body)
    assert [event.data for event in source.events] == ["0", "1", "2"]
    assert source.comments > 1
    assert client.get(f"/late/{1000.0}").body == b":\n\ndata: 0\n\ndata: 1\n\ndata: 2\n\n"


def test_timeouts_task_groups_and_context_variables_span_events(serve_async: Serve) -> None:
    client = serve_async(waiting, twin=False)
    assert [event.data for event in read_events(client.get("/scopes").body)] == ["0", "1", "2"]
    assert client.app.extensions["seen"] == [0]


def test_pings_are_sent_while_a_def_hook_runs_for_the_generator(serve_async: Serve) -> None:
    """No thread may be in the context variables of the request meanwhile: the task that sends needs them."""

    def build(app: DualApp) -> None:
        @app.before_request
        def sync_pause():
            g.count = g.get("count", 0) + 1
            time.sleep(0.02)

        @app.get("/")
        async def async_index():
            @stream_with_context
            async def async_events():
                await current_app.preprocess_request()
                yield g.count

            return EventStream(async_events(), ping=0.001)

    source = EventSource()
    answer = serve_async(build, twin=False).get("/")
    source.feed(answer.body)
    assert ([event.data for event in source.events], answer.complete) == (["2"], True)
    assert source.comments > 1


def test_sync_code_of_a_generator_keeps_to_one_thread(serve_async: Serve) -> None:
    first, second = read_events(serve_async(waiting, twin=False).get("/threads").body)
    assert first == second
    assert (first.data == str(threading.get_ident())) is (serve_async.entry == "wsgi")


def test_a_generator_that_swallows_its_cancellation_is_closed_all_the_same(serve_async: Serve) -> None:
    client = serve_async(waiting, twin=False)
    client.get("/stubborn", leave=3)
    wait_for(lambda: client.app.extensions["seen"] == ["stubborn"])


def test_pings_may_be_switched_off(serve_async: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def async_index():
            async def async_events():
                await asyncio.sleep(0.01)
                yield "x"

            return EventStream(async_events(), ping=math.inf)

    assert serve_async(build, twin=False).get("/").body == b":\n\ndata: x\n\n"
