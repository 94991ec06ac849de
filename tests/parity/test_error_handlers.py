"""Handlers of errors: which of them handles what, and what becomes of what it returns or raises."""

from __future__ import annotations

import pytest
from werkzeug.exceptions import Conflict, HTTPException, InternalServerError

import dualapp
from dualapp import DualApp, abort, redirect, request

from ..conftest import Paint, Serve
from .apps import Own, failing


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


def test_a_blueprint_handles_what_its_views_raise_and_not_what_no_rule_answers(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        blueprint = dualapp.Blueprint("part", __name__, url_prefix="/part")

        @blueprint.errorhandler(404)
        async def missing(error):
            return "missing part", 404

        @blueprint.get("/raised")
        async def raised():
            abort(404)

        app.register_blueprint(blueprint)

    client = serve(build)
    assert [client.get(f"/part/{path}").text[:12] for path in ("raised", "x", "x")] == [
        "missing part",
        *["<!doctype ht"] * 2,
    ]
