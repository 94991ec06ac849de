"""Views that do what no view should: a 500, a log line that names the view, and the next request is fine."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from dualapp import DualApp, request

from ..conftest import Paint, Serve
from ..support.entry_driver import Ask
from ..support.waiting import LIMIT


def bad(app: DualApp) -> None:
    @app.get("/none")
    async def gives_none():
        return None

    @app.get("/nothing")
    async def gives_nothing(): ...

    @app.get("/number")
    async def gives_number():
        return 42

    @app.get("/object")
    async def gives_object():
        return object()

    @app.get("/set")
    async def gives_set():
        return {1, 2}

    @app.get("/tuple")
    async def gives_tuple():
        return "a", 200, {}, "too many"

    @app.get("/none-status")
    async def gives_none_status():
        return None, 200

    @app.get("/empty-tuple")
    async def gives_empty_tuple():
        return ()

    @app.get("/unserialisable")
    async def gives_unserialisable():
        return {"x": object()}

    @app.get("/fine")
    async def fine():
        return "fine"


def errors(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("view", ["none", "nothing", "number", "object", "set", "tuple", "none-status", "empty-tuple"])
def test_what_no_view_may_return(serve: Serve, caplog: pytest.LogCaptureFixture, view: str) -> None:
    client = serve.shared(bad)
    answer = client.get(f"/{view}")
    assert (answer.status, answer.header("content-type")) == (500, "text/html; charset=utf-8")
    log = "\n".join(logging.Formatter().format(record) for record in errors(caplog))
    assert "gives_" + view.replace("-", "_") in log
    assert "TypeError" in log
    assert client.get("/fine").text == "fine"


def test_what_cannot_be_serialised(serve: Serve) -> None:
    client = serve(bad)
    assert client.get("/unserialisable").status == 500
    assert client.get("/fine").text == "fine"


def test_a_coroutine_that_is_returned_is_awaited(serve: Serve, paint: Paint) -> None:
    """A view may have a decorator, of either colour, that returns what it calls."""

    async def async_inner():
        return "x"

    async def async_failing():
        raise LookupError

    async def async_outer():
        return async_inner()

    def build(app: DualApp) -> None:
        @app.get("/coroutine")
        async def coroutine():
            return async_inner()

        @app.get("/nested")
        async def nested():
            return async_outer()

        @app.get("/body")
        async def body():
            return async_inner(), 201, {"X-Own": "1"}

        @app.get("/failing")
        async def failing():
            return async_failing()

    @paint
    def hooks(app: DualApp) -> None:
        @app.before_request
        async def answer():
            return async_inner() if request.path == "/hook" else None

        @app.errorhandler(LookupError)
        async def handle(error):
            return async_inner(), 418

        @app.errorhandler(404)
        async def not_found(error):
            return async_outer()

    client = serve(build, hooks, twin=False)
    paths = ["coroutine", "nested", "body", "failing", "hook", "missing"]
    answers = [client.get(f"/{path}") for path in paths]
    assert [answer.text for answer in answers] == ["x"] * 6
    assert [answer.status for answer in answers] == [200, 200, 201, 418, 200, 200]
    assert answers[2].header("x-own") == "1"
    assert serve(build, twin=False).get("/body").status == 201


def test_wrong_arguments(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/few/<a>")
        async def few():
            return "x"

        @app.get("/many")
        async def many(a):
            return "x"

    client = serve(build)
    assert [client.get("/few/1").status, client.get("/many").status] == [500, 500]


def test_a_view_that_raises_what_is_not_an_error(serve: Serve) -> None:
    """StopIteration ends whoever iterates, and a future cannot hold it: both have cost servers a hang."""

    def build(app: DualApp) -> None:
        @app.get("/stop")
        async def stop():
            return next(iter([]))

        @app.get("/astop")
        async def astop():
            raise StopAsyncIteration

        @app.get("/timeout")
        async def timeout():
            raise TimeoutError

        @app.get("/group")
        async def group():
            raise ExceptionGroup("several", [ValueError(), KeyError()])

        @app.get("/recursion")
        async def recursion():
            def deeper():
                return deeper()

            return deeper()

    client = serve(build, bad)
    for path in ("/stop", "/astop", "/timeout", "/group", "/recursion"):
        assert client.get(path).status == 500
        assert client.get("/fine").text == "fine"


def test_hooks_that_raise_stop_iteration(serve: Serve, paint: Paint) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        @app.before_request
        async def stop():
            if request.path == "/stop":
                raise StopIteration

    client = serve(bad, hooks)
    assert client.get("/stop").status == 500
    assert client.get("/fine").text == "fine"


def test_hooks_that_return_nothing_useful(serve: Serve, paint: Paint) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        @app.after_request
        async def forgets(response):
            if request.path == "/forgets":
                return None
            return response

    def build(app: DualApp) -> None:
        @app.get("/forgets")
        async def view():
            return "x"

    client = serve(bad, build, hooks, twin=False)
    assert client.get("/forgets", escapes=True).status in (0, 500)  # In Flask it escapes, by an accident of its making.
    assert client.get("/fine").text == "fine"


def test_a_teardown_that_raises_does_not_spoil_the_next_request(serve: Serve, paint: Paint) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        @app.teardown_request
        async def fails(error):
            if request.path == "/none":
                raise LookupError("in a teardown")

    client = serve(bad, hooks, twin=False)
    client.get("/none", escapes=True)
    assert client.get("/fine").text == "fine"


def test_a_blocking_sync_view_does_not_stop_the_others(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/blocking")
        def sync_blocking():
            barrier.wait(LIMIT)
            return "met"

    barrier = threading.Barrier(8)
    client = serve(bad, build, twin=False)
    answers: list[Any] = client.many([Ask(target="/blocking")] * 8, threads=8)
    assert [answer.text for answer in answers] == ["met"] * 8


def test_json_that_cannot_be_made_names_its_view(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def culprit():
            return {"a": object()}

    assert serve(build).get("/").status == 500
    notes = [note for record in caplog.records for note in getattr(record.exc_info[1], "__notes__", [])]
    assert any("culprit" in note for note in notes)
