"""What a subclass hears of failures outside of requests: those of background tasks, and those around serving."""

from __future__ import annotations

import asyncio
from typing import Any

import flask
import pytest

from dualapp import DualApp, got_background_exception, got_serving_exception
from dualapp.crossing.bridge import run_on_loop
from dualapp.lifespan import ShutdownFailed, StartupFailed

from ..conftest import Paint, Serve
from ..support.waiting import wait_for


class Own(Exception):
    pass


class Sync:
    def handle_background_exception(self, error: Exception) -> None:
        note(self, "handle", error)
        super().handle_background_exception(error)  # type: ignore[misc]  # of the app


class SyncWithContext:
    def handle_background_exception(self, ctx: Any, error: Exception) -> None:
        note(ctx.app, "handle", error)
        super().handle_background_exception(ctx, error)  # type: ignore[misc]  # as above


class Async:
    async def handle_background_exception(self, error: Exception) -> None:
        note(self, "handle", error)
        await super().handle_background_exception(error)  # type: ignore[misc]  # as above


class AsyncWithContext:
    async def handle_background_exception(self, ctx: Any, error: Exception) -> None:
        note(ctx.app, "handle", error)
        await super().handle_background_exception(ctx, error)  # type: ignore[misc]  # as above


class Logging:
    def log_exception(self, exc_info: Any) -> None:
        note(self, "log", exc_info[1])
        super().log_exception(exc_info)  # type: ignore[misc]  # as above


def note(app: Any, event: str, error: BaseException) -> None:
    app.extensions["seen"].append((event, repr(error), flask.current_app.name))


def failing(app: DualApp) -> None:
    app.extensions["seen"] = []

    def sync_task() -> None:
        raise Own("task")

    async def task():
        raise Own("task")

    @app.get("/")
    async def index():
        app.add_background_task(task)
        return "here"

    @app.get("/sync")
    def sync_index() -> str:
        app.add_background_task(sync_task)
        return "here"

    @app.teardown_appcontext
    def tear_down(error: Any) -> None:
        if isinstance(error, Own):
            note(app, "teardown", error)


def fail(serve: Serve, path: str, mixin: Any) -> tuple[Any, list[Any]]:
    """Leave a task to the background; return the app, and what the receivers of the signal got."""
    client, sent = serve(failing, twin=False, mixin=mixin), []

    def receive(sender: Any, exception: Exception) -> None:
        sent.append(repr(exception))
        client.app.extensions["seen"].append("sent")

    with got_background_exception.connected_to(receive, client.app):
        assert client.get(path).text == "here"
        wait_for(lambda: not client.app._lifespan.tasks)
    return client.app, sent


@pytest.mark.parametrize("path", ["/", "/sync"])
@pytest.mark.parametrize("mixin", [object, Sync, SyncWithContext, Async, AsyncWithContext])
def test_the_error_of_a_task_is_handled(serve: Serve, caplog: Any, mixin: type, path: str) -> None:
    app, sent = fail(serve, path, mixin)
    assert sent == ["Own('task')"]
    events = ["handle", "teardown"] if mixin is not object else ["teardown"]
    assert [event for event in app.extensions["seen"] if event != "sent"] == [
        (event, "Own('task')", app.name) for event in events
    ]
    (record,) = caplog.records
    assert record.getMessage().startswith("Exception in background task tests.parity.test_failure_reports.failing.")


def test_an_override_may_keep_the_error_to_itself(serve: Serve, caplog: Any) -> None:
    class Silent:
        async def handle_background_exception(self, ctx: Any, error: Exception) -> None:
            note(self, "handle", error)

    app, sent = fail(serve, "/", Silent)
    assert app.extensions["seen"][0][0] == "handle"
    assert not sent
    assert not caplog.records


def test_the_error_of_an_override_is_reported(serve: Serve, caplog: Any) -> None:
    class Failing:
        def handle_background_exception(self, error: Exception) -> None:
            raise Own("handler") from error

    _, sent = fail(serve, "/", Failing)
    assert sent == ["Own('handler')"]
    assert len(caplog.records) == 1


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_a_handler_that_is_set_on_the_app(serve: Serve, colour: str) -> None:
    def build(app: DualApp) -> None:
        def sync_handle(error: Exception) -> None:
            note(app, "handle", error)

        async def async_handle(error):
            note(app, "handle", error)

        app.handle_background_exception = sync_handle if colour == "sync" else async_handle  # type: ignore[method-assign]

    client = serve(failing, build, twin=False)
    client.get("/")
    wait_for(lambda: not client.app._lifespan.tasks)
    assert client.app.extensions["seen"][0][0] == "handle"


def test_log_exception_hears_of_tasks(serve: Serve, caplog: Any) -> None:
    app, sent = fail(serve, "/", Logging)
    assert app.extensions["seen"][:2] == ["sent", ("log", "Own('task')", app.name)]
    assert sent == ["Own('task')"]
    (record,) = caplog.records
    assert record.getMessage().startswith("Exception in background task ")


def test_log_exception_hears_of_startups(serve: Serve, caplog: Any) -> None:
    def build(app: DualApp) -> None:
        app.extensions["seen"] = []

        @app.before_serving
        async def start():
            raise Own("startup")

    client = serve(build, twin=False, mixin=Logging)
    assert "startup" in str(client.get("/", escapes=True).error)
    assert client.app.extensions["seen"] == [("log", "Own('startup')", client.app.name)]
    (record,) = caplog.records
    assert record.getMessage().startswith("Startup failed in tests.parity.test_failure_reports.")


class Stop(BaseException):
    """An error of an app that is no Exception."""


NO_EXCEPTIONS = (Stop, GeneratorExit, asyncio.CancelledError)


def names_of_errors(errors: list[BaseException]) -> list[str]:
    """Return the names of the errors; a def function's GeneratorExit is the cause of a RuntimeError."""
    return [type(error.__cause__ or error).__name__ for error in errors]


@pytest.mark.parametrize("error", NO_EXCEPTIONS)
@pytest.mark.parametrize("where", ["task", "teardown", "handler", "receiver"])
def test_errors_of_a_task_that_are_no_exceptions(
    serve: Serve, paint: Paint, caplog: Any, where: str, error: type[BaseException]
) -> None:
    @paint
    def tasks(app: DualApp) -> None:
        @app.teardown_appcontext
        async def tear_down(exc):
            if where == "teardown" and "is_of_task" in flask.g:
                raise error

        async def task():
            flask.g.is_of_task = True
            if where == "task":
                raise error
            if where != "teardown":
                raise Own

        app.extensions["task"] = task

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            app.add_background_task(app.extensions["task"])
            return "here"

    class Failing:
        async def handle_background_exception(self, ctx: Any, exc: Exception) -> None:
            if where == "handler":
                raise error
            await super().handle_background_exception(ctx, exc)  # type: ignore[misc]  # of the app

    async def receive(sender: Any, exception: BaseException) -> None:
        sent.append(exception)
        if where == "receiver":
            raise error

    client, sent = serve(tasks, build, twin=False, mixin=Failing), []
    with got_background_exception.connected_to(receive, client.app):
        assert client.get("/").text == "here"
        wait_for(lambda: not client.app._lifespan.tasks)
    expected = "Own" if where == "receiver" else error.__name__
    assert names_of_errors(sent) == [expected]
    messages = [record.getMessage() for record in caplog.records]
    assert messages[-1].startswith("Exception in background task tests.parity.test_failure_reports.")
    assert [message.startswith("A receiver of a signal failed") for message in messages[:-1]] == [True] * (
        where == "receiver"
    )


@pytest.mark.parametrize("error", NO_EXCEPTIONS)
@pytest.mark.parametrize("where", ["before", "while", "override", "teardown"])
def test_errors_at_startup_that_are_no_exceptions(
    serve: Serve, paint: Paint, caplog: Any, where: str, error: type[BaseException]
) -> None:
    @paint
    def functions(app: DualApp) -> None:
        @app.before_serving
        async def start():
            if where == "before":
                raise error

        @app.while_serving
        async def run():
            if where == "while":
                raise error
            yield

        @app.teardown_appcontext
        async def tear_down(exc):
            if where == "teardown":
                raise error

    class Starting:
        async def startup(self) -> None:
            await super().startup()  # type: ignore[misc]  # of the app
            if where == "override":
                raise error

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return "never"

    client, sent = serve(functions, build, twin=False, mixin=Starting), []

    def receive(sender: Any, exception: BaseException) -> None:
        sent.append(exception)

    with got_serving_exception.connected_to(receive, client.app):
        for _ in range(2):
            assert type(client.get("/", escapes=True).error) is StartupFailed
    assert names_of_errors(sent) == [error.__name__]
    (record,) = caplog.records
    assert record.getMessage().startswith("Startup failed in ")


@pytest.mark.parametrize("error", NO_EXCEPTIONS)
@pytest.mark.parametrize("where", ["after", "while", "override", "teardown"])
def test_errors_at_shutdown_that_are_no_exceptions(
    paint: Paint, caplog: Any, where: str, error: type[BaseException]
) -> None:
    ran = []

    @paint
    def functions(app: DualApp) -> None:
        @app.while_serving
        async def run():
            yield
            if where == "while":
                raise error

        @app.after_serving
        async def stop():
            if where == "after":
                raise error

        @app.after_serving
        async def stop_last():
            ran.append("last")

        @app.teardown_appcontext
        async def tear_down(exc):
            if where == "teardown" and ran:
                raise error

    class Stopping(DualApp):
        async def shutdown(self) -> None:
            await super().shutdown()
            if where == "override":
                raise error

    app = Stopping(__name__)
    functions(app)
    app._lifespan.start()
    with pytest.raises(ShutdownFailed):
        run_on_loop(app._lifespan.call_shutdown)
    assert ran == ["last"]
    (record,) = caplog.records
    assert record.getMessage().startswith("Shutdown failed in ")


@pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt])
def test_those_that_end_the_process_are_no_failures(end: type[BaseException]) -> None:
    app = DualApp(__name__)

    @app.before_serving
    async def start() -> None:
        raise end

    with pytest.raises(end):
        app._lifespan.start()
