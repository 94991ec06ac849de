"""What a view may return, and what becomes of it."""

from __future__ import annotations

import json
import re
from typing import Any

import flask
import pytest

from dualapp import DualApp, Response, jsonify, make_response, stream_with_context

from ..conftest import Serve


def test_a_dict_is_json_with_its_length(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return {"hello": "wörld"}

    answer = serve(build).get("/")
    assert (answer.status, answer.header("content-type")) == (200, "application/json")
    assert json.loads(answer.body) == {"hello": "wörld"}
    assert answer.header("content-length") == str(len(answer.body))


def test_any_other_path_is_a_404_page(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return {}

    answer = serve(build).get("/elsewhere")
    assert (answer.status, answer.header("content-type")) == (404, "text/html; charset=utf-8")
    assert "<title>404 Not Found</title>" in answer.text


def values(app: DualApp) -> None:
    @app.get("/str")
    async def text():
        return "tëxt"

    @app.get("/empty")
    async def empty():
        return ""

    @app.get("/bytes")
    async def raw():
        return b"\x00\xff"

    @app.get("/list")
    async def listed():
        return [1, {"two": 2}]

    @app.get("/response")
    async def response():
        return Response("made", status=202, mimetype="text/plain", headers={"X-Own": "1"})

    @app.get("/status")
    async def status():
        return "created", 201

    @app.get("/status-text")
    async def status_text():
        return "tea", "418 I'M A TEAPOT"

    @app.get("/headers")
    async def headers():
        return "x", {"X-One": "1"}

    @app.get("/header-list")
    async def header_list():
        return "x", [("X-Two", "1"), ("X-Two", "2")]

    @app.get("/all-three")
    async def all_three():
        return {"ok": False}, 409, {"X-Three": "3", "Content-Type": "application/problem+json"}

    @app.get("/response-status")
    async def response_status():
        return jsonify(a=1), 203, {"X-Over": "1"}

    @app.get("/generator")
    async def generator():
        async def words():
            yield "one "
            yield "two"

        return words()

    @app.get("/byte-generator")
    async def byte_generator():
        async def words():
            yield b"one "
            yield b"two"

        return words(), 202, {"Content-Type": "text/plain"}

    @app.get("/response-of-generator")
    async def response_of_generator():
        async def words():
            yield "one "
            yield "two"

        return Response(words(), mimetype="text/csv")


RETURNS: list[tuple[str, int, str, bytes, dict[str, str]]] = [
    ("/str", 200, "text/html; charset=utf-8", "tëxt".encode(), {"content-length": "5"}),
    ("/empty", 200, "text/html; charset=utf-8", b"", {"content-length": "0"}),
    ("/bytes", 200, "text/html; charset=utf-8", b"\x00\xff", {"content-length": "2"}),
    ("/list", 200, "application/json", b'[1,{"two":2}]\n', {}),
    ("/response", 202, "text/plain; charset=utf-8", b"made", {"x-own": "1"}),
    ("/status", 201, "text/html; charset=utf-8", b"created", {}),
    ("/status-text", 418, "text/html; charset=utf-8", b"tea", {}),
    ("/headers", 200, "text/html; charset=utf-8", b"x", {"x-one": "1"}),
    ("/all-three", 409, "application/problem+json", b'{"ok":false}\n', {"x-three": "3"}),
    ("/response-status", 203, "application/json", b'{"a":1}\n', {"x-over": "1"}),
    ("/generator", 200, "text/html; charset=utf-8", b"one two", {}),
    ("/byte-generator", 202, "text/plain", b"one two", {}),
    ("/response-of-generator", 200, "text/csv; charset=utf-8", b"one two", {}),
]


@pytest.mark.parametrize(("path", "status", "mimetype", "body", "headers"), RETURNS, ids=[row[0] for row in RETURNS])
def test_a_view_may_return(
    serve: Serve, path: str, status: int, mimetype: str, body: bytes, headers: dict[str, str]
) -> None:
    answer = serve.shared(values).get(path)
    assert (answer.status, answer.header("content-type"), answer.body) == (status, mimetype, body)
    assert {name: answer.header(name) for name in headers} == headers


def test_a_bytearray_leaves_as_bytes(serve: Serve) -> None:
    """Flask hands it on as it is, and gunicorn refuses what is not bytes."""

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return bytearray(b"ab")

    answer = serve(build, twin=False).get("/")
    assert (answer.body, answer.header("content-length")) == (b"ab", "2")


def test_header_lists_keep_repeated_headers(serve: Serve) -> None:
    assert serve(values).get("/header-list").all("x-two") == ["1", "2"]


def test_a_stream_goes_out_in_chunks_without_a_length(serve: Serve) -> None:
    answer = serve(values).get("/generator")
    assert answer.chunks == [b"one ", b"two"]
    assert answer.header("content-length") is None


def test_a_stream_may_use_the_request(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        from dualapp import request

        @app.get("/<name>")
        async def index(name):
            @stream_with_context
            async def words():
                yield request.path
                yield request.args["q"]

            return words()

    assert serve(build).get("/stream?q=1").chunks == [b"/stream", b"1"]


def test_yaml_helper(serve: Serve) -> None:
    """Row 12: a helper that returns text, status and a content type."""

    def build(app: DualApp) -> None:
        def to_yaml(data: dict[str, Any], status: int = 200) -> Any:
            lines = "".join(f"{key}: {value}\n" for key, value in data.items())
            return lines, status, {"Content-Type": "application/x-yaml"}

        @app.get("/")
        async def index():
            return to_yaml({"name": "dual"}, 201)

    answer = serve(build).get("/")
    assert (answer.status, answer.header("content-type"), answer.text) == (201, "application/x-yaml", "name: dual\n")


def test_jsonify_makes_a_response_that_prints_itself(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            response = jsonify(hello="world")
            data = await response.get_data()
            loaded = await response.get_json()
            return {"print": str(response), "data": data.decode(), "json": loaded, "is": isinstance(response, Response)}

    answer = serve(build, twin=False).get("/").json()
    assert re.fullmatch(r"<Response \d+ bytes \[200 OK\]>", answer["print"])
    assert json.loads(answer["data"]) == answer["json"] == {"hello": "world"}
    assert answer["is"]


def test_jsonify_takes_what_flask_takes(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        import datetime
        import decimal
        import uuid

        @app.get("/list")
        async def listed():
            return jsonify(1, 2, "three")

        @app.get("/none")
        async def none():
            return jsonify(None)

        @app.get("/types")
        async def types():
            return jsonify(
                day=datetime.date(2020, 2, 3), money=decimal.Decimal("1.5"), id=uuid.UUID(int=7), o="<ü>", a=[(1, 2)]
            )

    client = serve(build)
    assert client.get("/list").json() == [1, 2, "three"]
    assert client.get("/none").json() is None
    assert client.get("/types").json()["day"] == "Mon, 03 Feb 2020 00:00:00 GMT"


def test_make_response_follows_the_colour(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            response = await make_response({"a": 1}, 202)
            response.headers["X-Made"] = "yes"
            response.set_cookie("seen", "1", httponly=True)
            return response

        @app.get("/app")
        async def by_app():
            response = await app.make_response(("text", 203))
            response.headers["X-Made"] = "app"
            return response

    client = serve(build)
    answer = client.get("/")
    assert (answer.status, answer.json(), answer.header("x-made")) == (202, {"a": 1}, "yes")
    assert answer.header("set-cookie") == "seen=1; HttpOnly; Path=/"
    assert (client.get("/app").status, client.get("/app").header("x-made")) == (203, "app")


def test_a_response_may_be_awaited(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return await Response("x")

    # A plain Flask response cannot be awaited, nor needs to be: the twin just returns it.
    assert serve(build).get("/").text == "x"


def test_a_wsgi_app_as_return_value(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        from werkzeug.exceptions import ImATeapot
        from werkzeug.wrappers import Response as WerkzeugResponse

        @app.get("/werkzeug")
        async def werkzeug():
            return WerkzeugResponse("plain", status=201, headers={"X-W": "1"})

        @app.get("/exception")
        async def exception():
            return ImATeapot()

    client = serve(build)
    assert client.get("/werkzeug").header("x-w") == "1"
    assert client.get("/exception").status == 418


def test_own_response_class_and_json_provider(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        class Plain(app.response_class):  # type: ignore[name-defined, misc]
            default_mimetype = "text/plain"

        app.response_class = Plain
        app.json.sort_keys = False  # type: ignore[attr-defined]
        app.json.compact = False  # type: ignore[attr-defined]

        @app.get("/text")
        async def text():
            return "x"

        @app.get("/json")
        async def data():
            return {"z": 1, "a": [2]}

    client = serve(build)
    assert client.get("/text").header("content-type") == "text/plain; charset=utf-8"
    assert client.get("/json").text == '{\n  "z": 1,\n  "a": [\n    2\n  ]\n}\n'


class Marked(flask.Response):
    """A response of Flask's that sends one more header than it has."""

    def get_wsgi_headers(self, environ: Any) -> Any:
        headers = super().get_wsgi_headers(environ)
        headers["X-Mark"] = "1"
        return headers


class Calling(flask.Response):
    """A response that answers in its own way, as Flask-Sock's."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        start_response("299 Called", [("Content-Length", "0")])
        return []


def test_a_view_may_return_a_response_of_its_own_class(serve: Serve) -> None:
    left = []

    def build(app: DualApp) -> None:
        if isinstance(app, DualApp):
            app.response_class = Response  # Flask, too, replaces the class where the app has one of its own

        @app.get("/marked")
        async def marked():
            return Marked("marked")

        @app.get("/calling")
        async def calling():
            return Calling("as messages")

        @app.teardown_request
        async def leave(error: Any) -> None:
            left.append(error)

    client = serve(build)
    answer = client.get("/marked")
    assert (answer.text, answer.header("X-Mark")) == ("marked", "1")
    if client.entry == "wsgi":  # a class that is called is made for WSGI
        assert (client.get("/calling").status, client.get("/calling").text) == (299, "")
        assert left.count(None) == len(left)
        assert left


@pytest.mark.parametrize("status", [200, 201, 204, 205, 206, 304, 404, 416, 500])
def test_headers_of_a_value_for_each_status(serve: Serve, status: int) -> None:
    sent = {"X-Own": "1", "ETag": '"a"', "Allow": "GET", "Last-Modified": "Thu, 01 Jan 1970 00:00:00 GMT"}

    def build(app: DualApp) -> None:
        @app.get("/<int:status>")
        async def value(status):
            return {"a": 1}, status, sent

    answer = serve(build).get(f"/{status}")
    assert (answer.status, answer.header("x-own"), answer.header("etag")) == (status, "1", '"a"')
    assert (answer.header("content-type") is None) == (status == 304)


@pytest.mark.parametrize("name", ["dumps", "response"])
def test_a_provider_may_be_given_a_function_at_any_time(serve: Serve, name: str) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return {"a": 1}

        @app.get("/give")
        async def give():
            setattr(app.json, name, lambda *args, **kwargs: "given" if name == "dumps" else app.response_class("given"))
            return "done"

    client = serve(build)
    assert client.get("/").json() == {"a": 1}
    client.get("/give")
    assert client.get("/").text.strip() == "given"
