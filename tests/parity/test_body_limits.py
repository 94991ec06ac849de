"""Limits: 413 at the same byte, whatever the colour, the entry and the way the body comes."""

from __future__ import annotations

import io
import itertools

import flask
import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from dualapp import DualApp, request

from ..conftest import Paint, Serve

FORM = ("Content-Type", "application/x-www-form-urlencoded")


def reading(app: DualApp) -> None:
    @app.post("/data")
    async def data():
        return str(len(await request.get_data()))

    @app.post("/json")
    async def as_json():
        return {"got": await request.get_json()}

    @app.post("/form")
    async def form():
        return {"form": [*await request.form], "files": [*await request.files]}

    @app.post("/unread")
    async def unread():
        return "unread"

    @app.post("/raised/<int:limit>")
    async def raised(limit):
        request.max_content_length = limit
        return str(len(await request.get_data()))


def ten(app: DualApp) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 10


def test_max_content_length_by_the_announced_length(serve: Serve) -> None:
    client = serve(reading, ten)
    assert client.post("/data", body=b"x" * 10).text == "10"
    assert client.post("/data", body=b"x" * 11).status == 413
    assert client.post("/form", [FORM], b"a=" + b"x" * 8).status == 200
    assert client.post("/form", [FORM], b"a=" + b"x" * 9).status == 413
    assert client.post("/data", body=b"x" * 9).text == "9"


@pytest.mark.parametrize("kind", [FORM, ("Content-Type", "multipart/form-data; boundary=x")])
def test_sync_code_on_the_loop_is_told_of_the_limit_of_a_form_that_it_could_not_wait_for(serve: Serve, kind) -> None:
    def build(app: DualApp) -> None:
        app.config["BODY_READ_AHEAD"] = 0

        @app.post("/")
        async def async_index():
            return flask.request.form.to_dict()

    assert serve(build, ten).post("/", [kind], b"x" * 11).status == 413


@pytest.mark.parametrize("path", ["/data", "/form"])
def test_max_content_length_of_a_chunked_body(serve: Serve, path: str) -> None:
    """Werkzeug's own stream keeps the first ten bytes and says nothing; half a body must never pass for a whole one."""
    client = serve(reading, ten, twin=False)

    def send(*chunks: bytes) -> int:
        return client.post(path, [FORM], list(chunks)).status

    assert send(b"a=xxx", b"xxxxx") == 200
    assert send(b"a=xxx", b"xxxxxx") == 413
    assert send(b"a=xxxxxxxx", b"x") == 413
    assert send(b"a=xxxxxxxxx") == 413
    assert send(b"a=xxxxxxx") == 200


@pytest.mark.parametrize("size", [1, 3, 10, 64])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_max_content_length_of_a_body_that_is_read_in_pieces(serve: Serve, size: int, chunked: bool) -> None:
    def build(app: DualApp) -> None:
        @app.post("/sync")
        def sync_read():
            pieces = iter(lambda: request.stream.read(size), b"")
            return str(sum(map(len, pieces)))

        @app.post("/async")
        async def async_read():
            return str(sum([len(piece) async for piece in request.body]))

    client = serve(build, ten, twin=False)
    for path, (body, status) in itertools.product(("/sync", "/async"), ((b"x" * 10, 200), (b"x" * 11, 413))):
        assert client.post(path, body=[body[:7], body[7:]] if chunked else body).status == status


def test_no_body_is_not_over_a_limit_of_nothing(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["MAX_CONTENT_LENGTH"] = 0

    client = serve(reading, build, twin=False)  # a 413 in Flask
    assert client.post("/data").text == "0"
    assert client.post("/data", body=b"x").status == client.post("/data", body=[b"x"]).status == 413


def test_a_limit_that_is_set_when_the_body_was_read_does_not_count(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.post("/")
        async def index():
            body = getattr(request, "body", None) or request.stream  # in async and in sync code
            read = b"".join([piece async for piece in body])
            request.max_content_length = 3
            return [read.decode(), (await request.get_data()).decode()]

        @app.post("/form")
        async def form():
            fields = (await request.form).to_dict()
            request.max_content_length = 3
            body = getattr(request, "body", None) or request.stream
            return [fields, b"".join([piece async for piece in body]).decode()]

    client = serve(build)
    assert client.post("/form", form={"a": "1"}).json() == [{"a": "1"}, ""]
    assert client.post("/", body=b"four").json() == client.post("/", body=[b"fo", b"ur"]).json() == ["four", ""]


def test_the_413_page_is_an_error_like_others(serve: Serve, paint: Paint) -> None:
    @paint
    def handlers(app: DualApp) -> None:
        @app.errorhandler(413)
        async def too_large(error):
            return {"limit": request.max_content_length}, 413

    answer = serve(reading, ten, handlers).post("/data", body=b"x" * 11)
    assert (answer.status, answer.json()) == (413, {"limit": 10})


def test_a_body_over_the_limit_that_nobody_reads(serve: Serve) -> None:
    assert serve(reading, ten).post("/unread", body=b"x" * 100).text == "unread"


def test_json_over_the_limit(serve: Serve) -> None:
    assert serve(reading, ten).post("/json", json="x" * 20).status == 413


def test_an_upload_without_end_is_cut(serve: Serve) -> None:
    """Only as much is read as is needed to know that it is too much."""
    sent = itertools.count()

    def endless():
        while next(sent) < 100_000:
            yield b"x" * 1000

    assert serve(reading, ten, twin=False).post("/data", body=endless()).status == 413
    assert next(sent) < 100


def test_a_request_may_have_its_own_limit(serve: Serve) -> None:
    client = serve(reading, ten)
    assert client.post("/raised/20", body=b"x" * 20).text == "20"
    assert client.post("/raised/5", body=b"x" * 6).status == 413
    assert client.post("/data", body=b"x" * 11).status == 413


def multipart(parts: dict[str, object]) -> tuple[list[tuple[str, str]], bytes]:
    boundary, body = encode_multipart(parts)
    return [("Content-Type", f"multipart/form-data; boundary={boundary}")], body


def test_max_form_memory_size(serve: Serve) -> None:
    """It limits what is kept in memory: fields, not files."""

    def build(app: DualApp) -> None:
        app.config["MAX_FORM_MEMORY_SIZE"] = 200_000

    client = serve(reading, build)
    assert client.post("/form", *multipart({"a": "x" * 190_000})).status == 200
    assert client.post("/form", *multipart({"a": "x" * 200_001})).status == 413
    large = FileStorage(io.BytesIO(b"x" * 500_000), "f.txt")
    assert client.post("/form", *multipart({"f": large})).json() == {"form": [], "files": ["f"]}


def test_the_default_form_memory_size(serve: Serve) -> None:
    client = serve(reading)
    assert client.post("/form", *multipart({"a": "x" * 490_000})).status == 200
    assert client.post("/form", *multipart({"a": "x" * 510_000})).status == 413


def test_max_form_parts(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["MAX_FORM_PARTS"] = 3

    client = serve(reading, build)
    assert client.post("/form", *multipart({str(n): "x" for n in range(3)})).status == 200
    assert client.post("/form", *multipart({str(n): "x" for n in range(4)})).status == 413


def test_limits_hold_for_hooks_too(serve: Serve, paint: Paint) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        @app.before_request
        async def read():
            await request.get_data()

    client = serve(reading, ten, hooks)
    assert client.post("/unread", body=b"x" * 11).status == 413
    assert client.post("/data", body=b"x" * 10).text == "10"
