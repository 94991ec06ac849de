"""The query string and its arguments, where a shorter way than Werkzeug's has to lead to the same."""

from __future__ import annotations

import flask
import pytest
import quart
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import ImmutableDict, ImmutableMultiDict
from werkzeug.test import create_environ

from dualapp import DualApp, Request, request
from dualapp.entries.asgi import ASGIExchange

from ..conftest import Serve
from .test_headers import receive, scope_with


@given(st.text("ab=&+%42;#?/ü~", max_size=30) | st.text(st.characters(exclude_categories=["Cs"]), max_size=10))
def test_arguments_are_werkzeugs(text: str) -> None:
    query = text.encode()
    expected = flask.Request({**create_environ(), "QUERY_STRING": query.decode("latin-1")}).args
    args = Request.of({"_exchange": ASGIExchange(scope_with([], query), receive, None)}).args
    assert type(args) is type(expected)
    assert [*args.lists()] == [*expected.lists()]
    assert [*args.items(multi=True)] == [*expected.items(multi=True)]
    assert (args, hash(args), repr(args), vars(args)) == (expected, hash(expected), repr(expected), vars(expected))


def test_a_query_string_that_is_no_utf8_is_werkzeugs() -> None:
    with pytest.raises(UnicodeDecodeError):
        _ = Request.of({"_exchange": ASGIExchange(scope_with([], b"a=\xff"), receive, None)}).args
    with pytest.raises(UnicodeDecodeError):
        _ = flask.Request({**create_environ(), "QUERY_STRING": "a=\xff"}).args


def test_arguments_in_a_class_of_the_users(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        class Own(app.request_class):  # type: ignore[name-defined, misc]
            parameter_storage_class = ImmutableDict

        app.request_class = Own

        @app.get("/")
        def index():
            return {"type": type(request.args).__name__, "args": request.args}

    assert serve(build).get("/?a=1&a=2").json() == {"type": "ImmutableDict", "args": {"a": "2"}}


def parts(app: DualApp) -> None:
    @app.before_request
    async def look():
        if "hooked" in request.args:
            request.headers.get("X-Token")

    @app.get("/")
    def index():
        early = request.args, request.headers
        seen = [ascii(request.args.get("q")), request.headers.get("X-Token"), "X-None" in request.headers]
        request.environ["HTTP_X_TOKEN"] = "changed"  # makes the request object
        return {
            "seen": seen,
            "types": [type(part).__name__ for part in early],
            "are_kept": [request.args is early[0], request.headers is early[1], flask.request.args is early[0]],
            "follows": request.headers["x_token"],
            "all": sorted(request.headers.keys()),
        }

    @app.get("/missing")
    def missing():
        return {"value": request.args["none"], "token": request.headers["X-None"]}

    @app.get("/late")
    def late():
        return {"method": request.method, "q": ascii(request.args.get("q")), "token": request.headers.get("X-Token")}


@pytest.mark.parametrize("query", ["", "?q=1", "?q=1&q=2&hooked=", "?q=%C3%BC&hooked", "?q=a+b", "?&&=&q"])
@pytest.mark.parametrize("path", ["/", "/missing", "/late"])
def test_what_is_read_before_there_is_a_request_object_is_kept_for_it(serve: Serve, path: str, query: str) -> None:
    client = serve(parts)
    for headers in ([], [("X-Token", "secret")], [("X-Token", "a"), ("x-token", "b")]):
        answer = client.get(path + query, headers)  # `serve` compares it with Flask's answer
        if path == "/":
            assert answer.json()["are_kept"] == [True, True, True]
            assert answer.json()["follows"] == "changed"


def test_arguments_of_another_query_string(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.before_request
        async def rewrite():
            request.query_string = b"a=2"

        @app.get("/")
        async def index():
            return {**request.args, "is multi": isinstance(request.args, ImmutableMultiDict)}

    assert serve(build).get("/?a=1").json() == {"a": "2", "is multi": True}


@pytest.mark.parametrize("base", [flask.Request, quart.Request])
def test_a_class_of_the_users_has_its_own_say(serve: Serve, base: type) -> None:
    """It is asked by the code of its framework, through each door."""

    class Own(base):  # type: ignore[misc]
        @property
        def args(self):
            return {"a": "own"}

    def build(app: DualApp) -> None:
        app.request_class = Own

        @app.get("/async")
        async def async_view():
            return {"dualapp": request.args["a"], "quart": quart.request.args["a"], "flask": flask.request.args["a"]}

        @app.get("/sync")
        def sync_view():
            return {"dualapp": request.args["a"], "quart": quart.request.args["a"], "flask": flask.request.args["a"]}

    client = serve(build, twin=False)
    of_flask, of_quart = ("own", "sent") if base is flask.Request else ("sent", "own")
    assert client.get("/sync?a=sent").json() == {"dualapp": of_flask, "quart": of_quart, "flask": of_flask}
    if serve.is_async:
        assert client.get("/async?a=sent").json() == {"dualapp": of_quart, "quart": of_quart, "flask": of_flask}
