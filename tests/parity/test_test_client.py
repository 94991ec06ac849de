"""The test client, contexts and commands for tests: in `def` code as Flask's, in `async def` code as Quart's."""

from __future__ import annotations

import asyncio
import io
import time

import flask
import pytest
import quart
from flask.testing import EnvironBuilder, FlaskClient
from quart.datastructures import FileStorage
from quart.sessions import SecureCookieSessionInterface

from dualapp import DualApp, Response, g, has_request_context, request, session

from ..conftest import NAME, Serve
from ..support.waiting import LIMIT


def build(app: DualApp) -> None:
    app.secret_key = "secret"
    app.testing = True

    @app.route("/<path:path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def echo(path):
        g.path = path
        session["seen"] = path
        files = await request.files
        return {
            "method": request.method,
            "args": request.args.to_dict(),
            "form": (await request.form).to_dict(),
            "files": {name: file.read().decode() for name, file in files.items()},
            "data": (await request.get_data()).decode(),
            "json": await request.get_json(silent=True),
            "cookies": request.cookies.to_dict(),
            "header": request.headers.get("X-A"),
            "url": request.url,
            "root": request.root_path,
            "auth": request.authorization and request.authorization.username,
        }

    @app.get("/redirect")
    async def redirect():
        return flask.redirect("/redirected")

    @app.get("/address")
    async def address():
        return request.remote_addr

    @app.get("/session")
    async def show_session():
        return dict(session)


@pytest.fixture
def app(serve: Serve) -> DualApp:
    app: DualApp = serve(build, twin=False).app
    return app


def test_requests_in_flasks_and_in_quarts_words(serve: Serve, app: DualApp) -> None:
    async def ask(app):
        client = app.test_client()
        return [
            await (await client.get("/a", query_string={"q": "1"}, headers={"X-A": "a"})).get_json(),
            await (await client.post("/b", json={"x": 1})).get_json(),
            await (await client.put("/c", data=b"data")).get_json(),
            await (await client.post("/d", form={"x": "1"})).get_json(),
            await (await client.post("/e", data={"x": "2"})).get_json(),
            await (await client.open("/f", method="PATCH", scheme="https")).get_json(),
            await (await client.delete("/root/g", root_path="/root", auth=("ann", "pw"))).get_json(),
            await (await client.get("/redirect", follow_redirects=True)).get_json(),
            (await client.head("/h")).status_code,
            (await client.options("/i")).headers["Allow"],
        ]

    a, b, c, d, e, f, deleted, redirected, head, options = serve.call(ask, app)
    assert (a["args"], a["header"], b["json"], c["data"]) == ({"q": "1"}, "a", {"x": 1}, "data")
    assert (d["form"], e["form"]) == ({"x": "1"}, {"x": "2"})
    assert (f["method"], f["url"]) == ("PATCH", "https://localhost/f")
    assert (deleted["url"], deleted["root"], deleted["auth"]) == ("http://localhost/root/g", "/root", "ann")
    assert redirected["url"] == "http://localhost/redirected"
    assert (head, options) == (200, "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")


def test_files_are_sent_in_both_words(serve: Serve, app: DualApp) -> None:
    async def ask(app):
        client = app.test_client(use_cookies=False)
        files = {"file": FileStorage(io.BytesIO(b"one"), filename="one.txt")}
        theirs = await client.post("/a", files=files, form={"x": "1"})
        ours = await client.post("/a", data={"file": (io.BytesIO(b"one"), "one.txt"), "x": "1"})
        return [await theirs.get_json(), await ours.get_json()]

    theirs, ours = serve.call(ask, app)
    assert theirs == ours
    assert (ours["files"], ours["form"]) == ({"file": "one"}, {"x": "1"})


def test_the_context_is_kept_until_the_next_request(serve: Serve, app: DualApp) -> None:
    seen = []
    app.teardown_request(lambda error: seen.append("torn down"))

    async def ask(app):
        kept = []
        async with app.test_client() as client:
            for path in ("one", "two"):
                await client.get(f"/{path}", headers={"X-A": path})
                kept.append([flask.request.path, quart.request.headers["X-A"], g.path, session["seen"]])
            inside = has_request_context()
        return kept, inside, has_request_context(), quart.has_request_context()

    kept, *contexts = serve.call(ask, app)
    assert kept == [[f"/{path}", path, path, path] for path in ("one", "two")]
    assert contexts == [True, False, False]
    # Flask tears a kept context down when it has answered, and again when it lets go of it.
    assert seen == ["torn down"] * 4


def test_clients_do_not_nest(serve: Serve, app: DualApp) -> None:
    async def nest(app):
        async with app.test_client() as client, client:
            pass

    with pytest.raises(RuntimeError, match="nest"):
        serve.call(nest, app)


@pytest.mark.parametrize("interface", [None, SecureCookieSessionInterface], ids=["flasks", "quarts"])
def test_session_transactions(serve: Serve, app: DualApp, interface: type | None) -> None:
    if interface is not None:
        app.session_interface = interface()

    async def ask(app):
        client = app.test_client()
        async with client.session_transaction() as stored:
            stored["user"] = "ann"
        before = await (await client.get("/session")).get_json()
        await client.get("/changed")
        async with client.session_transaction() as stored:
            after = dict(stored)
        return before, after

    assert serve.call(ask, app) == ({"user": "ann"}, {"user": "ann", "seen": "changed"})


def test_session_transactions_need_cookies_and_a_key(serve: Serve, app: DualApp) -> None:
    async def transact(client):
        async with client.session_transaction():
            pass

    with pytest.raises(TypeError, match="use_cookies"):
        serve.call(transact, app.test_client(use_cookies=False))
    app.secret_key = None
    with pytest.raises(RuntimeError, match="Session backend"):
        serve.call(transact, app.test_client())


def test_cookies_in_both_words(serve: Serve, app: DualApp) -> None:
    async def ask(app):
        client = app.test_client()
        client.set_cookie("a", "1")
        client.set_cookie("localhost", "b", "2")
        client.set_cookie(server_name="localhost", key="c", value="3")
        client.set_cookie("elsewhere", "d", "4")
        client.set_cookie("localhost", "e", "5", path="/other")
        client.set_cookie(None, "f", "6", path="/", domain=None, httponly=True)
        names = sorted(cookie.name for cookie in client.cookie_jar)
        first = (await (await client.get("/a")).get_json())["cookies"]
        client.delete_cookie("a")
        client.delete_cookie("localhost", "b")
        client.delete_cookie(None, "f", path="/", domain=None)
        second = (await (await client.get("/a")).get_json())["cookies"]
        return names, first, second

    names, first, second = serve.call(ask, app)
    assert names == ["a", "b", "c", "d", "e", "f"]
    assert first == {"a": "1", "b": "2", "c": "3", "f": "6"}
    assert {name for name in second if name != "session"} == {"c"}


def test_cookies_tell_when_they_expire(app: DualApp) -> None:
    client = app.test_client()
    client.set_cookie("kept", "1")
    client.set_cookie("aged", "1", max_age=600)
    client.set_cookie("dated", "1", expires=time.time() + 1200)
    expires = {cookie.name: cookie.expires for cookie in client.cookie_jar or ()}
    assert expires["kept"] is None
    assert time.time() < expires["aged"] < time.time() + 900 < expires["dated"]


def test_the_client_may_be_elsewhere(serve: Serve, app: DualApp) -> None:
    app.add_url_rule("/who", "who", lambda: f"{request.remote_addr} {request.environ.get('REMOTE_PORT')}")

    async def ask(app):
        client = app.test_client()
        near = await client.get("/who", scope_base={"client": ("10.0.0.1", 4711)})
        far = await client.get("/who", scope_base={"client": ("10.0.0.2",)})
        return [(await near.get_data()).decode(), (await far.get_data()).decode()]

    assert serve.call(ask, app) == ["10.0.0.1 4711", "10.0.0.2 None"]


def test_cookies_have_the_attributes_of_those_in_a_jar(serve: Serve, app: DualApp) -> None:
    async def ask(app):
        client = app.test_client()
        client.set_cookie("a", "1")
        client.set_cookie("b", "2", expires=86400, secure=True, path="/x")
        names = ("name", "value", "domain", "path", "secure", "expires")
        return sorted(tuple(getattr(cookie, name) for name in names) for cookie in client.cookie_jar)

    assert serve.call(ask, app) == [
        ("a", "1", "localhost", "/", False, None),
        ("b", "2", "localhost", "/x", True, 86400),
    ]


@pytest.mark.parametrize("client", [("10.0.0.1",), ("10.0.0.1", 4711)], ids=["host", "host-and-port"])
def test_an_address_in_quarts_words(serve: Serve, app: DualApp, client: tuple[object, ...]) -> None:
    async def ask(app):
        response = await app.test_client().get("/address", scope_base={"client": client})
        return await response.get_data(as_text=True)

    assert serve.call(ask, app) == "10.0.0.1"


def test_a_client_class_made_for_flask(serve: Serve, app: DualApp) -> None:
    class Client(app.test_client_class):  # type: ignore[name-defined]  # it is a class
        def open(self, *args, **kwargs):
            return super().open(*args, headers={"X-A": "from the class"}, **kwargs)

    app.test_client_class = Client

    async def ask(app):
        return await (await app.test_client().get("/a")).get_json()

    assert serve.call(ask, app)["header"] == "from the class"


def test_a_client_class_made_for_quart(app: DualApp) -> None:
    """As quart-schema's: it extends what Quart's client does for each request."""

    class Mixin:
        async def _make_request(self, path, method, headers, data, form, files, query_string, json, *rest):
            return await super()._make_request(  # type: ignore[misc]  # the client's
                path, method, {"X-A": "made"}, data, form, files, query_string, json, *rest
            )

    app.test_client_class = type("Client", (Mixin, app.test_client_class), {})

    async def ask():
        client = app.test_client()
        first = await (await client.post("/a", json={"x": 1})).get_json()
        return first, await (await client.get("/redirect", follow_redirects=True)).get_json()

    posted, redirected = Serve("wsgi", "async").call(ask)
    assert (posted["header"], posted["json"], redirected["url"]) == ("made", {"x": 1}, "http://localhost/redirected")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_that_is_left_ends_its_stream(method: str) -> None:
    app, closed = DualApp(__name__), []

    @app.route("/", methods=["GET", "POST"])
    async def events():
        async def stream():
            try:
                yield b"first"
                await asyncio.Event().wait()
            finally:
                closed.append(method)

        response = app.response_class(stream())
        response.timeout = None
        return response

    async def main() -> None:
        async with asyncio.timeout(LIMIT), app.test_client().request("/", method=method) as connection:
            assert await connection.receive() == b"first"
            await connection.disconnect()

    asyncio.run(main())
    assert closed == [method]


def test_a_connection_takes_and_gives_piece_by_piece() -> None:
    app = DualApp(NAME)

    @app.post("/")
    async def index():
        return [chunk.decode() async for chunk in quart.request.body]

    async def ask():
        async with app.test_client().request("/", method="POST") as connection:
            await connection.send(b"one")
            await connection.send_complete()
        response = await connection.as_response()
        return response.status_code, await response.get_json()

    assert Serve("asgi", "async").call(ask) == (200, ["one"])


def test_request_contexts(serve: Serve, app: DualApp) -> None:
    async def inside(app):
        async with app.test_request_context("/a?q=1", method="POST", form={"x": "1"}, headers={"X-A": "a"}):
            form = await request.form
            first = [request.path, request.args["q"], form["x"], flask.request.form["x"], quart.request.headers["X-A"]]
        async with app.test_request_context("/b", json={"x": 1}, scheme="https"):
            second = [request.url, await request.get_json()]
        async with app.app_context():
            return first, second, [quart.current_app.name, flask.current_app.name, quart.has_request_context()]

    assert serve.call(inside, app) == (
        ["/a", "1", "1", "1", "a"],
        ["https://localhost/b", {"x": 1}],
        [NAME, NAME, False],
    )


def test_a_request_step_by_step(serve: Serve, app: DualApp) -> None:
    def after(response):
        response.headers["X-After"] = "1"
        return response

    app.after_request(after)
    app.before_request(lambda: g.setdefault("before", "ran") and None)

    async def take_steps(app):
        async with app.test_request_context("/a", query_string={"q": "1"}):
            before = await app.preprocess_request(), g.before
            value = await app.dispatch_request()
            made = await app.make_response(value)
            processed = await app.process_response(made)
            full = await app.full_dispatch_request()
            return before, value["args"], processed.headers["X-After"], await full.get_json() == value

    assert serve.call(take_steps, app) == ((None, "ran"), {"q": "1"}, "1", True)


def test_startup_and_shutdown_around_a_test(serve: Serve) -> None:
    order: list[str] = []

    def build(app: DualApp) -> None:
        @app.before_serving
        async def start():
            order.append("start")

        @app.after_serving
        async def stop():
            order.append("stop")

        @app.get("/")
        async def index():
            order.append("request")
            return "x"

    app = serve(build, twin=False).app

    async def ask(app, entry):
        async with app.test_app():
            return (await app.test_client(entry=entry).get("/")).status_code

    assert serve.call(ask, app, serve.entry) == 200
    assert order == ["start", "request", "stop"]

    async def by_hand(app):
        await app.startup()
        await app.shutdown()

    Serve("asgi", "async").call(by_hand, app)
    assert order == ["start", "request", "stop", "start", "stop"]


def test_flasks_builder_and_client_take_the_app(app: DualApp) -> None:
    builder = EnvironBuilder(app, "/a", json={"x": 1})
    assert app.test_client().open(builder).get_json()["json"] == {"x": 1}
    assert FlaskClient(app, app.response_class).get("/b").get_json()["method"] == "GET"
    with app.test_client() as client, client.session_transaction() as stored:
        stored["user"] = "ann"
    assert client.get("/session").get_json() == {"user": "ann"}


def test_a_stream_is_read_in_async_code(serve: Serve) -> None:
    """Its view may need the very loop that the test runs on."""

    def stream(app: DualApp) -> None:
        @app.get("/")
        async def index():
            async def words():
                for number in range(3):
                    await asyncio.sleep(0.001)
                    yield str(number)

            return Response(words())

    client = serve(stream, twin=False).app.test_client()

    async def read():
        return await (await client.get("/")).get_data(as_text=True)

    async def read_many() -> None:
        answers = await asyncio.gather(*(asyncio.wait_for(read(), LIMIT) for _ in range(60)))
        assert set(answers) == {"012"}

    asyncio.run(read_many())
