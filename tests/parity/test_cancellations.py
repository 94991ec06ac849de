"""Errors that are no Exception: one that the app's own code raises is its 500 page, like any other error."""

from __future__ import annotations

import asyncio

import flask
import pytest
from flask.sessions import SecureCookieSessionInterface
from werkzeug.routing import BaseConverter

from dualapp import DualApp, Response, session

from ..conftest import Paint, Serve
from ..support.entry_driver import AsgiExchange, Ask, Client, WsgiExchange

ERRORS = (asyncio.CancelledError, GeneratorExit)
pytestmark = [pytest.mark.usefixtures("without_log"), pytest.mark.parametrize("error", ERRORS)]


def noting(app: DualApp) -> None:
    app.extensions["seen"] = seen = []

    @app.teardown_request
    def sync_teardown(error):
        seen.append(type(error))

    @app.errorhandler(500)
    async def page(error):
        original = error.original_exception
        return {"original": type(original.__cause__).__name__}, 500

    @app.get("/fine")
    async def fine():
        return "fine"


def check(client: Client, error: type[BaseException], path: str = "/") -> None:
    answer = client.get(path)
    assert (answer.status, answer.json()) == (500, {"original": error.__name__})
    assert client.app.extensions["seen"] == [RuntimeError]
    assert client.get("/fine").text == "fine"


def test_of_a_view(serve: Serve, error: type[BaseException]) -> None:
    def build(app: DualApp) -> None:
        noting(app)

        @app.get("/")
        async def index():
            raise error

    check(serve(build, twin=False), error)


def test_of_a_view_that_has_waited(serve: Serve, error: type[BaseException]) -> None:
    def build(app: DualApp) -> None:
        noting(app)

        @app.get("/")
        async def index():
            await asyncio.sleep(0)
            raise error

    check(serve(build, twin=False), error)


def test_of_a_hook(serve: Serve, paint: Paint, error: type[BaseException]) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        @app.before_request
        async def hook():
            await asyncio.sleep(0)
            if not app.extensions["seen"]:
                raise error

    def build(app: DualApp) -> None:
        noting(app)

        @app.get("/")
        async def index():
            return "never"

    check(serve(build, hooks, twin=False), error)


def test_through_ensure_sync(serve: Serve, error: type[BaseException]) -> None:
    def build(app: DualApp) -> None:
        noting(app)

        async def async_fail():
            await asyncio.sleep(0)
            raise error

        def sync_call():
            return app.ensure_sync(async_fail)()

        @app.get("/")
        async def index():
            return await app.ensure_async(sync_call)()

    check(serve(build, twin=False), error)


def test_before_the_first_chunk(serve: Serve, error: type[BaseException]) -> None:
    def build(app: DualApp) -> None:
        noting(app)

        @app.get("/")
        async def index():
            async def words():
                await asyncio.sleep(0)
                raise error
                yield "never"

            return Response(words())

    client = serve(build, twin=False)
    answer = client.get("/")
    assert (answer.status, answer.json()) == (500, {"original": error.__name__})
    assert client.get("/fine").text == "fine"


def test_after_the_first_chunk_the_server_gets_an_exception(serve: Serve, error: type[BaseException]) -> None:
    def build(app: DualApp) -> None:
        noting(app)

        @app.get("/")
        async def index():
            async def words():
                yield "first"
                await asyncio.sleep(0)
                raise error

            return Response(words())

    client = serve(build, twin=False)
    assert type(client.get("/", escapes=True).error) is RuntimeError
    assert client.get("/fine").text == "fine"


@pytest.mark.parametrize("where", ["after", "teardown", "handler"])
def test_of_what_runs_after_the_view(serve: Serve, paint: Paint, where: str, error: type[BaseException]) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        @app.after_request
        async def after(response):
            if where == "after" and response.status_code == 200:
                raise error
            return response

        @app.teardown_request
        async def teardown(exc):
            if where == "teardown":
                raise error

        @app.errorhandler(LookupError)
        async def handler(exc):
            raise error

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            if where == "handler":
                raise LookupError
            return "view"

    answer = serve(build, hooks, twin=False).get("/", escapes=True)
    assert answer.status == 500 if where != "teardown" else type(answer.error) is RuntimeError


class Raising:
    """Raises an error where it is made JSON."""

    def __init__(self, error: type[BaseException]) -> None:
        self.error = error

    def __html__(self) -> str:
        raise self.error


class RaisingHeaders:
    """Raises an error where the headers of a response are made for the server."""

    error: type[BaseException]

    def get_wsgi_headers(self, environ):
        raise self.error


@pytest.mark.parametrize("is_seen", [False, True])
@pytest.mark.parametrize("waits", [False, True])
def test_of_a_value_while_it_is_encoded(serve: Serve, is_seen: bool, waits: bool, error: type[BaseException]) -> None:
    def build(app: DualApp) -> None:
        noting(app)

        @app.get("/")
        async def index():
            if waits:
                await asyncio.sleep(0)
            return {"value": Raising(error)}

        if is_seen:

            @app.after_request
            def sync_after(response):
                return response

    check(serve(build, twin=False), error)


def test_of_a_value_of_a_view_without_hooks(serve: Serve, error: type[BaseException]) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return {"value": Raising(error)}

        @app.get("/fine")
        async def fine():
            return "fine"

        @app.errorhandler(500)
        async def page(failure):
            return type(failure.original_exception.__cause__).__name__, 500

    client = serve(build, twin=False)
    answer = client.get("/")
    assert (answer.status, answer.text) == (500, error.__name__)
    assert client.get("/fine").text == "fine"


def test_of_a_converter(serve: Serve, error: type[BaseException]) -> None:
    class Converter(BaseConverter):
        def to_python(self, value):
            raise error

    def build(app: DualApp) -> None:
        noting(app)
        app.url_map.converters["raising"] = Converter

        @app.get("/of/<raising:value>")
        async def index(value):
            return "never"

    check(serve(build, twin=False), error, "/of/x")


def test_of_a_session_interface(serve: Serve, error: type[BaseException]) -> None:
    class Sessions(SecureCookieSessionInterface):
        def is_null_session(self, obj):
            if flask.request.path == "/" and not flask.current_app.extensions["seen"]:
                flask.current_app.extensions["seen"].append("asked")
                raise error
            return super().is_null_session(obj)

    def build(app: DualApp) -> None:
        noting(app)
        app.secret_key = "secret"
        app.session_interface = Sessions()

        @app.get("/")
        async def index():
            session["name"] = "value"
            return "never"

    client = serve(build, twin=False)
    answer = client.get("/")
    assert (answer.status, answer.json()) == (500, {"original": error.__name__})


@pytest.mark.parametrize("where", ["handler's value", "headers", "closing"])
def test_where_no_page_is_left_the_server_gets_an_exception(
    serve: Serve, where: str, error: type[BaseException]
) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            if where == "closing":
                response = Response("done")
                response.call_on_close(Raising(error).__html__)
                return response
            if where == "headers":
                return type("Raising", (RaisingHeaders, app.response_class), {"error": error})("never")
            raise LookupError

        @app.errorhandler(500)
        async def page(failure):
            return {"value": Raising(error)}, 500

        @app.get("/fine")
        async def fine():
            return "fine"

    client = serve(build, twin=False)
    assert type(client.get("/", escapes=True).error) is RuntimeError
    assert client.get("/fine").text == "fine"


def test_a_task_that_was_cancelled(serve: Serve, error: type[BaseException]) -> None:
    """As a view meets it most: the task that it awaits was cancelled by somebody else."""

    def build(app: DualApp) -> None:
        noting(app)

        @app.get("/")
        async def async_index():
            task = asyncio.create_task(asyncio.sleep(60))
            asyncio.get_running_loop().call_soon(task.cancel)
            await task

    check(serve(build, twin=False), asyncio.CancelledError)


@pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt])
def test_those_that_end_the_process_go_on(serve: Serve, end: type[BaseException], error: object) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            raise end

    app = serve(build, twin=False).app
    with pytest.raises(end):
        served(app, serve.entry)


def served(app: DualApp, entry: str) -> object:
    if entry == "wsgi":
        return WsgiExchange(Ask()).run(app.wsgi)
    return asyncio.run(AsgiExchange(Ask()).run(app.asgi))
