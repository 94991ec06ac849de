"""Clients, adapters and mounts of other libraries: an app answers through each of them as a server would be answered.

The expected answers are those of the app's own entries, which the tests of parity ask directly.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any

import flask
import httpx
import pytest
from a2wsgi import WSGIMiddleware
from asgiref.sync import async_to_sync, sync_to_async
from asgiref.wsgi import WsgiToAsgi
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from dualapp import DualApp, redirect, request, session, url_for

from ..conftest import NAME, Serve
from ..support.entry_driver import LOOP
from ..support.waiting import wait_for
from .ways import HOST, WAYS, Awaiting, each_way


class Contract:
    """An app with the pages of these tests, and a way to call it."""

    client: Any

    def __init__(self, name: str, colour: str) -> None:
        self.way, self.colour = WAYS[name], colour
        self.app = DualApp(NAME)
        Serve(self.way.entry, colour).paint(pages)(self.app)
        #: What the app notes of its life.
        self.seen: list[str] = self.app.extensions["seen"]

    def opened(self) -> AbstractContextManager[Any]:
        return self.way.opens(getattr(self.app, self.way.entry))


@pytest.fixture
def contract(request: pytest.FixtureRequest) -> Iterator[Contract]:
    contract = Contract(*request.param)
    with contract.opened() as contract.client:
        yield contract


both_colours = pytest.mark.parametrize("colour", ["def", "async"])


def pages(app: DualApp) -> None:
    app.secret_key = "of these tests"
    app.extensions["seen"] = seen = []

    @app.before_serving
    async def start():
        seen.append("started")

    @app.after_serving
    async def stop():
        seen.append("stopped")

    @app.teardown_request
    async def teardown(error):
        seen.append("torn down")

    @app.get("/")
    async def index():
        return "hello"

    @app.post("/json")
    async def sent_json():
        return {"got": await request.get_json()}

    @app.post("/upload")
    async def upload():
        title = (await request.form)["title"]
        file = (await request.files)["file"]
        return {"title": title, "name": file.filename, "type": file.content_type, "text": file.read().decode()}

    @app.post("/def/loud")
    def sync_loud():
        read = flask.request.stream.read
        return (chunk.upper() for chunk in iter(lambda: read(1000), b""))

    @app.post("/async/loud")
    async def async_loud():
        body = request.body

        async def chunks():
            async for chunk in body:
                yield chunk.upper()

        return chunks()

    @app.get("/endless")
    async def endless():
        async def words():
            try:
                while True:
                    yield "x" * 1000
                    await asyncio.sleep(0.001)
            finally:
                seen.append("closed")

        return words()

    @app.get("/slow")
    async def slow():
        seen.append("waiting")
        while "left" not in seen:
            await asyncio.sleep(0.001)
        return "late"

    @app.get("/visits")
    async def visits():
        session["visits"] = session.get("visits", 0) + 1
        return str(session["visits"])

    @app.get("/crumbs")
    async def crumbs():
        answer = app.make_response({"sent": request.cookies})
        answer.set_cookie("a", "1")
        answer.set_cookie("b", "ü;", httponly=True)
        return answer

    @app.get("/old")
    async def old():
        return redirect(url_for("index"))

    @app.get("/folder/")
    async def folder():
        return "folder"

    @app.get("/fail")
    async def fail():
        raise LookupError("on purpose")

    @app.get("/empty")
    async def empty():
        return "", 204, {"X-Own": "1"}

    @app.get("/where/<path:name>")
    async def where(name):
        return {
            "name": name,
            "root": request.script_root,
            "path": request.path,
            "url": request.url,
            "next": url_for("where", name="b c", page=2),
            "absolute": url_for("index", _external=True),
            "args": request.args.getlist("a"),
        }

    @app.get("/client")
    async def client():
        return {"address": request.remote_addr}

    @app.get("/nested/def")
    def sync_nested():
        return async_to_sync(sync_to_async(lambda: f"{flask.request.path} nested"))()

    @app.get("/nested/async")
    async def async_nested():
        return await sync_to_async(lambda: async_to_sync(async_slept)())()

    async def async_slept():
        await asyncio.sleep(0)
        return f"{request.path} nested"

    @app.post("/later")
    async def later():
        async def job():
            await asyncio.sleep(0.001)
            seen.append("done")

        app.add_background_task(job)
        return {}, 202


@each_way()
def test_a_page_and_its_head(contract: Contract) -> None:
    answer, head = contract.client.get("/"), contract.client.head("/")
    assert (answer.status_code, answer.text) == (200, "hello")
    assert answer.headers == {"content-type": "text/html; charset=utf-8", "content-length": "5"}
    assert (head.status_code, head.content, head.headers) == (200, b"", answer.headers)
    assert contract.client.head("/endless").content == b""


@each_way()
@pytest.mark.filterwarnings("ignore:Content-Type header found in a 204 response")  # Flask's has one too
def test_nothing_but_headers(contract: Contract) -> None:
    answer = contract.client.get("/empty")
    assert (answer.status_code, answer.content, answer.headers["x-own"]) == (204, b"", "1")
    assert "content-length" not in answer.headers


@each_way()
@pytest.mark.parametrize("size", [5, 300_000])
def test_json_in_and_out(contract: Contract, size: int) -> None:
    sent = ["ü" * size, {"a": None}]
    answer = contract.client.post("/json", json=sent)
    assert (answer.status_code, answer.json()) == (200, {"got": sent})


@each_way()
@pytest.mark.parametrize("size", [5, 300_000])
def test_a_form_with_a_file(contract: Contract, size: int) -> None:
    file = ("a.txt", b"x" * size, "text/plain")
    answer = contract.client.post("/upload", data={"title": "ü"}, files={"file": file})
    assert answer.json() == {"title": "ü", "name": "a.txt", "type": "text/plain", "text": "x" * size}


@each_way()
@pytest.mark.parametrize("size", [3, 300_000])
def test_a_stream_both_ways(contract: Contract, size: int) -> None:
    answer = contract.client.post(f"/{contract.colour}/loud", content=b"x" * size)
    assert answer.content == b"X" * size


@each_way(
    webtest_lint="It hides what kind of file httpx gives, so that a body without a length has no known end: 411.",
    a2wsgi_to_asgi="Its input has an end but does not say so (no wsgi.input_terminated): 411.",
    in_fastapi_by_a2wsgi="As a2wsgi_to_asgi.",
    a2wsgi_to_wsgi="It passes on only as many bytes as the Content-Length says: none of a chunked body.",
)
def test_an_upload_of_unknown_length(contract: Contract) -> None:
    answer = contract.client.post(f"/{contract.colour}/loud", content=iter([b"abc", b"def"]))
    assert (answer.status_code, answer.content) == (200, b"ABCDEF")


@each_way(only=lambda way: way.can_leave)
def test_a_client_that_leaves_a_stream(contract: Contract) -> None:
    with contract.client.stream("GET", "/endless") as answer:
        assert next(answer.iter_raw()) == b"x" * 1000
    wait_for(lambda: "closed" in contract.seen and "torn down" in contract.seen)
    assert contract.client.get("/").text == "hello"


@each_way()
def test_sessions_and_cookies(contract: Contract) -> None:
    assert [contract.client.get("/visits").text for _ in range(3)] == ["1", "2", "3"]
    answer = contract.client.get("/crumbs")
    assert answer.json()["sent"].keys() == {"session"}
    assert answer.headers.get_list("set-cookie") == ["a=1; Path=/", 'b="\\303\\274\\073"; HttpOnly; Path=/']
    sent = contract.client.get("/crumbs").json()["sent"]
    assert (sent["a"], sent["b"]) == ("1", "ü;")


@each_way()
def test_redirects(contract: Contract) -> None:
    mount = contract.way.mount
    for path, status, location in [("/old", 302, f"{mount}/"), ("/folder", 308, f"{HOST}{mount}/folder/")]:
        answer = contract.client.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (status, location)
    assert contract.client.get("/old", follow_redirects=True).text == "hello"
    assert contract.client.get("/folder", follow_redirects=True).text == "folder"


@each_way()
def test_error_pages(contract: Contract) -> None:
    for method, path, status, title in [
        ("GET", "/missing", 404, "Not Found"),
        ("GET", "/fail", 500, "Internal Server Error"),
        ("PUT", "/json", 405, "Method Not Allowed"),
        ("POST", "/json", 415, "Unsupported Media Type"),
    ]:
        answer = contract.client.request(method, path)
        assert (answer.status_code, f"<h1>{title}</h1>" in answer.text) == (status, True)
        assert answer.headers["content-length"] == str(len(answer.content))


@each_way()
def test_an_error_in_a_test_reaches_the_test(contract: Contract) -> None:
    contract.app.testing = True
    with pytest.raises(LookupError, match="on purpose"):
        contract.client.get("/fail")
    assert contract.client.get("/").text == "hello"


@each_way()
def test_paths_and_urls(contract: Contract) -> None:
    mount = contract.way.mount
    answer = contract.client.get("/where/a%20b?a=1&a=%C3%BC")
    assert answer.json() == {
        "name": "a b",
        "root": mount,
        "path": "/where/a b",
        "url": f"{HOST}{mount}/where/a%20b?a=1&a=ü",
        "next": f"{mount}/where/b%20c?page=2",
        "absolute": f"{HOST}{mount}/",
        "args": ["1", "ü"],
    }
    assert contract.client.get(HOST + mount, follow_redirects=True).text == "hello"
    assert contract.client.get(f"{HOST}{mount}/x").status_code == 404


@each_way(a2wsgi_to_wsgi="It passes the client's address on only beside a REMOTE_PORT, which httpx leaves out.")
def test_the_clients_address(contract: Contract) -> None:
    known = "testclient" if isinstance(contract.client, TestClient) else "127.0.0.1"
    assert contract.client.get("/client").json() == {"address": known}


HTTPX = "httpx's WSGITransport puts the decoded path into PATH_INFO, not its bytes (PEP 3333)."


@each_way(httpx_wsgi=HTTPX, webtest_lint=HTTPX, in_werkzeug=HTTPX, a2wsgi_to_wsgi=HTTPX)
def test_a_path_beyond_ascii(contract: Contract) -> None:
    assert contract.client.get("/where/%C3%BC%E2%86%92").json()["name"] == "ü→"


@each_way()
def test_nested_crossings(contract: Contract) -> None:
    path = f"/nested/{contract.colour}"
    assert contract.client.get(path).text == f"{path} nested"


@each_way(only=lambda way: way.keeps_loop)
def test_startup_is_run_once(contract: Contract) -> None:
    assert contract.seen == ["started"] * contract.way.has_lifespan
    for _ in range(3):
        contract.client.get("/")
    assert contract.seen.count("started") == 1


@each_way(only=lambda way: way.keeps_loop)
def test_background_tasks(contract: Contract) -> None:
    assert contract.client.post("/later").status_code == 202
    wait_for(lambda: "done" in contract.seen)


@each_way()
def test_the_app_itself_instead_of_an_entry(contract: Contract) -> None:
    with contract.way.opens(contract.app) as client:
        assert client.get("/").text == "hello"
        assert client.post("/json", json=[1]).json() == {"got": [1]}


@both_colours
@pytest.mark.parametrize("name", [name for name, way in WAYS.items() if way.has_lifespan])
def test_each_life_of_a_client_is_one_of_the_app(name: str, colour: str) -> None:
    contract = Contract(name, colour)
    for _ in range(2):
        with contract.opened() as client:
            client.get("/")
    assert contract.seen == ["started", "torn down", "stopped"] * 2


@both_colours
@pytest.mark.parametrize("name", WAYS)
def test_a_startup_that_fails(name: str, colour: str, caplog: pytest.LogCaptureFixture) -> None:
    contract, entered = Contract(name, colour), False

    def fails(app: DualApp) -> None:
        @app.before_serving
        async def connect():
            raise LookupError("no database")

    Serve("", colour).paint(fails)(contract.app)
    failure = pytest.RaisesExc(RuntimeError, match="connect failed: LookupError")
    # hypercorn's dispatcher raises a group of groups.
    with pytest.RaisesGroup(failure, allow_unwrapped=True, flatten_subgroups=True), contract.opened() as client:
        entered = True
        client.get("/")
    assert entered is not contract.way.has_lifespan  # Starlette's test client enters its block unless the app raises
    assert "Startup failed in" in caplog.text


@both_colours
def test_an_outer_app_starts_and_stops_the_app_that_it_mounts(colour: str) -> None:
    """Starlette's and FastAPI's mounts pass no lifespan messages on."""
    contract = Contract("in_fastapi", colour)

    @asynccontextmanager
    async def lifespan(outer: FastAPI) -> AsyncIterator[None]:
        await contract.app.startup()
        yield
        await contract.app.shutdown()

    with TestClient(FastAPI(lifespan=lifespan, routes=[Mount("/below", contract.app)])) as client:
        assert contract.seen == ["started"]
        assert client.get("/below/").text == "hello"
    assert contract.seen == ["started", "torn down", "stopped"]


@both_colours
def test_an_app_that_is_mounted_in_three_ways_starts_once(colour: str) -> None:
    contract = Contract("in_starlette", colour)
    app = contract.app
    routes = [Mount("/asgi", app), Mount("/a2wsgi", WSGIMiddleware(app.wsgi)), Mount("/asgiref", WsgiToAsgi(app.wsgi))]
    with TestClient(Starlette(routes=routes)) as client:
        for path in ("/a2wsgi/", "/asgi/", "/asgiref/", "/a2wsgi/", "/asgi/", "/asgiref/"):
            assert client.get(path).text == "hello"
    assert contract.seen == ["started", *["torn down"] * 6]


@both_colours
@pytest.mark.parametrize("adapt", [lambda app: app, WSGIMiddleware, WsgiToAsgi], ids=["asgi", "a2wsgi", "asgiref"])
def test_many_requests_at_once(adapt: Any, colour: str) -> None:
    transport = httpx.ASGITransport(adapt(Contract("httpx_asgi", colour).app))

    async def ask() -> set[str]:
        async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
            paths = ["/", f"/nested/{colour}"] * 20
            return {answer.text for answer in await asyncio.gather(*map(client.get, paths))}

    assert LOOP.run(ask()) == {"hello", f"/nested/{colour} nested"}


@both_colours
def test_a_request_that_is_cancelled(colour: str) -> None:
    """As by `asyncio.timeout`. A view in `async def` ends; one in a thread goes on, and its request ends with it."""
    contract = Contract("httpx_asgi", colour)

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(contract.app), base_url=HOST) as client:
            asked = asyncio.create_task(client.get("/slow"))
            while "waiting" not in contract.seen:
                await asyncio.sleep(0.001)
            asked.cancel()
            if colour == "def":
                contract.seen.append("left")
            with pytest.raises(asyncio.CancelledError):
                await asked

    LOOP.run(ask())
    wait_for(lambda: "torn down" in contract.seen)


@both_colours
@pytest.mark.parametrize(
    "client",
    [
        lambda app: httpx.Client(transport=httpx.WSGITransport(app.wsgi, script_name="/below"), base_url=HOST),
        lambda app: httpx.Client(transport=Awaiting(httpx.ASGITransport(app, root_path="/below")), base_url=HOST),
        lambda app: TestClient(app, root_path="/below", base_url=HOST),
    ],
    ids=["httpx_wsgi", "httpx_asgi", "starlette"],
)
def test_a_client_that_says_where_the_app_is_mounted(client: Any, colour: str) -> None:
    """Their paths do not begin with it: so ask proxies that take it off."""
    with client(Contract("httpx_wsgi", colour).app) as opened:
        answer = opened.get("/where/a").json()
    assert (answer["root"], answer["path"], answer["url"]) == ("/below", "/where/a", f"{HOST}/below/where/a")
