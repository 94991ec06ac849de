"""Errors that are no Exception: one that the app's own code raises is its 500 page, like any other error."""

from __future__ import annotations

import asyncio

import pytest

from dualapp import DualApp, Response

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
