"""Errors: their pages, their handlers, their log, and what escapes."""

from __future__ import annotations

import logging

import pytest
from werkzeug.exceptions import Conflict, HTTPException, InternalServerError

from dualapp import DualApp, abort, redirect, request

from ..conftest import Paint, Serve


class Own(Exception):
    pass


class OwnChild(Own):
    pass


def failing(app: DualApp) -> None:
    @app.get("/code/<int:code>")
    async def code(code):
        abort(code)

    @app.get("/described")
    async def described():
        abort(403, "only <ann> may")

    @app.get("/response")
    async def response():
        abort(app.response_class("as I say", 499))

    @app.get("/own")
    async def own():
        raise Own("mine")

    @app.get("/child")
    async def child():
        raise OwnChild("child")

    @app.get("/key")
    async def key():
        return (await request.form)["missing"]

    @app.get("/zero")
    async def zero():
        return str(1 // 0)


CODES = [400, 401, 403, 404, 405, 406, 409, 410, 412, 413, 415, 416, 418, 422, 429, 451, 500, 501, 502, 503]


@pytest.mark.parametrize("code", CODES)
def test_error_pages(serve: Serve, code: int) -> None:
    answer = serve.shared(failing).get(f"/code/{code}")
    assert (answer.status, answer.header("content-type")) == (code, "text/html; charset=utf-8")
    assert f"<title>{code} " in answer.text


def test_a_description_is_escaped(serve: Serve) -> None:
    assert "only &lt;ann&gt; may" in serve(failing).get("/described").text


def test_abort_with_a_response(serve: Serve) -> None:
    answer = serve(failing).get("/response")
    assert (answer.status, answer.text) == (499, "as I say")


def test_a_missing_form_key_is_a_400(serve: Serve) -> None:
    assert serve(failing).get("/key").status == 400


def test_an_unhandled_error_is_a_500_page_and_a_log_line(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    answer = serve(failing, twin=False).get("/zero?x=1")
    assert (answer.status, answer.header("content-type")) == (500, "text/html; charset=utf-8")
    assert "<h1>Internal Server Error</h1>" in answer.text
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage() == "Exception on /zero [GET]"
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


def handlers(app: DualApp) -> None:
    @app.errorhandler(404)
    async def missing(error):
        return {"handler": "404", "name": error.name, "path": request.path}, 404

    @app.errorhandler(Own)
    async def own(error):
        return {"handler": "Own", "error": str(error), "class": type(error).__name__}, 499

    @app.errorhandler(Conflict)
    async def conflict(error):
        return f"conflict {error.code}", 409, {"X-Conflict": "1"}

    @app.errorhandler(HTTPException)
    async def any_http(error):
        response = error.get_response()
        response.headers["X-Any"] = "http"
        return response

    @app.errorhandler(500)
    async def crash(error):
        return {"handler": "500", "original": type(getattr(error, "original_exception", None)).__name__}, 500


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        ("/nowhere", 404, {"handler": "404", "name": "Not Found", "path": "/nowhere"}),
        ("/code/404", 404, {"handler": "404", "name": "Not Found", "path": "/code/404"}),
        ("/own", 499, {"handler": "Own", "error": "mine", "class": "Own"}),
        ("/child", 499, {"handler": "Own", "error": "child", "class": "OwnChild"}),
        ("/zero", 500, {"handler": "500", "original": "ZeroDivisionError"}),
        ("/code/500", 500, {"handler": "500", "original": "NoneType"}),
    ],
)
def test_handlers_by_code_and_by_class(
    serve: Serve, paint: Paint, path: str, status: int, expected: dict[str, str]
) -> None:
    answer = serve(failing, paint(handlers)).get(path)
    assert (answer.status, answer.json()) == (status, expected)


def test_handlers_of_http_classes(serve: Serve, paint: Paint) -> None:
    client = serve(failing, paint(handlers))
    assert client.get("/code/409").header("x-conflict") == "1"
    assert client.get("/code/418").header("x-any") == "http"
    refused = client.post("/own")
    assert (refused.status, refused.header("x-any"), refused.header("allow")) == (405, "http", "GET, HEAD, OPTIONS")


def test_a_handler_for_every_exception(serve: Serve, paint: Paint) -> None:
    @paint
    def handlers(app: DualApp) -> None:
        @app.errorhandler(Exception)
        async def everything(error):
            return {"caught": type(error).__name__}, 500

    client = serve(failing, handlers)
    caught = [client.get(path).json()["caught"] for path in ("/zero", "/child", "/nowhere", "/code/503")]
    assert caught == ["ZeroDivisionError", "OwnChild", "NotFound", "ServiceUnavailable"]


def test_a_handler_that_raises(serve: Serve, paint: Paint) -> None:
    @paint
    def handlers(app: DualApp) -> None:
        @app.errorhandler(Own)
        async def worse(error):
            raise RuntimeError("worse")

        @app.errorhandler(404)
        async def elsewhere(error):
            abort(409)

        @app.errorhandler(InternalServerError)
        async def crash(error):
            return f"crash: {type(error.original_exception).__name__}", 500

    client = serve(failing, handlers)
    assert client.get("/own").text == "crash: RuntimeError"
    assert client.get("/nowhere").status == client.twin.get("/nowhere").status  # type: ignore[union-attr]


def test_a_handler_may_return_a_redirect(serve: Serve, paint: Paint) -> None:
    @paint
    def handlers(app: DualApp) -> None:
        @app.errorhandler(404)
        async def missing(error):
            return redirect("/found?from=" + request.path, 303)

    answer = serve(failing, handlers).get("/lost")
    assert (answer.status, answer.header("location")) == (303, "/found?from=/lost")


@pytest.mark.parametrize("key", ["PROPAGATE_EXCEPTIONS", "TESTING", "DEBUG"])
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


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects(serve: Serve, code: int) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return redirect(request.args.get("to", "/there"), code)

    client = serve(build)
    answer = client.get("/")
    assert (answer.status, answer.header("location")) == (code, "/there")
    for target in ("/%C3%A4%20b?x=%26", "http://elsewhere/%C3%A9", "?only=query", "//host/x"):
        assert client.get(f"/?to={target}").status == code


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
