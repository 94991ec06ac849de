"""What code that was written for `quart.Response` takes for granted of a response."""

from __future__ import annotations

import asyncio
import builtins
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask
import pytest
import quart
import werkzeug
from werkzeug.exceptions import HTTPException, ImATeapot

import dualapp
from dualapp import DualApp, Response, jsonify, make_response, redirect, request, send_file, send_from_directory
from tests.conftest import Serve

DIGITS = b"0123456789"
CONDITIONS = {
    "whole": ("GET", []),
    "head": ("HEAD", []),
    "range": ("GET", [("Range", "bytes=2-5")]),
    "unchanged": ("GET", [("If-None-Match", "*")]),
}


# A response is one of Quart's.


def kinds_of_responses(app: DualApp) -> None:
    def wsgi(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"wsgi"]

    class Teapot(HTTPException):
        code = 418

        def get_body(self, *args: Any) -> str:
            return "teapot"

    async def async_chunks():
        yield "chunk"

    values: dict[str, Callable[[], Any]] = {
        "text": lambda: "text",
        "bytes": lambda: b"bytes",
        "dict": lambda: {"a": 1},
        "tuple": lambda: ("text", 201, {"X-A": "b"}),
        "generator": lambda: (chunk for chunk in "chunk"),
        "async generator": async_chunks,
        "werkzeug": lambda: (werkzeug.Response("werkzeug"), 201),
        "flask": lambda: flask.Response("flask"),
        "quart": lambda: (quart.Response("quart"), 201),
        "wsgi": lambda: wsgi,
        "error": lambda: Teapot(),
        "json": lambda: jsonify(a=1),
        "redirect": lambda: redirect("/text"),
        "file": lambda: send_file(io.BytesIO(DIGITS), "text/plain"),
        "directory": lambda: send_from_directory(app.static_folder, "hello.txt"),
        "static": lambda: app.send_static_file("hello.txt"),
        "flask's json": lambda: flask.jsonify(a=1),
        "quart's json": lambda: quart.jsonify(a=1),
        "quart's redirect": lambda: quart.redirect("/text"),
        "flask's file": lambda: flask.send_file(io.BytesIO(DIGITS), "text/plain"),
    }

    @app.get("/<kind>")
    async def index(kind):
        if kind == "failing":
            raise ZeroDivisionError
        return values[kind]() if kind in values else flask.abort(409)

    @app.get("/made/<kind>")
    async def made(kind):
        response = await make_response(values[kind]())
        response.close()
        return {"is quart's": isinstance(response, quart.Response), "is flask's": isinstance(response, flask.Response)}

    @app.after_request
    async def tell(response):
        response.headers["X-Is"] = f"{isinstance(response, quart.Response)} {isinstance(response, flask.Response)}"
        return response

    app.extensions["kinds"] = [*values, "failing", "conflict", "static/hello.txt", "no/such"]
    app.extensions["made"] = values


@pytest.mark.usefixtures("without_log")
def test_responses_are_quarts_and_flasks(serve: Serve) -> None:
    client = serve(kinds_of_responses, twin=False)
    for kind in client.app.extensions["kinds"]:
        assert client.get("/" + kind.replace(" ", "%20")).header("x-is") == "True True", kind
    for kind in client.app.extensions["made"]:
        assert client.get("/made/" + kind.replace(" ", "%20")).json() == {"is quart's": True, "is flask's": True}, kind


def test_responses_of_the_test_client_are_quarts(serve: Serve) -> None:
    app = serve(kinds_of_responses, twin=False).app

    async def ask() -> None:
        response = await app.test_client().get("/text")
        assert isinstance(response, quart.Response)
        assert isinstance(response, flask.Response)
        assert await response.get_data() == b"text"

    serve.call(ask)


def test_classes_of_quarts_may_be_extended_with_ours(serve: Serve) -> None:
    """In a class made of both, Quart's methods come after Flask's, or its constructor would make a second body."""

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            response = type("Own", (Response, quart.Response), {"default_mimetype": "text/own"})("own")
            return [await response.get_data(as_text=True), response.mimetype, len(response.response)]

    assert serve(build, twin=False).get("/").json() == ["own", "text/own", 1]


@pytest.mark.parametrize("cls", [flask.Response, quart.Response])
def test_the_framework_s_own_class_is_ours(cls: type) -> None:
    app = DualApp("app")
    app.response_class = cls
    assert app.response_class is Response


# Its body is one of Quart's too, whatever it is.


def bodies(app: DualApp) -> None:
    (path,) = Path(app.static_folder or "").glob("hello.txt")

    async def async_chunks():
        yield "0123"
        yield b"456789"

    makers: dict[str, Callable[[], Any]] = {
        "bytes": lambda: Response(DIGITS),
        "nothing": Response,
        "list": lambda: Response([b"0123", b"456789"]),
        "generator": lambda: Response(chunk for chunk in ("0123", b"456789")),
        "async": lambda: Response(async_chunks()),
        "own": lambda: Response(OwnIterable()),
        "file": lambda: send_file(path),
        "memory": lambda: send_file(io.BytesIO(DIGITS), "text/plain"),
        "path body": lambda: Response(Response.file_body_class(path)),
        "memory body": lambda: Response(Response.io_body_class(io.BytesIO(DIGITS))),
        "data body": lambda: Response(Response.data_body_class(DIGITS)),
        "iterable body": lambda: Response(Response.iterable_body_class([b"0123", b"456789"])),
        "redirect": lambda: redirect("/elsewhere"),
        "quart": lambda: app.make_response(quart.Response(DIGITS)),
    }
    app.extensions["bodies"] = makers

    @app.get("/<kind>/<way>")
    async def index(kind, way):
        flask.g.way = way
        return makers[kind]()

    @app.after_request
    async def async_read(response):
        read = []
        if flask.g.way == "encoded":
            async for chunk in response.iter_encode():
                read.append(chunk)
        elif flask.g.way == "for":
            async for chunk in response.response:
                read.append(chunk.encode() if isinstance(chunk, str) else chunk)
        else:
            async with response.response as body:
                async for chunk in body:
                    read.append(chunk.encode() if isinstance(chunk, str) else chunk)
        response.headers["X-Read"] = b"".join(read)[:9].decode()
        return response


class OwnIterable:
    """An async iterable that is no iterator, and cannot be closed."""

    async def __aiter__(self):  # type: ignore[no-untyped-def]
        yield b"0123"
        yield "456789"


@pytest.mark.parametrize("way", ["encoded", "for", "with"])
def test_bodies_are_read_as_quarts(serve: Serve, way: str) -> None:
    client = serve(bodies, twin=False)
    expected = {"nothing": "", "redirect": "<!doctype"}
    for kind in client.app.extensions["bodies"]:
        if (kind, way) != ("quart", "for"):
            answer = client.get(f"/{kind}/{way}".replace(" ", "%20"))
            assert answer.header("x-read") == expected.get(kind, "012345678"), (kind, answer)
            # What can be read again in Quart is still sent; the rest was read.
            is_read_up = kind in ("generator", "async", "iterable body")
            assert answer.text[:9] == ("" if is_read_up else expected.get(kind, "012345678")), kind


def test_bodies_in_async_code_are_flasks_too(serve: Serve) -> None:
    """Code that was written for Flask goes on when its hook becomes `async def`."""

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return "0123"

        @app.after_request
        async def mend(response):
            body = response.response
            assert isinstance(body, list)
            assert (len(body), body[0], list(body), body == [b"0123"]) == (1, b"0123", [b"0123"], True)
            body.append(b"45")
            response.response = body
            response.response = [b"<", *response.response]
            response.response = (chunk + b">" for chunk in response.response)
            response.response = list(response.response)
            del response.headers["Content-Length"]
            return response

    answer = serve(build).get("/")
    assert (answer.text, answer.header("content-length")) == ("<>0123>45>", "10")


def test_a_body_may_be_wrapped(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/<kind>")
        async def index(kind):
            if kind == "file":
                return await send_file(Path(app.static_folder) / "hello.txt")
            return (word for word in ("one", "two"))

        @app.after_request
        async def async_shout(response):
            old = response.response

            async def async_chunks():
                async with old as body:
                    async for chunk in body:
                        yield (chunk.decode() if isinstance(chunk, bytes) else chunk).upper() + "!"

            response.response = async_chunks()
            response.direct_passthrough = False
            response.headers.pop("Content-Length", None)
            return response

    client = serve(build, twin=False)
    assert client.get("/generator").text == "ONE!TWO!"
    assert client.get("/file").text.startswith("0123456789")


def test_a_body_that_is_left_early_is_closed(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.extensions["closed"] = []

        async def async_chunks():
            try:
                yield b"one"
                yield b"two"
            finally:
                app.extensions["closed"].append("async")

        def sync_chunks():
            try:
                yield b"one"
                yield b"two"
            finally:
                app.extensions["closed"].append("sync")

        @app.get("/")
        async def async_index():
            for chunks in (sync_chunks, async_chunks):
                async with (await make_response(chunks())).response as body:
                    async for chunk in body:
                        assert chunk == b"one"
                        break
            return app.extensions["closed"]

    assert serve(build, twin=False).get("/").json() == ["sync", "async"]


# Its methods, on bodies of each colour.


def methods(app: DualApp) -> None:
    async def async_chunks():
        yield "0123"
        yield b"456789"

    def sync_chunks():
        yield "0123"
        yield b"456789"

    @app.get("/<colour>/<method>")
    async def index(colour, method):
        response = await make_response(async_chunks() if colour == "async" else sync_chunks())
        if method == "make_sequence":
            await response.make_sequence()
        if method == "freeze":
            await response.freeze()
        if method == "add_etag":
            await response.add_etag()
            assert await response.add_etag() is response
        if method in ("make_conditional", "with length"):
            response.set_etag("tag")
            if method == "with length":
                response.content_length = 10
            assert await response.make_conditional(request, accept_ranges=True, complete_length=10) is response
        if method == "get_json":
            assert await response.get_json(force=True) == 123456789
        return response


@pytest.mark.parametrize(
    "method", ["make_sequence", "freeze", "add_etag", "make_conditional", "with length", "get_data"]
)
@pytest.mark.parametrize("headers", [[], [("Range", "bytes=2-5")], [("If-None-Match", '"tag"')]])
def test_methods_do_the_same_on_bodies_of_both_colours(
    serve: Serve, method: str, headers: list[tuple[str, str]]
) -> None:
    client = serve(methods, twin=False)
    answers = [client.get(f"/{colour}/{method}".replace(" ", "%20"), headers) for colour in ("sync", "async")]
    assert answers[0].comparable() == answers[1].comparable()
    is_conditional = method in ("make_conditional", "with length")
    expected = {"Range": (206, "2345"), "If-None-Match": (304, "")} if is_conditional else {}
    assert (answers[0].status, answers[0].text) == expected.get(headers[0][0] if headers else "", (200, "0123456789"))


def test_conditions_of_a_request_that_quart_made() -> None:
    app = DualApp("app")
    fields = werkzeug.datastructures.Headers([("Range", "bytes=1-2"), ("If-Range", '"a"')])
    scope: Any = {"type": "http", "method": "GET", "headers": []}
    theirs = quart.Request(
        "GET", "http", "/", b"", fields, "", "1.1", scope, send_push_promise=quart.testing.no_op_push
    )
    response = app.response_class(DIGITS)
    response.set_etag("a")
    response.make_conditional(theirs, accept_ranges=True, complete_length=10)
    assert (response.status_code, response.get_data()) == (206, b"12")


# Responses are made outside of a request.


def test_responses_are_made_outside_of_a_request(serve: Serve) -> None:
    app = DualApp("app")

    async def make() -> None:
        teapot = ImATeapot(response=werkzeug.Response("teapot", 418))
        for value in ("text", (werkzeug.Response("text"), 201), flask.Response("text"), [1], teapot, iter(["text"])):
            response = await app.make_response(value)
            assert isinstance(response, Response)
            assert (await response.get_data(as_text=True)).strip() in ("text", "[1]", "[\n  1\n]", "teapot")
        made = await app.make_response((werkzeug.Response("text"), 201, {"X-A": "b"}))
        assert (made.status_code, made.headers["X-A"]) == (201, "b")
        for value in (None, (None, 201), int, (lambda environ, start_response: []), 1, object(), ("text",)):
            with pytest.raises(TypeError):
                await app.make_response(value)

    serve.call(make)


# A file is closed once it is read, or is not sent.


def files(app: DualApp) -> None:
    where = app.config["WHERE"] / "digits.txt"

    @app.get("/<how>")
    async def index(how):
        flask.g.how = how
        return await send_file(where, conditional=True)

    @app.get("/quart/<how>")
    async def async_index(how):
        flask.g.how = how
        return await quart.send_file(where, conditional=True)

    @app.get("/read/<framework>")
    async def async_read(framework):
        response = await (send_file if framework == "flask" else quart.send_file)(where, conditional=True)
        return await response.get_data(), response.status_code, response.headers

    @app.after_request
    async def hook(response):
        match flask.g.get("how"):
            case "get_data":
                await response.get_data()
            case "data":
                await response.data
            case "make_sequence":
                await response.make_sequence()
            case "freeze":
                await response.freeze()
            case "add_etag":
                await response.add_etag(overwrite=True)
            case "set_data":
                response.set_data("new")
            case "replaced":
                return app.response_class("other")
            case "failed":
                raise ZeroDivisionError
            case "aborted":
                flask.abort(400)
        return response


HOOKS = ["sent", "get_data", "data", "make_sequence", "freeze", "add_etag", "set_data", "replaced", "failed", "aborted"]


@pytest.mark.usefixtures("without_log")
@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("size", [10, 200_000])
def test_files_are_closed(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, condition: str
) -> None:
    content = (DIGITS * size)[:size]
    (tmp_path / "digits.txt").write_bytes(content)
    opened: list[Any] = []
    monkeypatch.setattr(builtins, "open", recording(open, "digits.txt", opened))

    def configure(app: DualApp) -> None:
        app.config["WHERE"] = tmp_path

    client = serve(configure, files, twin=False)
    method, headers = CONDITIONS[condition]
    for path in ["/read/flask", "/read/quart", *(f"{root}/{hook}" for root in ("", "/quart") for hook in HOOKS)]:
        answer = client.request(method, path, headers)
        assert [file for file in opened if not file.closed] == [], path
        if path.startswith("/read") or path.endswith(("sent", "get_data")):
            assert answer.status == {"range": 206, "unchanged": 304}.get(condition, 200), path
            assert answer.body == {"whole": content, "range": b"2345"}.get(condition, b""), path
    assert len(opened) > len(HOOKS)


def recording(open_file: Any, name: str, opened: list[Any]) -> Any:
    """Return an `open` that keeps the files of one name that it opens."""

    def recorded(path: Any, *args: Any, **kwargs: Any) -> Any:
        file = open_file(path, *args, **kwargs)
        if Path(str(path)).name == name:
            opened.append(file)
        return file

    return recorded


def test_a_stream_in_memory_is_sent_again_and_again(serve: Serve) -> None:
    """Quart's `send_file` sends a BytesIO from its beginning, and leaves it open."""

    def build(app: DualApp) -> None:
        stream = io.BytesIO()
        stream.write(DIGITS)

        @app.get("/")
        async def async_index():
            return await quart.send_file(stream, "text/plain", conditional=True)

    client = serve(build, twin=False)
    for _ in range(2):
        assert client.get("/").body == DIGITS
        assert client.get("/", [("Range", "bytes=2-5")]).body == b"2345"


# Contexts that Quart's helpers copy.


@pytest.mark.parametrize("helper", [dualapp.stream_with_context, quart.stream_with_context])
def test_g_in_streams_is_the_request_s(serve: Serve, helper: Any) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def async_index():
            quart.g.name = "ann"

            @helper
            async def async_chunks():
                yield f"{quart.g.name} {flask.g.name} {quart.request.path} {flask.request.path}"

            return async_chunks()

    assert serve(build, twin=False).get("/").text == "ann ann / /"


def test_g_in_copies_of_the_context_is_the_request_s(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def async_index():
            quart.g.name = "ann"

            @quart.copy_current_request_context
            async def async_work():
                return [quart.g.name, flask.g.name, quart.request.path]

            return await asyncio.create_task(async_work())

    assert serve(build, twin=False).get("/").json() == ["ann", "ann", "/"]
