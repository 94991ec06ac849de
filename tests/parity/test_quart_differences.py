"""The tables of docs/from-quart.md: each row has a test here, which looks at plain Quart and at a DualApp.

The DualApp is asked on both entries and in both colours. A name of Quart's or Flask's that dualapp lacks must stand in
the tables, too.
"""

from __future__ import annotations
import __future__

import asyncio
import inspect
import logging
import re
import threading
from collections.abc import Callable
from importlib.metadata import version
from types import ModuleType
from typing import Any, TypeVar

import flask
import pytest
import quart
import quart.app
import werkzeug
import werkzeug.serving
from werkzeug.datastructures import Headers

import dualapp
from dualapp import DualApp, Response, make_push_promise, make_response, redirect, render_template_string, request

from ..conftest import NAME, Serve
from ..extensions.quart_twin import with_names_of_quart
from ..support.entry_driver import LOOP, Ask, Client, Violation, scope_of
from ..support.recolour import Build
from ..support.server_process import ROOT
from ..support.waiting import LIMIT

T = TypeVar("T")

TABLES = (ROOT / "docs" / "from-quart.md").read_text().partition("## What differs")[2]
ROWS = re.findall(r"^\| (\S.*?) \| .+ \| .+ \|$", TABLES, re.MULTILINE)
TESTED: list[str] = []

AT_API = [("Host", "api.example.org")]
FORM = [("Content-Type", "application/x-www-form-urlencoded")]
MULTIPART = [("Content-Type", "multipart/form-data; boundary=cut")]


class Side:
    """One column of the tables: plain Quart, or a DualApp on one entry and in one colour."""

    def __init__(self, name: str) -> None:
        self.is_quart = name == "quart"
        self.entry, _, self.colour = ("asgi_app", "", "async") if self.is_quart else name.partition("-")

    def app(self, *builds: Build, **options: Any) -> Any:
        app = (quart.Quart if self.is_quart else DualApp)(NAME, **options)
        for build in builds:
            (with_names_of_quart(build) if self.is_quart else Serve(self.entry, self.colour).paint(build))(app)
        return app

    def client(self, *builds: Build, **options: Any) -> Client:
        return Client(self.app(*builds, **options), self.entry)

    def says(self, *, quart: T, here: T) -> T:
        return quart if self.is_quart else here


@pytest.fixture(params=["quart", "wsgi-def", "wsgi-async", "asgi-def", "asgi-async"])
def side(request: pytest.FixtureRequest) -> Side:
    return Side(request.param)


@pytest.fixture(params=["quart", "asgi-async"])
def asgi(request: pytest.FixtureRequest) -> Side:
    """For what only an ASGI server can say or hear, and only `async def` code."""
    return Side(request.param)


def row(what: str) -> Callable[[T], T]:
    """Say which row a test is about."""
    TESTED.append(what)
    return lambda test: test


def test_each_row_has_a_test() -> None:
    assert sorted(TESTED) == sorted(ROWS)
    assert len({*ROWS}) == len(ROWS)


def talk(app: Any, *received: dict[str, Any], patience: float = LIMIT, **scope: Any) -> list[dict[str, Any]]:
    """Return the messages that an app sends when a server tells it these, and after its answer that the client left."""
    sent: list[dict[str, Any]] = []
    inbox = iter(received)

    async def run() -> list[dict[str, Any]]:
        answered = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if (message := next(inbox, None)) is None:
                await answered.wait()
            return message or {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                answered.set()

        task = asyncio.ensure_future(app.asgi_app({**scope_of(Ask()), **scope}, receive, send))
        await asyncio.wait({task}, timeout=patience)
        messages = [*sent]
        answered.set()
        await asyncio.gather(task, return_exceptions=True)
        return messages

    return LOOP.run(run())


# Rules and registration.


@row("a route, hook or handler registered after the first request")
def test_late_registration(side: Side) -> None:
    def build(app: DualApp) -> None:
        app.add_url_rule("/", "index", lambda: "index")

    client = side.client(build)
    client.get("/")
    late: list[Callable[[], Any]] = [
        lambda: client.app.add_url_rule("/late", "late", lambda: "late"),
        lambda: client.app.after_request(lambda response: response),
        lambda: client.app.register_error_handler(404, lambda error: "nothing"),
    ]
    if not side.is_quart:
        for register in late:
            with pytest.raises(AssertionError, match="can no longer be called"):
                register()
        return
    for register in late:
        register()
    assert [client.get(path).text for path in ("/late", "/nowhere")] == ["late", "nothing"]


def index_and_api(app: DualApp) -> None:
    app.config["SERVER_NAME"] = "example.org"
    app.add_url_rule("/index", "index", lambda: "index")
    app.add_url_rule("/", "api", lambda: "api", subdomain="api")


@row("functions of `teardown_appcontext`")
def test_the_order_of_teardown_functions(side: Side) -> None:
    ended: list[int] = []

    def build(app: DualApp) -> None:
        app.add_url_rule("/", "index", lambda: "index")
        for number in range(3):
            app.teardown_appcontext(lambda error, number=number: ended.append(number))  # type: ignore[misc]

    side.client(build).get("/")
    assert ended == side.says(quart=[0, 1, 2], here=[2, 1, 0])


@row("a rule without a `subdomain`, at a subdomain of `SERVER_NAME`")
def test_a_rule_without_a_subdomain(side: Side) -> None:
    client = side.client(index_and_api)
    assert client.get("/", AT_API).text == "api"
    assert client.get("/index", AT_API).status == side.says(quart=404, here=200)
    assert side.client(index_and_api, subdomain_matching=True).get("/index", AT_API).status == 404


@row("`host_matching` with a `SERVER_NAME`")
def test_host_matching(side: Side) -> None:
    def build(app: DualApp) -> None:
        app.config["SERVER_NAME"] = "a.org"
        app.add_url_rule("/", "a", lambda: "a", host="a.org")
        app.add_url_rule("/", "b", lambda: "b", host="b.org")

    client = side.client(build, host_matching=True, static_folder=None)
    answers = [client.get("/", [("Host", host)]).status for host in ("a.org", "b.org", "c.org")]
    assert answers == side.says(quart=[200, 200, 200], here=[200, 200, 404])
    assert client.get("/", [("Host", "b.org")]).text == side.says(quart="a", here="b")


@row("a path that does not begin with the `root_path` of the scope")
def test_a_path_outside_of_the_root_path(asgi: Side) -> None:
    def build(app: DualApp) -> None:
        app.add_url_rule("/", "index", lambda: "index")

    start, *_ = talk(asgi.app(build), {"type": "http.request"}, root_path="/mounted")
    assert start["status"] == asgi.says(quart=404, here=200)


CONNECT = {"type": "websocket.connect"}
DISCONNECT = {"type": "websocket.disconnect", "code": 1000}
WEBSOCKET: dict[str, Any] = {"type": "websocket", "scheme": "ws", "subprotocols": []}


@row("`websocket.receive()` when the client has left")
def test_receive_after_the_end(asgi: Side) -> None:
    seen = []

    def build(app: DualApp) -> None:
        @app.websocket("/")
        async def socket():
            try:
                await quart.websocket.receive()
            except BaseException as error:
                seen.append(type(error).__name__)
                raise

    talk(asgi.app(build), CONNECT, DISCONNECT, **WEBSOCKET)
    assert seen == [asgi.says(quart="CancelledError", here="WebsocketClosed")]


@row("an error in a websocket that was accepted")
def test_an_error_after_accept(asgi: Side) -> None:
    def build(app: DualApp) -> None:
        @app.websocket("/")
        async def socket():
            await quart.websocket.accept()
            raise LookupError

    sent = talk(asgi.app(build), CONNECT, DISCONNECT, **WEBSOCKET)
    assert sent[-1]["code"] == asgi.says(quart=1000, here=1011)


@row("a websocket that a page of another host opens")
def test_websockets_of_other_origins(asgi: Side) -> None:
    def build(app: DualApp) -> None:
        @app.websocket("/")
        async def socket():
            await quart.websocket.accept()

    headers = [(b"host", b"localhost"), (b"origin", b"http://evil.example")]
    sent = talk(asgi.app(build), CONNECT, DISCONNECT, **WEBSOCKET, headers=headers)
    assert sent[0]["type"] == asgi.says(quart="websocket.accept", here="websocket.close")


# Requests.


@row("`await request.get_json()` of another media type")
def test_json_of_another_media_type(side: Side) -> None:
    def build(app: DualApp) -> None:
        @app.post("/")
        async def index():
            return [await request.get_json()]

    answer = side.client(build).post("/", body=b"{}")
    assert (answer.status, answer.text[:6]) == side.says(quart=(200, "[null]"), here=(415, "<!doct"))


@row("`await request.data` of a form")
def test_the_data_of_a_form(side: Side) -> None:
    def build(app: DualApp) -> None:
        @app.post("/data")
        async def data():
            return await request.data

        @app.post("/get")
        async def get():
            return await request.get_data()

    client = side.client(build)
    assert client.post("/data", FORM, b"a=1").text == side.says(quart="a=1", here="")
    assert client.post("/get", FORM, b"a=1").text == "a=1"


@row("a malformed multipart body")
def test_a_malformed_multipart_body(side: Side) -> None:
    def build(app: DualApp) -> None:
        @app.post("/")
        async def index():
            return await request.form

    body = b'--cut\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--cut\r\n'
    answer = side.client(build).post("/", MULTIPART, body)
    assert (answer.status, "1" in answer.text[:10]) == side.says(quart=(200, True), here=(400, False))


@row("a body that stalls in `async for chunk in request.body`")
def test_a_body_that_stalls(asgi: Side) -> None:
    def build(app: DualApp) -> None:
        app.config["BODY_TIMEOUT"] = 0.01

        @app.post("/")
        async def index():
            async for _ in request.body:
                pass
            return "all"

    headers = [(b"host", b"localhost"), (b"transfer-encoding", b"chunked")]
    began = {"type": "http.request", "body": b"a", "more_body": True}
    patience = asgi.says(quart=0.2, here=LIMIT)
    sent = talk(asgi.app(build), began, patience=patience, method="POST", headers=headers)
    assert [message.get("status") for message in sent[:1]] == asgi.says(quart=[], here=[408])


@row("`MAX_CONTENT_LENGTH`")
def test_the_limit_of_a_body(side: Side) -> None:
    assert side.app().config["MAX_CONTENT_LENGTH"] == side.says(quart=16 * 1024**2, here=None)


def headers(app: DualApp) -> None:
    @app.get("/")
    async def index():
        names = sorted(name for name, _ in request.headers if name != "Host")
        return {"names": names, "values": request.headers.getlist("X-A"), "address": request.remote_addr}


@row("a request header that is sent twice")
def test_a_header_that_is_sent_twice(side: Side) -> None:
    told = side.client(headers).get("/", [("X-A", "1"), ("X-A", "2")]).json()
    assert told["values"] == side.says(quart=["1", "2"], here=["1,2"])


@row("request headers with underscores in their names")
def test_a_header_with_an_underscore(side: Side) -> None:
    names = side.client(headers).get("/", [("X_A", "1")]).json()["names"]
    assert [name for name in names if "X" in name.upper()] == side.says(quart=["X_A"], here=[])


@row('`request.headers["Remote-Addr"]`')
def test_the_address_of_the_client(side: Side) -> None:
    told = side.client(headers).get("/").json()
    assert told["names"] == side.says(quart=["Remote-Addr"], here=[])
    assert told["address"].startswith("127.0.0.1")


@row("`request.remote_addr` of a client on a Unix socket")
def test_a_client_on_a_unix_socket(asgi: Side) -> None:
    def on_a_socket(app: DualApp) -> None:
        inner = app.asgi_app

        async def async_asgi(scope: Any, receive: Any, send: Any) -> None:
            await inner({**scope, "client": None}, receive, send)

        app.asgi_app = async_asgi  # type: ignore[method-assign]  # as Quart's documentation does it

    told = asgi.client(headers, on_a_socket).get("/").json()
    assert told["address"] == asgi.says(quart="<local>", here="")


@row("several `Host` headers")
def test_several_hosts(side: Side) -> None:
    answer = side.client(headers).get("/", [("Host", "a.example"), ("Host", "b.example")])
    assert answer.status == side.says(quart=200, here=400)


@row("a request made by hand with `app.request_class(...)`")
def test_a_request_made_by_hand(side: Side) -> None:
    app = side.app()
    quarts = ("GET", "http", "/", b"", Headers(), "", "1.1", {})
    made: list[Any] = []
    if side.is_quart:
        made.append(app.request_class(*quarts, send_push_promise=None))
    else:
        made.append(app.request_class({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}))
        with pytest.raises(TypeError):
            app.request_class(*quarts, send_push_promise=None)

    async def enter() -> None:
        async with app.test_request_context("/?a=1", method="GET", scheme="https", headers={"X-A": "1"}):
            made.append(quart.request._get_current_object())

    asyncio.run(enter())
    assert [request.path for request in made] == ["/", "/"]
    assert (made[1].url, made[1].headers["X-A"]) == ("https://localhost/?a=1", "1")


@row("`make_push_promise`")
def test_push_promises(side: Side) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def async_index():
            await make_push_promise("/style.css")
            return "index"

    client = side.client(build)
    assert client.get("/").text == "index"
    sent = talk(client.app, {"type": "http.request"}, extensions={"http.response.push": {}})
    pushed = [message["path"] for message in sent if message["type"] == "http.response.push"]
    assert pushed == side.says(quart=["/style.css"], here=[])


# Responses and templates.


@row("a 204")
def test_a_204(side: Side) -> None:
    def build(app: DualApp) -> None:
        app.add_url_rule("/", "index", lambda: ("", 204))

    client = side.client(build)
    if side.is_quart:
        with pytest.raises(Violation, match="a length without a body"):
            client.get("/")
    else:
        assert client.get("/").header("content-length") is None


@row("the answer to a HEAD request")
def test_an_answer_to_head(side: Side) -> None:
    def build(app: DualApp) -> None:
        app.add_url_rule("/", "index", lambda: "index")

    client = side.client(build)
    if side.is_quart:
        with pytest.raises(Violation, match="a body where none may be"):
            client.head("/")
    else:
        assert (client.head("/").body, client.head("/").header("content-length")) == (b"", "5")


@row("the methods in `Allow`")
def test_allowed_methods(side: Side) -> None:
    def build(app: DualApp) -> None:
        app.add_url_rule("/", "index", lambda: "index", methods=["PUT", "GET", "DELETE"])

    allowed = (side.client(build).options("/").header("allow") or "").split(", ")
    assert sorted(allowed) == ["DELETE", "GET", "HEAD", "OPTIONS", "PUT"]
    assert side.is_quart or allowed == sorted(allowed)


def odd_heads(app: DualApp) -> None:
    @app.get("/status")
    async def status():
        return "text", 1000

    @app.get("/value")
    async def value():
        return "text", {"X-Odd": "a\x01b"}

    @app.get("/padded")
    async def padded():
        return "text", {"X-Sent": " b ", "X-Got": request.headers["X-Got"] + "|"}


@row("a status or a header that HTTP does not allow")
def test_heads_that_http_does_not_allow(side: Side, without_log: None) -> None:
    client = side.client(odd_heads)
    assert client.get("/status").status == side.says(quart=1000, here=500)
    assert client.get("/value").status == side.says(quart=200, here=500)


@row("white space around the value of a header")
def test_white_space_around_values(side: Side) -> None:
    answer = side.client(odd_heads).get("/padded", [("X-Got", " a ")])
    values = (answer.header("x-got"), answer.header("x-sent"))
    assert values == side.says(quart=(" a |", " b "), here=("a|", "b"))


@row("the status of a stream")
def test_the_status_of_a_stream(side: Side) -> None:
    def build(app: DualApp) -> None:
        @app.get("/<first>")
        async def index(first):
            async def stream():
                if first == "first":
                    yield ""
                raise LookupError

            return Response(stream())

    client = side.client(build)
    assert client.get("/none", escapes=True).status == side.says(quart=200, here=500)
    assert client.get("/first", escapes=True).status == 200


@row("`g` in `stream_with_context` and `copy_current_request_context`")
def test_g_in_a_stream(side: Side) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def async_index():
            quart.g.name = "ann"

            @quart.stream_with_context
            async def stream():
                yield quart.g.get("name", "nobody").encode()

            return stream()

        @app.get("/copy")
        async def async_copy():
            quart.g.name = "ann"

            @quart.copy_current_request_context
            async def work():
                return quart.g.get("name", "nobody")

            return await asyncio.create_task(work())

    client = side.client(build)
    copied = "nobody" if version("quart") >= "0.23" else "ann"
    assert client.get("/").text == side.says(quart="nobody", here="ann")
    assert client.get("/copy").text == side.says(quart=copied, here="ann")


@row("`SEND_FILE_MAX_AGE_DEFAULT`")
def test_how_long_files_are_kept(side: Side) -> None:
    client = side.client()
    assert bool(client.app.config["SEND_FILE_MAX_AGE_DEFAULT"]) is side.is_quart
    answer = client.get("/static/hello.txt")
    assert answer.header("cache-control") == side.says(quart="public, max-age=43200", here="no-cache")
    assert answer.header("etag")


@row("a static file")
def test_a_static_file(side: Side) -> None:
    disposition = side.client().get("/static/hello.txt").header("content-disposition")
    assert disposition == side.says(quart=None, here="inline; filename=hello.txt")


@row("`dualapp.send_file` and `send_from_directory`")
def test_the_arguments_of_send_file(side: Side) -> None:
    module = side.says(quart=quart, here=dualapp)
    theirs, ours = {"attachment_filename", "add_etags", "cache_timeout"}, {"download_name", "etag", "max_age"}
    assert {*inspect.signature(module.send_file).parameters} & (theirs | ours) == side.says(quart=theirs, here=ours)
    path = f"{ROOT}/tests/parity/static/hello.txt"

    def build(app: DualApp) -> None:
        @app.get("/")
        async def async_index():
            return await quart.send_file(path, as_attachment=True, attachment_filename="a.txt", cache_timeout=5)

    answer = side.client(build).get("/")
    assert answer.header("content-disposition") == "attachment; filename=a.txt"
    assert answer.header("cache-control") == "public, max-age=5"


@row("`app.jinja_env.is_async`")
def test_the_colour_of_the_environment(side: Side) -> None:
    def build(app: DualApp) -> None:
        @app.get("/async")
        async def async_render():
            return await app.jinja_env.from_string("{{ 1 + 1 }}").render_async()

        @app.get("/sync")
        def sync_render():
            return app.jinja_env.from_string("{{ 1 + 1 }}").render()

        @app.get("/helper")
        async def helper():
            return await render_template_string("{{ 1 + 1 }}")

    client = side.client(build)
    assert client.app.jinja_env.is_async is side.is_quart
    assert [client.get(path).text for path in ("/async", "/sync", "/helper")] == ["2"] * 3


@row("`response.make_conditional(...)`")
def test_conditional_responses(side: Side) -> None:
    def build(app: DualApp) -> None:
        @app.get("/range")
        async def ranged():
            return await Response(b"0123456789").make_conditional(request, complete_length=10)

        @app.get("/accepted")
        async def accepted():
            return await Response(b"0123456789").make_conditional(request, accept_ranges=True, complete_length=10)

        @app.get("/unchanged")
        async def unchanged():
            response = Response(b"0123456789")
            await response.add_etag()
            await response.make_conditional(request)
            response.headers["X-Body"] = await response.get_data(as_text=True)
            return response

    client = side.client(build)
    wanted = [("Range", "bytes=2-5")]
    assert client.get("/range", wanted).status == side.says(quart=206, here=200)
    assert client.get("/accepted", wanted).status == 206
    answer = client.get("/unchanged", [("If-None-Match", "*")])
    assert (answer.status, answer.header("x-body")) == (304, side.says(quart="", here="0123456789"))


@row("`await response.freeze()`")
def test_frozen_responses(side: Side) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            response = Response(b"0123456789")
            await response.freeze()
            return response

    assert bool(side.client(build).get("/").header("etag")) is not side.is_quart


@row("`await response.get_json()` of broken JSON")
def test_broken_json_of_a_response(side: Side) -> None:
    def build(app: DualApp) -> None:
        @app.get("/<silent>")
        async def index(silent):
            response = Response("{", mimetype="application/json")
            try:
                return f"{await response.get_json(silent=silent == 'silent')}"
            except ValueError:
                return "a ValueError"

    client = side.client(build)
    answers = [client.get(path).text for path in ("/loud", "/silent")]
    assert answers == side.says(quart=["None", "a ValueError"], here=["a ValueError", "None"])


@row("`data_body_class`, `iterable_body_class`")
def test_classes_of_bodies(side: Side) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            used = []

            class Own(Response):
                data_body_class = used.append

            Own(b"text")
            return {"used": len(used)}

    assert side.client(build).get("/").json() == {"used": side.says(quart=1, here=0)}


@row("Werkzeug's responses, returned or given to `make_response`")
def test_werkzeugs_responses(side: Side) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            response = await make_response(werkzeug.Response("text"))
            return {"is ours": isinstance(response, Response), "is Werkzeug's": type(response) is werkzeug.Response}

    assert side.client(build).get("/").json() == {"is ours": not side.is_quart, "is Werkzeug's": side.is_quart}


# Errors.


def failing(app: DualApp) -> None:
    ended = app.extensions["ended"] = []

    @app.get("/")
    async def index():
        raise LookupError("lost")

    @app.teardown_request
    async def end_request(error):
        ended.append(error)

    @app.teardown_appcontext
    async def end_context(error):
        ended.append(error)


@row("an error that nobody handles, in debug mode")
def test_an_error_in_debug_mode(side: Side, without_log: None) -> None:
    client = side.client(failing)
    assert client.get("/").status == 500
    client.app.debug = True
    answer = client.get("/", escapes=True)
    assert (answer.status, "LookupError" in answer.text) == (500, True)
    assert ("__debugger__" in answer.text) is not side.is_quart


@row("the argument of teardown functions after such an error")
def test_the_argument_of_teardown_functions(side: Side, without_log: None) -> None:
    client = side.client(failing)
    client.get("/")
    kinds = [type(error) for error in client.app.extensions["ended"]]
    assert kinds == side.says(quart=[type(None)] * 2, here=[LookupError] * 2)


@row("a view that raises `asyncio.CancelledError` of its own")
def test_a_view_that_raises_a_cancellation(side: Side, without_log: None) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            raise asyncio.CancelledError

    if side.is_quart:
        assert talk(side.app(build), {"type": "http.request"}, {"type": "http.disconnect"}) == []
    else:
        assert side.client(build).get("/").status == 500


# Tests.


def ask_in_test(side: Side, app: Any, path: str, read: bool = True, **options: Any) -> Any:
    """Send a request with the test client, in async code; return the status and the body."""

    async def ask() -> Any:
        client = app.test_client() if side.is_quart else app.test_client(entry=side.entry)
        async with asyncio.timeout(LIMIT):
            response = await client.get(path, **options)
            return response.status_code, await response.get_data(as_text=True) if read else ""

    return asyncio.run(ask())


@row("`await client.get(...)` of a stream")
def test_the_client_and_a_stream(side: Side) -> None:
    going_on = threading.Event()

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            async def chunks():
                yield "x"
                while not going_on.is_set():
                    await asyncio.sleep(0.001)
                yield "y"

            return Response(chunks())

    app = side.app(build)
    if side.is_quart:
        going_on.set()
        assert ask_in_test(side, app, "/") == (200, "xy")
        return

    async def ask() -> None:
        response = await app.test_client(entry=side.entry).get("/")
        going_on.set()
        assert await response.get_data() == b"xy"

    asyncio.run(ask())
    assert ask_in_test(side, app, "/", buffered=True) == (200, "xy")


@row("the page of an error, with `TESTING` or `DEBUG`")
def test_the_page_of_an_error_in_a_test(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    app = side.app(failing)
    app.testing = True
    status, page = ask_in_test(side, app, "/")
    assert (status, "LookupError" in page) == (500, True)
    assert ("<h1>" in page) is side.is_quart
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == side.says(quart=0, here=1)


@row("`PROPAGATE_EXCEPTIONS = True` with `TESTING` or `DEBUG`")
def test_errors_that_are_propagated_in_a_test(side: Side) -> None:
    app = side.app(failing)
    app.config.update(TESTING=True, PROPAGATE_EXCEPTIONS=True)
    if side.is_quart:
        assert ask_in_test(side, app, "/")[0] == 500
    else:
        with pytest.raises(LookupError):
            ask_in_test(side, app, "/")


@row("`follow_redirects=True` to another host")
def test_the_client_and_a_redirect_elsewhere(side: Side) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return redirect("http://example.org/there")

        app.add_url_rule("/there", "there", lambda: "there")

    app = side.app(build)
    if side.is_quart:
        assert ask_in_test(side, app, "/", follow_redirects=True) == (200, "there")
    else:
        with pytest.raises(RuntimeError, match="external"):
            ask_in_test(side, app, "/", follow_redirects=True)


@row("`client.get(...)` in `def` code")
def test_the_client_in_def_code(side: Side) -> None:
    response = side.app().test_client().get("/")
    assert inspect.iscoroutine(response) is side.is_quart
    if side.is_quart:
        response.close()
    else:
        assert response.status_code == 404


CLIENTS = next(what for what in ROWS if what.startswith("`push_promises`"))


@row(CLIENTS)
def test_attributes_of_clients_that_are_not_there(side: Side) -> None:
    client = side.app().test_client()
    names = [*re.findall(r"`(\w+)`", CLIENTS)]
    assert [name for name in names if hasattr(client, name)] == side.says(quart=names, here=[])


# The app and its commands.


@row("`isinstance(app, quart.Quart)`")
def test_the_class_of_the_app(side: Side) -> None:
    assert isinstance(side.app(), quart.Quart) is side.is_quart
    assert isinstance(side.app(), flask.Flask) is not side.is_quart


@row("the classes `Quart` and `Flask`")
def test_the_names_of_the_class() -> None:
    assert not {"Quart", "Flask"} & {*dir(dualapp), *dualapp.__all__}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the servers that an app was about to start."""
    names: list[str] = []

    async def serve(*args: Any, **options: Any) -> None:
        names.append("Hypercorn")

    monkeypatch.setattr(quart.app, "serve", serve)
    monkeypatch.setattr(werkzeug.serving, "run_simple", lambda *args, **options: names.append("Flask"))
    return names


@row("`app.run()`, `quart run`")
def test_the_development_server(side: Side, started: list[str]) -> None:
    side.app().run(use_reloader=False)
    side.app().run(loop=asyncio.new_event_loop(), use_reloader=False)
    asyncio.run(side.app().run_task())
    assert started == [side.says(quart="Hypercorn", here="Flask"), "Hypercorn", "Hypercorn"]


@row("arguments of `app.run` after `debug`")
def test_the_arguments_of_run(side: Side, started: list[str]) -> None:
    names = [*inspect.signature(side.app().run).parameters.values()]
    positions = [parameter.name for parameter in names if parameter.kind is parameter.POSITIONAL_OR_KEYWORD][3:]
    assert positions[0] == side.says(quart="use_reloader", here="load_dotenv")
    assert (len(positions) > 1) is side.is_quart
    theirs = {*inspect.signature(quart.Quart.run).parameters} | {*inspect.signature(flask.Flask.run).parameters}
    given = dict.fromkeys(theirs - {"self", "kwargs", "options", "loop"})
    if not side.is_quart:
        side.app().run(**given)
        assert started == ["Flask"]


@row("`app.config.from_prefixed_env()`, `app.run()`")
def test_environment_variables(side: Side, started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"QUART_WHO": '"quart"', "FLASK_WHO": '"flask"', "QUART_DEBUG": "1", "FLASK_DEBUG": "0"}.items():
        monkeypatch.setenv(name, value)
    app = side.app()
    app.config.from_prefixed_env()
    assert app.config["WHO"] == side.says(quart="quart", here="flask")
    app.config.from_prefixed_env("QUART")
    assert app.config["WHO"] == "quart"
    app.run(use_reloader=False)
    assert app.debug is side.is_quart


@row("the settings `ENV`, `PRESERVE_CONTEXT_ON_EXCEPTION`")
def test_settings_without_a_use(side: Side) -> None:
    defaults = {key: None for key in ("ENV", "PRESERVE_CONTEXT_ON_EXCEPTION") if key in side.app().config}
    assert defaults == side.says(quart={"ENV": None, "PRESERVE_CONTEXT_ON_EXCEPTION": None}, here={})


@row("`app.asgi_app = Middleware(app.asgi_app)`")
def test_middleware(side: Side) -> None:
    def build(app: DualApp) -> None:
        app.add_url_rule("/", "index", lambda: "index")

    client = side.client(build)
    beneath, seen = client.app.asgi_app, []

    async def middleware(*args: Any) -> None:
        seen.append("request")
        await beneath(*args)

    client.app.asgi_app = middleware
    assert client.get("/").text == "index"
    assert seen == ([] if side.entry == "wsgi" else ["request"])


def has(app: Any, name: str) -> bool:
    return hasattr(app, name) or any(name in inspect.get_annotations(cls) for cls in type(app).__mro__)


WEBSOCKETS = next(what for what in ROWS if what.startswith("`websocket_context`"))
MACHINERY = next(what for what in ROWS if what.startswith("`handle_request`"))


@row(WEBSOCKETS)
@row(MACHINERY)
@pytest.mark.parametrize("what", [WEBSOCKETS, MACHINERY], ids=["websockets", "machinery"])
def test_attributes_that_are_not_there(side: Side, what: str) -> None:
    names = re.findall(r"`(\w+)`", what)
    assert [name for name in names if has(side.app(), name)] == side.says(quart=names, here=[])


# What else differs in names.

#: All names in the first column.
NAMED = {name for what in ROWS for name in re.findall(r"\w+", what)}


def public_names(module: ModuleType) -> set[str]:
    internal = (
        ModuleType,
        type(__future__.annotations),
    )  # submodules, and what `from __future__ import annotations` leaves
    return {name for name, value in vars(module).items() if name[0] != "_" and not isinstance(value, internal)}


@pytest.mark.parametrize("module", [flask, quart], ids=lambda module: module.__name__)
def test_dualapp_has_all_names(module: ModuleType) -> None:
    missing = public_names(module) - {*dualapp.__all__}
    assert missing <= NAMED
    assert all(hasattr(dualapp, name) for name in dualapp.__all__)


def test_names_that_only_quart_has_are_quarts() -> None:
    for name in public_names(quart) - public_names(flask) - {"Quart"}:
        if name in dualapp.QUART_NAMES:
            assert getattr(dualapp, name) is getattr(quart, name)


def public_attributes(value: Any) -> set[str]:
    declared = {name for cls in type(value).__mro__ for name in inspect.get_annotations(cls)}
    return {name for name in {*dir(value), *declared} if name[0] != "_"}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (quart.Quart(NAME), DualApp(NAME)),
        (quart.Blueprint("bp", NAME), dualapp.Blueprint("bp", NAME)),
        (quart.Quart(NAME).config, DualApp(NAME).config),
        (quart.Quart(NAME).cli, DualApp(NAME).cli),
        (quart.Quart(NAME).test_client(), DualApp(NAME).test_client()),
    ],
    ids=["app", "blueprint", "config", "cli", "client"],
)
def test_objects_have_all_attributes(theirs: Any, ours: Any) -> None:
    assert {name for name in public_attributes(theirs) if not hasattr(ours, name)} <= NAMED


def test_all_settings_are_there() -> None:
    theirs, ours = quart.Quart.default_config, DualApp.default_config
    assert theirs.keys() - ours.keys() <= NAMED
    # Quart has a timedelta where Flask has seconds, which both take.
    assert {key for key in theirs.keys() & ours.keys() if theirs[key] != ours[key]} <= NAMED


def test_functions_take_what_flasks_take() -> None:
    """What decorates, or takes one object, is given that by position."""
    by_position = {"stream_with_context", "copy_current_request_context", "copy_current_app_context"}
    for name in public_names(flask) & public_names(dualapp) - by_position:
        theirs, ours = getattr(flask, name), getattr(dualapp, name)
        if inspect.isfunction(theirs):
            assert [*inspect.signature(ours).parameters] == [*inspect.signature(theirs).parameters], name
