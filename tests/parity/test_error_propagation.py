"""Errors that nobody handles: which are logged and become a 500, and which reach the server."""

from __future__ import annotations

import logging

import pytest

from dualapp import DualApp, request

from ..conftest import Serve
from .apps import Own, failing


def test_an_unhandled_error_is_a_500_page_and_a_log_line(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    answer = serve(failing, twin=False).get("/zero?x=1")
    assert (answer.status, answer.header("content-type")) == (500, "text/html; charset=utf-8")
    assert "<h1>Internal Server Error</h1>" in answer.text
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage() == "Exception on /zero [GET]"
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


@pytest.mark.parametrize("key", ["PROPAGATE_EXCEPTIONS", "TESTING"])
def test_errors_reach_the_server_when_asked_to(serve: Serve, key: str) -> None:
    def build(app: DualApp) -> None:
        app.config[key] = True
        app.extensions["torn"] = []

        @app.teardown_request
        async def torn(error):
            app.extensions["torn"].append(type(error).__name__)

        @app.get("/")
        async def index():
            raise Own("to the server")

    client = serve(build)
    answer = client.get("/", escapes=True)
    assert (answer.status, type(answer.error), str(answer.error)) == (0, Own, "to the server")
    assert client.app.extensions["torn"] == ["Own"]


def test_propagation_can_be_refused_while_testing(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config.update(TESTING=True, PROPAGATE_EXCEPTIONS=False)

        @app.get("/")
        async def index():
            raise Own

    assert serve(build).get("/").status == 500


def test_trap_http_exceptions(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config.update(TRAP_BAD_REQUEST_ERRORS=True, PROPAGATE_EXCEPTIONS=True)

        @app.get("/")
        async def index():
            return (await request.form)["missing"]

    answer = serve(build).get("/", escapes=True)
    assert isinstance(answer.error, KeyError)


def test_base_exceptions_are_not_answers(serve: Serve) -> None:
    """`except Exception` is right: what asks the process or the task to end passes through to the server."""

    class Stop(BaseException):
        pass

    def build(app: DualApp) -> None:
        app.extensions["torn"] = []

        @app.teardown_request
        async def torn(error):
            app.extensions["torn"].append(type(error).__name__)

        @app.get("/")
        async def index():
            raise Stop

        @app.get("/fine")
        async def fine():
            return "fine"

    client = serve(build, twin=False)
    with pytest.raises(Stop):
        client.get("/")
    assert client.get("/fine").text == "fine"
