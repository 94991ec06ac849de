"""What runs before, while and after serving: failures, loops that end, the order, and lists that others append to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from dualapp import Blueprint, DualApp, got_serving_exception

from ..conftest import Serve
from ..support.entry_driver import Ask, Client
from ..support.waiting import LIMIT, wait_for


def living(serve: Serve, mixin: type = object) -> tuple[DualApp, list[str]]:
    """An app, and the list in which it notes what happens; what `app.extensions["fail"]` holds fails."""
    events: list[str] = []

    def build(app: DualApp) -> None:
        app.extensions["fail"] = set()

        def note(event: str) -> None:
            events.append(event)
            if event in app.extensions["fail"]:
                raise LookupError(event)

        app.extensions["note"] = note

        @app.before_serving
        async def before():
            note("before")

        @app.while_serving
        async def first():
            note("first begins")
            try:
                yield
                note("first ends")
            finally:
                note("first is left")

        @app.while_serving
        async def second():
            note("second begins")
            yield
            note("second ends")

        @app.after_serving
        async def after():
            note("after")

        @app.after_serving
        async def last():
            note("last")

        @app.get("/")
        async def index():
            note("request")
            return "here"

    return serve(build, twin=False, mixin=mixin).app, events


START = ["before", "first begins", "second begins"]
STOP = ["second ends", "first ends", "first is left", "after", "last"]


async def serving(app: DualApp, *events: str) -> tuple[list[tuple[str, str]], Exception | None]:
    """Speak the lifespan protocol; return what the app sends, and what it raises."""
    inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    sent: list[tuple[str, str]] = []

    async def send(message: dict[str, str]) -> None:
        sent.append((message["type"].removeprefix("lifespan."), message.get("message", "")))

    for event in events:
        inbox.put_nowait({"type": f"lifespan.{event}"})
    try:
        async with asyncio.timeout(LIMIT):
            await app.asgi({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, inbox.get, send)
    except Exception as error:
        return sent, error
    return sent, None


def test_the_order_is_quarts(serve: Serve) -> None:
    app, events = living(serve)
    assert asyncio.run(serving(app, "startup", "shutdown")) == (
        [("startup.complete", ""), ("shutdown.complete", "")],
        None,
    )
    assert events == START + STOP


# ------------------------------------------------------------------------------------------------------------ failures


@pytest.mark.parametrize(
    ("event", "name"), [("before", "before"), ("first begins", "first"), ("second begins", "second")]
)
def test_a_failing_startup_is_told_and_raised(
    serve: Serve, event: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Starlette's test client enters its `with` block unless the app raises."""
    app, _ = living(serve)
    app.extensions["fail"].add(event)
    [(kind, message)], error = asyncio.run(serving(app, "startup"))
    assert kind == "startup.failed"
    assert message.endswith(f"{name} failed: LookupError('{event}')")
    assert str(error) == message
    assert [record.message.rpartition(".")[2] for record in caplog.records] == [name]


@pytest.mark.parametrize("event", ["second ends", "first ends", "after", "last"])
def test_a_failing_shutdown_is_told_and_raised_when_all_else_has_run(
    serve: Serve, event: str, caplog: pytest.LogCaptureFixture
) -> None:
    app, events = living(serve)
    app.extensions["fail"].add(event)
    (_, (kind, message)), error = asyncio.run(serving(app, "startup", "shutdown"))
    assert events == START + STOP
    assert kind == "shutdown.failed"
    assert message.endswith(f"{event.removesuffix(' ends')} failed: LookupError('{event}')")
    assert str(error) == message
    assert len(caplog.records) == 1


def test_several_failures_of_a_shutdown_are_all_told(serve: Serve, without_log: None) -> None:
    app, events = living(serve)
    app.extensions["fail"] |= {"second ends", "last"}
    (_, (_, message)), _ = asyncio.run(serving(app, "startup", "shutdown"))
    assert events == START + STOP
    assert [part.rpartition(".")[2] for part in message.split("; ")] == [
        "second failed: LookupError('second ends')",
        "last failed: LookupError('last')",
    ]


@pytest.mark.parametrize("part", ["before_serving", "while_serving", "after_serving"])
def test_a_cancellation_that_nobody_asked_for_is_a_failure(serve: Serve, part: str, without_log: None) -> None:
    app, _ = living(serve)

    async def awaits_what_is_cancelled():
        task = asyncio.create_task(asyncio.sleep(LIMIT))
        task.cancel()
        await task

    async def generates():
        await awaits_what_is_cancelled()
        yield

    getattr(app, part)(generates if part == "while_serving" else awaits_what_is_cancelled)
    sent, error = asyncio.run(serving(app, "startup", "shutdown"))
    assert sent[-1][0] == ("shutdown.failed" if part == "after_serving" else "startup.failed")
    assert "CancelledError" in str(error)


def test_a_function_that_cannot_be_called_fails_the_startup(serve: Serve, without_log: None) -> None:
    app, _ = living(serve)

    @app.while_serving
    async def wants(more):
        yield

    [(kind, message)], _ = asyncio.run(serving(app, "startup"))
    assert (kind, "wants failed: TypeError" in message) == ("startup.failed", True)


def test_a_teardown_that_fails_at_the_startup_is_told(serve: Serve, without_log: None) -> None:
    app, _ = living(serve)

    @app.teardown_appcontext
    def fail(error: object) -> None:
        raise LookupError("teardown")

    [(kind, message)], _ = asyncio.run(serving(app, "startup"))
    assert (kind, message) == ("startup.failed", "dualapp.app.DualApp.app_context failed: LookupError('teardown')")


def test_a_receiver_that_fails_does_not_stop_the_shutdown(serve: Serve, without_log: None) -> None:
    def receive(sender: object, exception: Exception) -> None:
        raise LookupError("receiver")

    app, events = living(serve)
    app.extensions["fail"].add("second ends")
    with got_serving_exception.connected_to(receive, app):
        asyncio.run(serving(app, "startup", "shutdown"))
    assert events == START + STOP


def test_the_app_itself_raises(serve: Serve, without_log: None) -> None:
    async def live(app: DualApp) -> None:
        await app.startup()
        await app.shutdown()

    app, events = living(serve)
    app.extensions["fail"].add("after")
    with pytest.raises(RuntimeError, match="after failed"):
        asyncio.run(live(app))
    assert events == START + STOP


# ----------------------------------------------------------------------------------------------- a subclass's methods


class Around:
    """Overrides both methods as for Quart, and does something before and after."""

    extensions: dict[str, Any]

    async def startup(self) -> None:
        self.extensions["note"]("startup begins")
        await super().startup()  # type: ignore[misc]  # of the app
        await asyncio.sleep(0)
        self.extensions["note"]("startup ends")

    async def shutdown(self) -> None:
        self.extensions["note"]("shutdown begins")
        await super().shutdown()  # type: ignore[misc]  # as above
        self.extensions["note"]("shutdown ends")


AROUND_START = ["startup begins", *START, "startup ends"]
AROUND_STOP = ["shutdown begins", *STOP, "shutdown ends"]


def test_a_subclass_overrides_startup_and_shutdown(serve: Serve) -> None:
    app, events = living(serve, Around)
    if serve.entry == "asgi":
        asyncio.run(serving(app, "startup", "shutdown"))
        assert events == [*AROUND_START, *AROUND_STOP]
        events.clear()
    assert [Client(app, serve.entry).get("/").text for _ in range(2)] == ["here"] * 2
    assert events == [*AROUND_START, "request", "request"]
    app._lifespan.stop()
    assert events[-len(AROUND_STOP) :] == AROUND_STOP


def test_requests_wait_for_the_end_of_a_subclasss_startup(serve: Serve) -> None:
    app, events = living(serve, Around)
    assert asyncio.run(twice_at_once(asking(serve, app))) == ["here"] * 2
    assert events[: len(AROUND_START) + 2] == [*AROUND_START, "request", "request"]


async def twice_at_once(ask: Callable[[], Coroutine[Any, Any, str]]) -> list[str]:
    return await asyncio.gather(ask(), ask())


@pytest.mark.parametrize("event", ["startup begins", "startup ends"])
def test_a_subclasss_startup_fails(serve: Serve, without_log: None, event: str) -> None:
    app, events = living(serve, Around)
    app.extensions["fail"].add(event)
    sent, error = asyncio.run(serving(app, "startup"))
    assert [kind for kind, _ in sent] == ["startup.failed"]
    assert "startup failed" in str(error)
    assert f"startup failed: LookupError('{event}')" in sent[0][1]
    answer = Client(app, serve.entry).get("/", escapes=True)
    assert "startup failed" in str(answer.error)
    assert "request" not in events


def test_a_subclasss_shutdown_fails(serve: Serve, without_log: None) -> None:
    app, events = living(serve, Around)
    app.extensions["fail"].add("shutdown ends")
    sent, error = asyncio.run(serving(app, "startup", "shutdown"))
    assert [kind for kind, _ in sent] == ["startup.complete", "shutdown.failed"]
    assert "shutdown failed" in str(error)
    assert events == [*AROUND_START, *AROUND_STOP]


# -------------------------------------------------------------------------------------------------- loops that end


def asking(serve: Serve, app: DualApp) -> Callable[[], Coroutine[Any, Any, str]]:
    """A request to the entry of the test, made on the running loop; to the WSGI entry it is the test client's."""

    async def ask() -> str:
        if serve.entry == "asgi":
            return (await Client(app, "asgi").speak_asgi(Ask())).text
        text: str = await (await app.test_client(entry="wsgi").get("/")).get_data(as_text=True)
        return text

    return ask


def test_a_closed_loop_has_the_next_request_start_anew(serve: Serve) -> None:
    """pytest-asyncio gives each test a loop of its own."""
    app, events = living(serve)
    ask = asking(serve, app)
    for _ in range(3):
        assert asyncio.run(ask()) == "here"
        assert asyncio.run(twice(ask)) == "herehere"
    assert [event for event in events if event != "first is left"] == [
        *[*START, "request"],
        *[*START, "request", "request"],
    ] * 3
    # asyncio.run closes async generators; those in `def` are closed at the next start.
    assert events.count("first is left") >= 5


async def twice(ask: Callable[[], Coroutine[Any, Any, str]]) -> str:
    return await ask() + await ask()


def test_a_loop_that_is_closed_with_its_generators_open(serve: Serve) -> None:
    app, events = living(serve)
    for number in range(2):
        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(asking(serve, app)()) == "here"
        loop.close()
        assert events.count("first is left") == number  # closed by the next start
    assert events == [*START, "request", "first is left", *START, "request"]


def test_a_generator_that_cannot_be_closed_without_its_loop_is_dropped(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.while_serving
        async def async_waits():
            try:
                yield
            finally:
                await asyncio.sleep(LIMIT)

        @app.while_serving
        async def async_fails():
            try:
                yield
            finally:
                raise LookupError("no loop")

        @app.while_serving
        def sync_fails():
            try:
                yield
            finally:
                raise LookupError("no loop")

        @app.get("/")
        async def index():
            return "here"

    app = serve(build, twin=False).app
    for _ in range(2):
        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(asking(serve, app)()) == "here"
        loop.close()
    asyncio.run(app.shutdown())


def test_two_living_loops_start_once(serve: Serve) -> None:
    app, events = living(serve)
    loops = asyncio.new_event_loop(), asyncio.new_event_loop()
    for loop in loops * 3:
        assert loop.run_until_complete(asking(serve, app)()) == "here"
    assert events == [*START, *["request"] * 6]
    loops[0].close()
    assert loops[1].run_until_complete(asking(serve, app)()) == "here"
    assert [event for event in events if event != "first is left"] == [*START, *["request"] * 6, *START, "request"]
    loops[1].close()


def test_an_entry_starts_anew_what_the_other_has_started_on_a_closed_loop(serve: Serve) -> None:
    """A test of `async def` code, then one of `def` code that sends its request without a loop."""
    app, events = living(serve)
    assert asyncio.run(Client(app, "asgi").speak_asgi(Ask())).text == "here"
    assert Client(app, "wsgi").get("/").text == "here"
    assert Client(app, "asgi").get("/").text == "here"
    assert [event for event in events if event != "first is left"] == [*START, "request", *START, "request", "request"]
    app._lifespan.stop()


def test_a_failure_ends_with_its_loop(serve: Serve, without_log: None) -> None:
    app, events = living(serve)
    app.extensions["fail"].add("second begins")

    async def fail() -> None:
        for _ in range(2):  # it stays while the loop lives
            with pytest.raises(Exception, match="second failed"):
                await app.startup()

    asyncio.run(fail())
    assert events.count("second begins") == 1
    app.extensions["fail"].clear()
    assert asyncio.run(asking(serve, app)()) == "here"
    assert events.count("second begins") == 2


def test_a_shutdown_on_another_loop_than_the_startups(serve: Serve) -> None:
    """What began on the closed loop cannot end on it; what runs after serving runs."""
    app, events = living(serve)
    asyncio.run(app.startup())
    asyncio.run(app.shutdown())
    assert [event for event in events if event != "first is left"] == [*START, "after", "last"]


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError, type("Stop", (BaseException,), {})])
def test_a_generator_that_fails_when_it_is_closed_does_not_keep_the_app_from_starting(
    error: type[BaseException],
) -> None:
    app, starts = DualApp(__name__), []

    @app.while_serving
    async def run() -> AsyncIterator[None]:
        starts.append("start")
        try:
            yield
        finally:
            raise error

    loops = [asyncio.new_event_loop() for _ in range(2)]
    for loop in loops:  # not asyncio.run, which closes the generators of its loop itself
        loop.run_until_complete(app.startup())
        loop.close()
    assert starts == ["start"] * 2
    app._lifespan._streams.clear()


def test_an_idle_app_takes_any_loop(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return "here"

    app = serve(build, twin=False).app
    ask = asking(serve, app)
    assert [asyncio.run(ask()), Client(app, serve.entry).get("/").text, asyncio.run(ask())] == ["here"] * 3


# --------------------------------------------------------------------------------------------------------------- lists


def test_functions_may_be_appended_to_the_lists(serve: Serve) -> None:
    app, events = living(serve)
    note = events.append

    async def generator():
        note("appended begins")
        yield
        note("appended ends")

    app.before_serving_funcs.append(lambda: note("appended before"))
    app.while_serving_gens += [generator, generator()]  # Quart's list has generators
    app.after_serving_funcs.append(lambda: note("appended after"))
    _, error = asyncio.run(serving(app, "startup", "shutdown"))
    assert error is None
    assert events == [
        *["before", "appended before", "first begins", "second begins", "appended begins", "appended begins"],
        *["appended ends", "appended ends", "second ends", "first ends", "first is left"],
        *["after", "last", "appended after"],
    ]


def test_what_is_registered_stands_in_the_lists(serve: Serve) -> None:
    app, _ = living(serve)
    blueprint = Blueprint("blueprint", __name__)

    @blueprint.before_app_serving
    def of_blueprint() -> None: ...

    app.register_blueprint(blueprint)
    names = [[func.__name__ for func in funcs] for funcs in (app.before_serving_funcs, app.after_serving_funcs)]
    assert names == [["before", "of_blueprint"], ["after", "last"]]
    assert [func.__name__ for func in app.while_serving_gens] == ["first", "second"]


def test_a_list_may_be_replaced(serve: Serve) -> None:
    app, events = living(serve)
    app.before_serving_funcs, app.while_serving_gens, app.after_serving_funcs = [], [], []
    asyncio.run(serving(app, "startup", "shutdown"))
    assert events == []


@pytest.mark.parametrize("register", ["before_serving", "while_serving", "after_serving"])
def test_a_coroutine_is_refused_at_once(register: str) -> None:
    async def job() -> None: ...

    app = DualApp("app")
    with pytest.raises(TypeError, match=rf"{register}\(\) takes a function, not its coroutine: pass job, not job\("):
        getattr(app, register)(job())


def test_tasks_hear_of_the_shutdown(serve: Serve) -> None:
    heard: list[str] = []

    def build(app: DualApp) -> None:
        async def async_wait() -> None:
            await app.shutdown_event.wait()
            heard.append("waited")

        def sync_poll() -> None:
            wait_for(app.shutdown_event.is_set)
            heard.append("polled")

        @app.get("/")
        async def index():
            app.add_background_task(async_wait)
            app.add_background_task(sync_poll)
            return str(app.shutdown_event.is_set())

    client = serve(build, twin=False)
    client.app.config["BACKGROUND_TASK_SHUTDOWN_TIMEOUT"] = LIMIT

    async def live() -> None:
        await client.app.startup()
        assert (await Client(client.app, "asgi").speak_asgi(Ask())).text == "False"
        await client.app.shutdown()

    for _ in range(2):  # each life has an event of its own
        heard.clear()
        if serve.entry == "asgi":
            asyncio.run(live())
        else:
            assert client.get("/").text == "False"
            client.app._lifespan.stop()
        assert sorted(heard) == ["polled", "waited"]
        assert client.app.shutdown_event.is_set()


def test_an_app_that_has_nothing_but_a_watched_end_stops(serve: Serve) -> None:
    app = serve(twin=False).app
    event = app.shutdown_event

    async def live() -> None:
        await app.startup()
        await app.shutdown()

    asyncio.run(live())
    assert event.is_set()
