"""What a subclass or an extension replaces is what runs: nothing is decided over its head."""

from __future__ import annotations

import asyncio
from typing import Any

import flask
import pytest

from dualapp import DualApp, request

from ..conftest import Serve


class Own(Exception):
    pass


def views(app: DualApp) -> None:
    app.extensions.setdefault("seen", [])

    @app.before_request
    async def before():
        await asyncio.sleep(0)

    @app.get("/")
    async def index():
        await asyncio.sleep(0)
        return "index"

    @app.post("/")
    async def post():
        return await request.get_data()

    @app.get("/fail")
    async def fail():
        raise Own

    @app.get("/stream")
    async def stream():
        async def words():
            yield "a"
            yield "b"

        return words()


def noting(name: str) -> type:
    """A subclass that notes each call of one method, and leaves the rest to Flask."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.extensions.setdefault("seen", []).append(name)
        return getattr(super(mixin, self), name)(*args, **kwargs)

    mixin = type("Mixin", (), {name: method})
    return mixin


METHODS = [
    "full_dispatch_request",
    "dispatch_request",
    "preprocess_request",
    "process_response",
    "finalize_request",
    "make_response",
    "handle_user_exception",
    "handle_exception",
    "handle_http_exception",
    "raise_routing_exception",
    "make_default_options_response",
    "log_exception",
    "do_teardown_request",
    "do_teardown_appcontext",
    "should_ignore_error",
    "trap_http_exception",
]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_of_a_subclass_is_called_as_often_as_in_flask(serve: Serve, method: str) -> None:
    client = serve(views, mixin=noting(method))
    client.get("/")
    client.get("/fail")
    client.get("/nowhere")
    client.options("/")
    client.get("/stream")
    client.post("/", body=b"x")
    assert client.twin is not None
    expected = client.twin.app.extensions["seen"]
    assert expected
    assert client.app.extensions["seen"] == expected


def test_full_dispatch_may_answer_by_itself(serve: Serve) -> None:
    class Mixin:
        def full_dispatch_request(self) -> Any:
            if request.path == "/maintenance":
                return self.response_class("closed", 503)  # type: ignore[attr-defined]
            return super().full_dispatch_request()  # type: ignore[misc]

    client = serve(views, mixin=Mixin)
    assert (client.get("/maintenance").status, client.get("/").text) == (503, "index")


def test_own_values_through_make_response(serve: Serve) -> None:
    class Value:
        pass

    class Mixin:
        def make_response(self, value: Any) -> Any:
            return super().make_response("own value" if isinstance(value, Value) else value)  # type: ignore[misc]

    def build(app: DualApp) -> None:
        @app.get("/own")
        async def own():
            return Value()

    assert serve(views, build, mixin=Mixin).get("/own").text == "own value"


def test_make_response_replaced_on_the_app(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        original = app.make_response

        def make_response(value):
            response = original(value)
            response.headers["X-Made"] = "replaced"
            return response

        app.make_response = make_response  # type: ignore[method-assign]

    client = serve(views, build)
    assert [client.get(path).header("x-made") for path in ("/", "/fail", "/nowhere")] == ["replaced"] * 3


def test_make_response_replaced_by_an_async_one(serve: Serve) -> None:
    """Extensions written for Quart do this."""

    def build(app: DualApp) -> None:
        original = app.make_response

        async def async_make_response(value):
            await asyncio.sleep(0)
            response = original(value)
            response.headers["X-Made"] = "awaited"
            return response

        app.make_response = async_make_response  # type: ignore[method-assign]

    client = serve(views, build, twin=False)
    answer = client.get("/")
    assert (answer.text, answer.header("x-made")) == ("index", "awaited")


def test_own_error_pages_of_a_subclass(serve: Serve) -> None:
    class Mixin:
        def handle_exception(self, error: Exception) -> Any:
            return self.response_class(f"mine: {type(error).__name__}", 500)  # type: ignore[attr-defined]

    assert serve(views, mixin=Mixin).get("/fail").text == "mine: Own"


def test_own_preprocessing(serve: Serve) -> None:
    class Mixin:
        def preprocess_request(self) -> Any:
            if request.headers.get("X-Key") != "yes":
                return "no key", 401
            return super().preprocess_request()  # type: ignore[misc]

    client = serve(views, mixin=Mixin)
    assert (client.get("/").status, client.get("/", [("X-Key", "yes")]).text) == (401, "index")


def test_own_url_rule_and_test_classes(serve: Serve) -> None:
    from werkzeug.routing import Rule

    class Lower(Rule):
        def __init__(self, string: str, *args: Any, **kwargs: Any) -> None:
            super().__init__(string.lower(), *args, **kwargs)

    class Mixin:
        url_rule_class = Lower

    def build(app: DualApp) -> None:
        @app.get("/UPPER")
        async def upper():
            return "lowered"

    assert serve(build, mixin=Mixin).get("/upper").text == "lowered"


def test_commands_of_a_base_class_are_kept() -> None:
    class Base(flask.Flask):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.cli.command("own")(lambda: print("ran"))

    app = type("App", (DualApp, Base), {})(__name__)
    assert app.test_cli_runner().invoke(args=["own"]).output == "ran\n"


def test_a_wsgi_app_of_a_subclass_looks_into_the_context_at_the_start() -> None:
    """As with Flask: the response is started while the context is there."""
    paths = []

    class App(DualApp):
        def wsgi_app(self, environ: Any, start_response: Any) -> Any:
            def start(*args: Any) -> Any:
                paths.append(flask.request.path)
                return start_response(*args)

            return super().wsgi_app(environ, start)

    app = App("own")
    app.add_url_rule("/", "index", lambda: "index")
    assert app.test_client().get("/").data == b"index"
    assert paths == ["/"]
