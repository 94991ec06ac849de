"""Headers of a request, where a shorter way than Werkzeug's has to lead to the same."""

from __future__ import annotations

import subprocess
import sys

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import EnvironHeaders
from werkzeug.sansio.request import Request as BaseRequest
from werkzeug.test import create_environ

from dualapp import DualApp, Request, request
from dualapp.exchange.asgi_exchange import ASGIExchange
from dualapp.exchange.wsgi_exchange import WSGIExchange
from dualapp.wrappers import async_request
from dualapp.wrappers.faces import SAME_ON_BOTH_FACES

from ..conftest import Serve
from ..support.waiting import LIMIT

NAMES = ["a", "a-b", "A_B", "X-Token", "HOST", "content-type", "Content_Length", "cookie", "x-\xdf", "x-none", ""]


def scope_with(headers: list[tuple[bytes, bytes]], query: bytes = b"") -> dict[str, object]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/",
        "query_string": query,
        "headers": headers,
    }


async def receive() -> dict[str, object]:
    return {"type": "http.disconnect"}


FIELD = st.tuples(
    st.sampled_from([b"a", b"a-b", b"a_b", b"x-token", b"host", b"content-type", b"content-length", b"cookie"]),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=5).map(lambda s: s.encode("latin-1")),
)


@given(st.lists(FIELD, max_size=5), st.lists(st.sampled_from(NAMES), max_size=4), st.booleans())
def test_headers_are_werkzeugs(fields: list[tuple[bytes, bytes]], names: list[str], is_changed: bool) -> None:
    exchange = ASGIExchange(scope_with(fields), receive, None)
    asked = Request.of({"_exchange": exchange})
    expected = EnvironHeaders(exchange.fields)
    if is_changed:
        asked.environ["HTTP_A"] = "changed"
        expected.environ = asked.environ
    for name in names:
        assert asked.headers.get(name) == expected.get(name)
        assert asked.headers.get(name, 7, type=int) == expected.get(name, 7, type=int)
        assert (name in asked.headers) == (name in expected)
        assert asked.headers.getlist(name) == expected.getlist(name)
    assert isinstance(asked.headers, EnvironHeaders)
    assert [*asked.headers] == [*expected]
    assert (len(asked.headers), str(asked.headers), repr(asked.headers)) == (
        len(expected),
        str(expected),
        repr(expected),
    )
    assert asked.headers == expected


@pytest.mark.parametrize("key", ["X-Nobody", 7, b"x-token"])
def test_headers_that_are_not_there_fail_as_werkzeugs(key: object) -> None:
    exchange = ASGIExchange(scope_with([(b"x-token", b"secret")]), receive, None)
    raised = []
    for headers in (exchange.headers, EnvironHeaders(exchange.fields)):
        with pytest.raises(KeyError) as caught:
            headers[key]  # type: ignore[index]  # that is what is tested
        raised.append((caught.type, caught.value.args))
    assert raised[0] == raised[1]


def test_headers_of_a_changed_environ(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            before = request.headers["X-Token"]
            request.environ["HTTP_X_TOKEN"] = "changed"
            request.environ["HTTP_X_NEW"] = "new"
            return [before, request.headers["x_token"], request.headers["X-New"], request.headers.get("X-None")]

    assert serve(build).get("/", [("X-Token", "sent")]).json() == ["sent", "changed", "new", None]


def test_headers_of_a_changed_environ_of_their_own(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            before = request.headers["X-Token"]
            request.headers.environ["HTTP_X_TOKEN"] = "changed"
            return [before, request.headers["X-Token"], "X-Token" in request.headers]

    assert serve(build).get("/", [("X-Token", "sent")]).json() == ["sent", "changed", True]


def test_both_faces_have_what_they_say_alike_of_one_class() -> None:
    """`dualapp.request` asks the sync face for it, whatever the colour."""
    made_late = {
        "args",
        "cookies",
        "method",
        "scheme",
        "server",
        "root_path",
        "path",
        "query_string",
        "headers",
        "mimetype",
    }
    for name in SAME_ON_BOTH_FACES - made_late - {"remote_addr"}:
        for face in (Request, async_request.Request):
            owner = next(cls for cls in face.__mro__ if name in vars(cls))
            assert owner is BaseRequest, (name, owner)
    for name in made_late:  # which only the sync face has, or which the async one has of Werkzeug
        assert getattr(async_request.Request, name, None) is getattr(BaseRequest, name, None)


def test_a_context_of_flasks_own() -> None:
    with flask.Flask("x").test_request_context("/?a=1", headers={"X-Token": "secret"}):
        assert (request.args["a"], request.headers["X-Token"]) == ("1", "secret")


def test_both_entries_say_the_same_of_headers() -> None:
    sent = [("host", "h"), ("x-token", "secret"), ("accept", "*/*")]
    environ = create_environ(headers=sent)
    asgi = ASGIExchange(scope_with([(name.encode(), value.encode()) for name, value in sent]), receive, None)
    assert dict(asgi.headers) == dict(WSGIExchange(environ).headers)


def test_the_head_of_a_request_takes_no_quart() -> None:
    """Neither in a coroutine."""
    code = """
import asyncio, sys
from dualapp import DualApp, request
app = DualApp("x")
@app.get("/")
async def index():
    return [request.args["a"], request.headers["Host"], request.path]
async def ask():
    async def send(message): sent.append(message)
    async def receive(): await asyncio.Event().wait()
    headers = [(b"host", b"h")]
    await app({"type": "http", "http_version": "1.1", "method": "GET", "path": "/", "query_string": b"a=1",
               "headers": headers}, receive, send)
sent = []
asyncio.run(ask())
assert b'"1","h","/"' in sent[1]["body"], sent
assert "quart" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=LIMIT)


def test_an_empty_cookie_header_beside_another_leaves_no_space(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return repr(request.headers["Cookie"])

    assert serve(build).get("/", [("Cookie", "a=1"), ("Cookie", "")]).text == "'a=1;'"
