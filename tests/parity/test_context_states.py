"""Each way in which a request ends closes its context once: the moves of the table in pipeline/context_states.py."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from dualapp import DualApp, g, request, stream_with_context
from dualapp.pipeline.context_states import CLOSED, MOVES, closes

from ..conftest import Serve
from ..support.entry_driver import AsgiExchange, Ask, Client, scope_of
from ..support.waiting import LIMIT, wait_for


class Own(Exception):
    pass


def pages(app: DualApp) -> None:
    app.extensions["seen"] = seen = []

    @app.teardown_request
    async def teardown(error):
        seen.append(f"request {request.path}")
        if request.path == "/kept-too-late":
            stream_with_context(iter(()))

    @app.teardown_appcontext
    async def teardown_app(error):
        seen.append("app")

    @app.get("/answered")
    async def answered():
        return "answered"

    @app.get("/raised")
    async def raised():
        raise Own

    @app.get("/stream")
    async def stream():
        g.word = "kept"

        async def words():
            try:
                for _ in range(3):
                    await asyncio.sleep(0)
                    yield g.word
            finally:
                seen.append("closed")

        return stream_with_context(words())

    @app.get("/kept-twice")
    async def kept_twice():
        async def words():
            try:
                yield "word"
            finally:
                seen.append("closed")

        return stream_with_context(stream_with_context(words()))

    @app.get("/kept-too-late")
    async def kept_too_late():
        return "answered"

    @app.get("/fails-before")
    async def fails_before():
        async def words():
            try:
                raise Own
                yield "never"
            finally:
                seen.append("closed")

        return stream_with_context(words())

    @app.get("/fails-after")
    async def fails_after():
        async def words():
            try:
                yield "first"
                await asyncio.sleep(0)
                raise Own
            finally:
                seen.append("closed")

        return stream_with_context(words())


#: What wraps an app as its server sees it.
Server = Callable[[DualApp], Any]


def as_it_is(app: DualApp) -> Any:
    return app


def refused(app: DualApp) -> Any:
    """A server that refuses the status and the headers, as gunicorn does for a header name with a space."""

    def refuse(*args: Any) -> Any:
        raise Own

    async def refuse_message(message: Any) -> None:
        raise Own

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await app.asgi(scope, receive, refuse_message)

    return SimpleNamespace(wsgi=lambda environ, start_response: app.wsgi(environ, refuse), asgi=asgi)


def abandoned_at_once(app: DualApp) -> Any:
    """A server whose client leaves before the first chunk."""

    def wsgi(environ: Any, start_response: Any) -> list[bytes]:
        chunks = app.wsgi(environ, start_response)
        getattr(chunks, "close", bool)()
        return []

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        async def send_to_nobody(message: Any) -> None:
            raise OSError("the connection is broken")

        await app.asgi(scope, receive, send_to_nobody)

    return SimpleNamespace(wsgi=wsgi, asgi=asgi)


def looked_into(app: DualApp) -> Any:
    """Middleware that looks into the context when the response is started; under ASGI it cannot."""
    wsgi_app, asgi_app = app.wsgi_app, app.asgi_app

    def wsgi_middleware(environ: Any, start_response: Any) -> Any:
        def start(*args: Any) -> Any:
            app.extensions["seen"].append(f"started {request.path}")
            return start_response(*args)

        return wsgi_app(environ, start)

    async def asgi_middleware(scope: Any, receive: Any, send: Any) -> None:
        await asgi_app(scope, receive, send)

    app.wsgi_app, app.asgi_app = wsgi_middleware, asgi_middleware  # type: ignore[method-assign]  # as Flask documents it
    return app


def looked_into_and_refused(app: DualApp) -> Any:
    return refused(looked_into(app))


def looked_into_and_abandoned(app: DualApp) -> Any:
    return abandoned_at_once(looked_into(app))


WAYS: list[tuple[str, Server, int | None]] = [
    ("/answered", as_it_is, None),
    ("/answered", refused, None),
    ("/answered", looked_into, None),
    ("/raised", as_it_is, None),
    ("/raised", looked_into, None),
    ("/stream", as_it_is, None),
    ("/stream", as_it_is, 1),
    ("/stream", refused, None),
    ("/stream", abandoned_at_once, 99),
    ("/stream", looked_into, None),
    ("/stream", looked_into, 1),
    ("/stream", looked_into_and_refused, None),
    ("/stream", looked_into_and_abandoned, 99),
    ("/kept-twice", as_it_is, None),
    ("/kept-twice", looked_into, None),
    ("/kept-too-late", as_it_is, None),
    ("/fails-before", as_it_is, None),
    ("/fails-before", refused, None),
    ("/fails-before", looked_into, None),
    ("/fails-after", as_it_is, None),
    ("/fails-after", looked_into, None),
    ("/nowhere", as_it_is, None),
    ("/nowhere", looked_into, None),
]


@pytest.mark.usefixtures("without_log")
@pytest.mark.parametrize("propagates", [False, True], ids=["pages", "errors"])
@pytest.mark.parametrize(("path", "server", "leave"), WAYS)
def test_each_way_closes_it_once(serve: Serve, path: str, server: Server, leave: int | None, propagates: bool) -> None:
    client = serve(pages, twin=False)
    client.app.config["PROPAGATE_EXCEPTIONS"] = propagates
    seen = client.app.extensions["seen"]
    outside = Client(server(client.app), client.entry)
    for _ in range(2):
        seen.clear()
        outside.request("GET", path, leave=leave, escapes=True)
        wait_for(lambda: "app" in seen, because=lambda: seen)
        ends = [each for each in seen if not each.startswith("started")]
        has_body = path in ("/stream", "/kept-twice", "/fails-before", "/fails-after")
        # A body that nobody has begun has nothing to close.
        begun = ["closed"] if has_body and "closed" in ends else []
        assert ends == [*begun, f"request {path}", "app"]
        assert begun or not has_body or server is not as_it_is


@pytest.mark.parametrize("entry", ["asgi"])
def test_a_task_that_is_cancelled_while_the_view_is_in_its_thread(entry: str) -> None:
    """What the thread returns later is closed; only an ASGI server cancels."""
    app, seen = DualApp("cancelled"), []

    @app.teardown_request
    def teardown(error: BaseException | None) -> None:
        seen.append("request")

    async def main() -> None:
        loop, started, go_on = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

        @app.get("/")
        def index() -> Any:
            def words() -> Any:
                yield "never"

            response = app.response_class(stream_with_context(words()))
            response.call_on_close(lambda: seen.append("closed"))
            loop.call_soon_threadsafe(started.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()
            return response

        async def nothing(message: Any) -> None:
            raise AssertionError("a cancelled request sends nothing")

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": b"",
            "headers": [],
            "http_version": "1.1",
        }
        task = asyncio.create_task(app.asgi(scope, asyncio.Event().wait, nothing))  # type: ignore[arg-type]  # it is never told
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        await asyncio.to_thread(wait_for, lambda: "request" in seen)

    asyncio.run(main())
    assert seen == ["closed", "request"]


@pytest.mark.usefixtures("without_log")
@pytest.mark.parametrize("entry", ["asgi"])
@pytest.mark.parametrize("who", ["server", "client"])
def test_whoever_ends_a_request_while_a_thread_answers_the_error_of_its_stream(who: str, entry: str) -> None:
    """The teardown waits for that thread, which only the server's end can cancel: both run within the same context."""
    app, seen, started, go_on = DualApp("ended"), [], threading.Event(), threading.Event()

    @app.get("/")
    def index() -> Any:
        def words() -> Any:
            raise Own
            yield "never"

        return stream_with_context(words())

    @app.errorhandler(500)
    def crash(error: Any) -> Any:
        started.set()
        go_on.wait(LIMIT)
        seen.append("handled")
        return "crashed", 500

    @app.teardown_request
    def teardown(error: BaseException | None) -> None:
        seen.append(f"request {type(error).__name__}")

    async def main() -> None:
        exchange = AsgiExchange(Ask(leave=99))
        task = asyncio.create_task(exchange.run(app.asgi))
        await asyncio.to_thread(started.wait, LIMIT)
        task.cancel() if who == "server" else exchange.gone.set()
        while not task.cancelling() if who == "server" else exchange.is_asked:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)  # for whatever would not wait
        go_on.set()
        await asyncio.wait([task])

    asyncio.run(main())
    assert seen == ["handled", "request Own"]


@pytest.mark.parametrize("entry", ["asgi"])
@pytest.mark.parametrize("end", ["whole", "broken", "failed"])
def test_a_client_that_leaves_during_the_teardown_does_not_end_it(end: str, entry: str) -> None:
    """Only under ASGI is that told while the request is still being torn down."""
    app, seen, told = DualApp("left"), [], threading.Event()
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.teardown_request
    async def last(error: BaseException | None) -> None:
        seen.append("last")

    @app.teardown_request
    def first(error: BaseException | None) -> None:
        seen.append("first")
        assert told.wait(LIMIT)

    @app.get("/")
    async def index() -> Any:
        if end == "whole":
            return "no stream"

        @stream_with_context
        async def words() -> Any:
            yield "word"
            raise LookupError

        return app.response_class(words())

    async def main() -> None:
        listening = asyncio.Event()

        async def receive() -> dict[str, str]:
            listening.set()
            while "first" not in seen:
                await asyncio.sleep(0.001)
            asyncio.get_running_loop().call_later(0.1, told.set)  # after the listener has done what it does
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if end == "broken" and message.get("body"):
                raise OSError("the connection is broken")
            await asyncio.wait_for(listening.wait(), LIMIT)

        with suppress(LookupError):
            await app(scope_of(Ask()), receive, send)

    asyncio.run(main())
    assert seen == ["first", "last"]


def test_the_table_closes_once_and_for_all() -> None:
    for state, moves in MOVES.items():
        for event, after in moves.items():
            context: Any = SimpleNamespace(state=state)
            assert closes(context, event) == (state != CLOSED == after)
            assert context.state == after
    assert set(MOVES[CLOSED].values()) == {CLOSED}


def test_a_move_that_the_table_does_not_have_is_an_error() -> None:
    context: Any = SimpleNamespace(state="open")
    with pytest.raises(KeyError):
        closes(context, "start")
