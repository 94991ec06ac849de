"""The entry that the test client drives: by the colour of the code that asks, or by `entry`."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import flask
import pytest
from flask.testing import EnvironBuilder
from werkzeug.test import ClientRedirectError

from dualapp import DualApp, Response, g, request, session
from dualapp.testing import DualClient

from ..conftest import Serve
from ..support.waiting import LIMIT

LOOPS: list[asyncio.AbstractEventLoop] = []


def note_loop() -> None:
    LOOPS.append(asyncio.get_running_loop())


def build(app: DualApp) -> None:
    app.secret_key = "secret"

    @app.route("/", methods=["GET", "POST", "PUT"])
    async def index():
        return "asgi" if "asgi.scope" in request.environ else "wsgi"

    @app.post("/echo/<path:path>")
    async def echo(path):
        body = await request.get_data()
        return [path, request.full_path, request.script_root, request.headers["X-A"], len(body), body[:3].decode()]

    @app.route("/moved/<int:code>/<path:target>", methods=["GET", "POST"])
    async def moved(code, target):
        session["moved"] = session.get("moved", 0) + 1
        return flask.redirect("/" + target, code)

    @app.get("/elsewhere")
    async def elsewhere():
        return flask.redirect("http://example.org/")

    @app.get("/session")
    async def show_session():
        return dict(session)

    @app.get("/user")
    async def user():
        return [request.remote_user, request.environ.get("a.variable"), request.remote_addr]


@pytest.fixture
def app(serve: Serve) -> DualApp:
    return serve(build, twin=False).app  # type: ignore[no-any-return]  # the client's


@pytest.fixture
def client(serve: Serve, app: DualApp) -> Any:
    return app.test_client(entry=serve.entry)


def test_the_colour_of_the_asking_code_chooses_the_entry(serve: Serve, app: DualApp) -> None:
    async def ask(client):
        return await (await client.get("/")).get_data(as_text=True)

    assert serve.call(ask, app.test_client()) == ("asgi" if serve.is_async else "wsgi")
    assert serve.call(ask, app.test_client(entry=serve.entry)) == serve.entry
    assert serve.call(ask, DualClient(app)) == ("asgi" if serve.is_async else "wsgi")


def test_there_are_two_entries(app: DualApp) -> None:
    with pytest.raises(ValueError, match="'wsgi' or 'asgi', not 'http'"):
        app.test_client(entry="http")  # type: ignore[arg-type]  # it is the error


def test_an_async_test_and_its_app_share_a_loop() -> None:
    app = DualApp(__name__)
    started = []

    @app.before_serving
    async def start() -> None:
        started.append(asyncio.get_running_loop())

    @app.get("/")
    async def index() -> list[bool]:
        loop = asyncio.get_running_loop()
        return [loop is started[-1], loop is LOOPS[-1]]

    async def test() -> list[bool]:
        note_loop()
        answer: list[bool] = await (await app.test_client().get("/")).get_json()
        return answer

    assert [asyncio.run(test()), asyncio.run(test())] == [[True, True]] * 2
    assert len(started) == 2


def test_middleware_of_the_entry_is_there(serve: Serve, app: DualApp, client: Any) -> None:
    asgi_app, wsgi_app = app.asgi_app, app.wsgi_app

    async def asgi_middleware(scope: Any, receive: Any, send: Any) -> None:
        await asgi_app({**scope, "path": "/echo" + scope["path"]}, receive, send)

    def wsgi_middleware(environ: Any, start_response: Any) -> Any:
        return wsgi_app({**environ, "PATH_INFO": "/echo" + environ["PATH_INFO"]}, start_response)

    app.asgi_app, app.wsgi_app = asgi_middleware, wsgi_middleware  # type: ignore[method-assign]  # as Flask's docs do

    async def ask(client):
        return await (await client.post("/x", headers={"X-A": "a"})).get_json()

    assert serve.call(ask, client) == ["x", "/echo/x?", "", "a", 0, ""]


def test_a_request_arrives_whole(serve: Serve, client: Any) -> None:
    async def ask(client):
        options = {"headers": {"X-A": "ä"}, "data": b"x" * 200_000, "query_string": {"a": " "}}
        response = await client.post("/echo/%C3%BC", environ_overrides={"SCRIPT_NAME": "/mounted"}, **options)
        return await response.get_json()

    assert serve.call(ask, client) == ["ü", "/echo/ü?a=+", "/mounted", "ä", 200_000, "xxx"]


def test_requests_may_be_made_before(serve: Serve, app: DualApp, client: Any) -> None:
    """Werkzeug's builder, its environ, and its request."""

    def made() -> list[Any]:
        builders = [EnvironBuilder(app, "/echo/a", method="POST", data="one", headers={"X-A": "a"}) for _ in range(3)]
        return [builders[0], builders[1].get_environ(), builders[2].get_request()]

    async def ask(client, made):
        return [await (await client.open(each)).get_json() for each in made]

    assert serve.call(ask, client, made()) == [["a", "/echo/a?", "", "a", 3, "one"]] * 3


def test_what_a_protocol_has_no_words_for_arrives(serve: Serve, client: Any) -> None:
    async def ask(client):
        variables = {"REMOTE_USER": "ann", "a.variable": 1, "REMOTE_ADDR": "10.0.0.1"}
        return await (await client.get("/user", environ_overrides=variables)).get_json()

    assert serve.call(ask, client) == ["ann", 1, "10.0.0.1"]


def test_a_scope_may_be_given(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/old")
        async def old():
            return flask.redirect("/")

        @app.get("/")
        async def index():
            return [quart_request.scope["extensions"], quart_request.scope["own"], request.remote_addr]

    from quart import request as quart_request

    async def ask(client):
        scope = {"extensions": {"x": {}}, "own": 1, "client": ("10.0.0.1", "80")}
        return await (await client.get("/old", scope_base=scope, follow_redirects=True)).get_json()

    client = serve(build, twin=False).app.test_client(entry=serve.entry)
    assert Serve(serve.entry, "async").call(ask, client) == [{"x": {}}, 1, "10.0.0.1"]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_followed(serve: Serve, client: Any, code: int) -> None:
    async def ask(client, code):
        target = f"/moved/{code}/moved/302/session"
        response = await client.get(target, follow_redirects=True)
        past = [(each.status_code, each.location) for each in response.history]
        return await response.get_json(), past, response.request.path

    assert serve.call(ask, client, code) == (
        {"moved": 2},
        [(code, "/moved/302/session"), (302, "/session")],
        "/session",
    )


def test_a_redirect_that_keeps_the_method_keeps_the_body(serve: Serve, client: Any) -> None:
    async def ask(client):
        response = await client.post("/moved/307/echo/a", data=b"one", headers={"X-A": "a"}, follow_redirects=True)
        return await response.get_json()

    assert serve.call(ask, client) == ["a", "/echo/a?", "", "a", 3, "one"]


def test_a_circle_of_redirects_is_an_error(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.add_url_rule("/a", "a", lambda: flask.redirect("/b"))
        app.add_url_rule("/b", "b", lambda: flask.redirect("/a"))

    async def ask(client):
        await client.get("/a", follow_redirects=True)

    with pytest.raises(ClientRedirectError):
        serve.call(ask, serve(build, twin=False).app.test_client(entry=serve.entry))


def test_a_redirect_elsewhere_is_not_followed(serve: Serve, client: Any) -> None:
    async def ask(client):
        await client.get("/elsewhere", follow_redirects=True)

    with pytest.raises(RuntimeError, match="external"):
        serve.call(ask, client)


def test_a_subclass_with_a_def_open_is_awaited_on_the_same_entry(serve: Serve, app: DualApp) -> None:
    class Client(DualClient):
        def open(self, *args: Any, **kwargs: Any) -> Any:
            return super().open(*args, **kwargs)

    app.test_client_class = Client
    nested = []

    @app.get("/nested")
    def nest() -> str:
        nested.append(app.test_client().put("/").get_data(as_text=True))
        return "x"

    async def ask(app):
        client = app.test_client()
        return [await (await client.get(path)).get_data(as_text=True) for path in ("/nested", "/")]

    assert serve.call(ask, app) == ["x", "asgi" if serve.is_async else "wsgi"]
    assert nested == ["wsgi"]


def stream(app: DualApp) -> None:
    app.extensions["events"] = events = []

    @app.get("/<int:count>")
    async def index(count):
        async def chunks():
            try:
                for number in range(count):
                    events.append("chunk")
                    yield str(number % 10) * 100_000
                    await asyncio.sleep(0.001)
            finally:
                events.append("closed")

        return Response(chunks())


def test_a_client_may_leave_a_stream(serve: Serve) -> None:
    app = serve(stream, twin=False).app
    client, events = app.test_client(entry=serve.entry), app.extensions["events"]

    def sync_leave() -> None:
        with client.get("/1000000000") as response:
            assert response.status_code == 200

    async def async_leave() -> None:
        response = await client.get("/1000000000")
        assert response.status_code == 200
        await response.aclose()

    asyncio.run(async_leave()) if serve.is_async else sync_leave()
    assert events[-1] == "closed"
    assert len(events) < 100


def test_closing_a_stream_in_async_code_ends_it_though_nobody_awaits_that(serve: Serve) -> None:
    app = serve(stream, twin=False).app
    events = app.extensions["events"]

    async def close() -> None:
        (await app.test_client(entry=serve.entry).get("/1000000000")).close()
        async with asyncio.timeout(LIMIT):
            while events[-1] != "closed":
                await asyncio.sleep(0.001)

    asyncio.run(close())


@pytest.mark.parametrize("buffered", [False, True])
def test_a_stream_is_read_to_its_end(serve: Serve, buffered: bool) -> None:
    app = serve(stream, twin=False).app

    async def read(app, entry, buffered):
        response = await app.test_client(entry=entry).get("/20", buffered=buffered)
        first = len(app.extensions["events"])
        return first, await response.get_data(as_text=True)

    first, text = serve.call(read, app, serve.entry, buffered)
    assert text == "".join(str(number % 10) * 100_000 for number in range(20))
    assert (first == 21) is buffered
    assert app.extensions["events"][-1] == "closed"


READERS: dict[str, Callable[[Any], Any]] = {
    "text": lambda response: response.text,
    "iter_encoded": lambda response: b"".join(response.iter_encoded()),
    "sync code": lambda response: response._get_data(),
}


@pytest.mark.parametrize("entry", ["wsgi", "asgi", None])
@pytest.mark.parametrize("reader", READERS)
def test_async_code_that_reads_an_async_stream_without_await_is_told_so(entry: str | None, reader: str) -> None:
    """The loop that it runs on would wait for itself."""
    app = DualApp(__name__)

    @app.get("/")
    async def index() -> Any:
        async def words() -> AsyncIterator[str]:
            yield "a"
            await asyncio.sleep(0.001)
            yield "b"

        return words()

    async def read() -> None:
        client = app.test_client() if entry is None else app.test_client(entry=entry)
        response = await client.get("/")
        with pytest.raises(RuntimeError, match=r"(?i)await"):
            READERS[reader](response)

    asyncio.run(read())


def test_a_finished_response_is_returned_when_its_request_has_been_torn_down(serve: Serve) -> None:
    """Also one that does not wait for the request's body."""

    def build(app: DualApp) -> None:
        app.extensions["torn"] = []

        @app.teardown_request
        async def tear_down(error):
            app.extensions["torn"].append(request.path)

        @app.post("/unread")
        async def unread():
            return "x" * 1000

        @app.post("/empty")
        async def empty():
            return "", 204

    async def ask(client):
        answers = [await client.post(path, data=b"x" * 200_000) for path in ("/unread", "/empty")]
        return [(answer.status_code, answer.is_sequence) for answer in answers]

    app = serve(build, twin=False).app
    answers = serve.call(ask, app.test_client(entry=serve.entry))
    assert app.extensions["torn"] == ["/unread", "/empty"]
    if serve.is_async and serve.entry == "asgi":  # Werkzeug's client takes all for streams
        assert answers == [(200, True), (204, True)]


def test_a_stream_is_returned_when_it_has_begun_with_nothing(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.extensions["asked"] = asked = threading.Event()

        @app.get("/")
        async def index():
            async def chunks():
                yield ""
                while not asked.is_set():
                    await asyncio.sleep(0.001)
                yield "x"

            return Response(chunks())

    async def ask(app, entry):
        response = await app.test_client(entry=entry).get("/")
        app.extensions["asked"].set()
        return await response.get_data()

    assert serve.call(ask, serve(build, twin=False).app, serve.entry) == b"x"


def test_a_stream_is_read_chunk_by_chunk() -> None:
    app = Serve("asgi", "async")(stream, twin=False).app

    async def read() -> list[int]:
        response = await app.test_client().get("/3")
        return [len(chunk) async for chunk in response.response]

    assert asyncio.run(read()) == [100_000] * 3
    assert [len(chunk) for chunk in app.test_client(entry="asgi").get("/3").iter_encoded()] == [100_000] * 3


def test_a_stream_that_fails_raises_where_it_is_read(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.testing = True

        @app.get("/")
        async def index():
            async def chunks():
                yield "x"
                await asyncio.sleep(0.001)
                raise LookupError

            return Response(chunks())

    async def read(app, entry):
        await (await app.test_client(entry=entry).get("/")).get_data()

    with pytest.raises(LookupError):
        serve.call(read, serve(build, twin=False).app, serve.entry)


def test_clients_may_wait_for_one_another() -> None:
    """Requests of async code hold no thread."""
    app = DualApp(__name__)
    barrier = asyncio.Barrier(100)

    @app.get("/")
    async def index() -> str:
        await barrier.wait()
        return "x"

    async def ask() -> set[int]:
        client = app.test_client()
        async with asyncio.timeout(LIMIT):
            return {response.status_code for response in await asyncio.gather(*map(client.get, ["/"] * 100))}

    assert asyncio.run(ask()) == {200}


def test_a_request_that_is_cancelled_cancels_its_view() -> None:
    app, events = DualApp(__name__), []

    @app.get("/")
    async def index() -> str:
        events.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            events.append("cancelled")
        return ""

    async def ask() -> None:
        request = asyncio.create_task(app.test_client().get("/"))
        while not events:
            await asyncio.sleep(0.001)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        events.append("ended")

    asyncio.run(ask())
    assert events == ["begun", "cancelled", "ended"]


def test_the_end_of_the_response_is_the_end_of_the_connection(serve: Serve) -> None:
    """Middleware sees `http.disconnect` after the response, and what it does then has been done."""
    app, seen = DualApp(__name__), []
    inner = app.asgi_app

    async def middleware(scope: Any, receive: Any, send: Any) -> None:
        await inner(scope, receive, send)
        seen.extend([(await receive())["type"], (await receive())["type"]])

    app.asgi_app = middleware
    app.add_url_rule("/", view_func=lambda: "x")

    async def ask(client):
        return (await client.get("/")).status_code

    assert serve.call(ask, app.test_client(entry="asgi")) == 200
    assert seen[-2:] == ["http.disconnect"] * 2


def test_a_context_is_kept_on_either_entry(serve: Serve, app: DualApp) -> None:
    @app.get("/kept/<name>")
    async def keep(name):
        g.name = session["name"] = name
        return ""

    async def ask(client):
        kept = []
        async with client:
            for name in ("ann", "bob"):
                await client.get(f"/kept/{name}")
                kept.append([g.name, session["name"], request.view_args])
        return kept, flask.has_request_context()

    kept = [[name, name, {"name": name}] for name in ("ann", "bob")]
    assert serve.call(ask, app.test_client(entry=serve.entry)) == (kept, False)


class Odd(Exception):
    """An error that nobody handles."""


def failing(app: DualApp) -> None:
    @app.get("/")
    async def index():
        raise Odd("what went wrong")

    @app.get("/stream")
    async def fail_later():
        async def chunks():
            raise Odd("what went wrong")
            yield ""

        return Response(chunks())


@pytest.mark.parametrize("path", ["/", "/stream"])
@pytest.mark.parametrize("flag", ["TESTING", "DEBUG"])
@pytest.mark.parametrize("propagate", [None, False, True])
def test_errors_are_raised_in_def_code_and_are_pages_in_async_code(
    serve: Serve, flag: str, propagate: bool | None, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = serve(failing, twin=False).app
    app.config.update({flag: True, "PROPAGATE_EXCEPTIONS": propagate})

    async def ask(app, entry, path):
        response = await app.test_client(entry=entry).get(path)
        return response.status_code, await response.get_data(as_text=True)

    if propagate or (propagate is None and not serve.is_async):
        with pytest.raises(Odd):
            serve.call(ask, app, serve.entry, path)
    else:
        status, page = serve.call(ask, app, serve.entry, path)
        assert status == 500
        assert ("Odd: what went wrong" in page) is (propagate is None)
        assert caplog.records[-1].getMessage() == f"Exception on {path} [GET]"


def test_a_class_that_propagates_errors_itself_is_asked_first(serve: Serve) -> None:
    class Mixin:
        def handle_exception(self, error: Exception) -> Any:
            raise Odd("of the class") from error

    app = serve(failing, twin=False, mixin=Mixin).app
    app.testing = True

    async def ask(app, entry):
        return await (await app.test_client(entry=entry).get("/")).get_data(as_text=True)

    if serve.is_async:
        assert "Odd: of the class" in serve.call(ask, app, serve.entry)
    else:
        with pytest.raises(Odd, match="of the class"):
            serve.call(ask, app, serve.entry)


def test_an_error_is_a_page_to_quarts_connection_too() -> None:
    app = Serve("asgi", "async")(failing, twin=False).app
    app.testing = True

    async def ask() -> int:
        async with app.test_client().request("/") as connection:
            await connection.send_complete()
        return (await connection.as_response()).status_code  # type: ignore[no-any-return]  # an int

    assert asyncio.run(ask()) == 500


def test_errors_of_middleware_are_raised(serve: Serve, app: DualApp) -> None:
    app.testing = True

    def fail(*args: Any) -> Any:
        raise Odd

    app.asgi_app = app.wsgi_app = fail  # type: ignore[method-assign]  # as above

    async def ask(client):
        await client.get("/")

    with pytest.raises(Odd):
        serve.call(ask, app.test_client(entry=serve.entry))


def test_an_interrupt_reaches_the_test(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            raise KeyboardInterrupt

    async def ask(client):
        await client.get("/")

    with pytest.raises(KeyboardInterrupt):
        serve.call(ask, serve(build, twin=False).app.test_client(entry=serve.entry))


def test_an_app_that_does_not_answer_is_an_error(serve: Serve, app: DualApp) -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None: ...

    app.asgi_app = silent

    async def ask(client):
        await client.get("/")

    with pytest.raises(RuntimeError, match="without a response"):
        serve.call(ask, app.test_client(entry="asgi"))


def test_a_form_with_a_file_is_sent_and_closed(serve: Serve, app: DualApp) -> None:
    @app.post("/files")
    async def files():
        return [(await request.files)["file"].read().decode(), (await request.form)["x"]]

    async def ask(client):
        response = await client.post("/files", data={"file": (io.BytesIO(b"one"), "one.txt"), "x": "1"})
        return await response.get_json()

    assert serve.call(ask, app.test_client(entry=serve.entry)) == ["one", "1"]
