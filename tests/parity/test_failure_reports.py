"""What a subclass hears of failures outside of requests: those of background tasks, and those around serving."""

from __future__ import annotations

from typing import Any

import flask
import pytest

from dualapp import DualApp, got_background_exception

from ..conftest import Serve
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
