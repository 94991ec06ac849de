"""Files: static ones, sent ones, and the conditions and ranges that come with them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from dualapp import DualApp, Response, make_response, request, send_file, send_from_directory

from ..conftest import Serve

HELLO = (Path(__file__).parent / "static" / "hello.txt").read_bytes()


def nothing(app: DualApp) -> None: ...


def test_static_files(serve: Serve) -> None:
    """Row 13: static/ is found beside the module that names the app."""
    client = serve(nothing)
    answer = client.get("/static/hello.txt")
    assert (answer.status, answer.body) == (200, HELLO)
    assert answer.header("content-type") == "text/plain; charset=utf-8"
    assert answer.header("content-length") == str(len(HELLO))
    assert answer.header("etag")
    assert answer.header("last-modified")
    head = client.head("/static/hello.txt")
    assert (head.header("content-length"), head.body) == (str(len(HELLO)), b"")


@pytest.mark.parametrize(
    "path", ["/static/none.txt", "/static/", "/static/../test_files.py", "/static/%2e%2e/test_files.py", "/static/%00"]
)
def test_what_is_not_a_static_file(serve: Serve, path: str) -> None:
    assert serve.shared(nothing).get(path).status == 404


def test_static_settings(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 60

    answer = serve(build, static_url_path="/s", static_folder="static").get("/s/hello.txt")
    assert (answer.body, answer.header("cache-control")) == (HELLO, "public, max-age=60")
    assert serve(nothing, static_folder=None).get("/static/hello.txt").status == 404


def test_conditions_on_static_files(serve: Serve) -> None:
    client = serve(nothing)
    first = client.get("/static/hello.txt")
    etag, modified = str(first.header("etag")), str(first.header("last-modified"))
    for condition in (("If-None-Match", etag), ("If-Modified-Since", modified), ("If-None-Match", f'"x", W/{etag}')):
        answer = client.get("/static/hello.txt", [condition])
        assert (answer.status, answer.body, answer.header("etag")) == (304, b"", etag)
    for condition in (("If-None-Match", '"other"'), ("If-Modified-Since", "Mon, 03 Feb 2020 00:00:00 GMT")):
        assert client.get("/static/hello.txt", [condition]).status == 200


@pytest.mark.parametrize(
    ("range", "status", "body"),
    [
        ("bytes=0-3", 206, HELLO[:4]),
        ("bytes=5-", 206, HELLO[5:]),
        ("bytes=-5", 206, HELLO[-5:]),
        ("bytes=2-100000", 206, HELLO[2:]),
        ("bytes=100000-", 416, None),
        ("bytes=3-1", 416, None),
        ("bytes=0-1,3-4", 416, None),
        ("lines=0-3", 416, None),
        ("nonsense", 416, None),
    ],
)
def test_ranges_of_static_files(serve: Serve, range: str, status: int, body: bytes | None) -> None:
    answer = serve.shared(nothing).get("/static/hello.txt", [("Range", range)])
    assert answer.status == status
    if body is not None:
        assert answer.body == body
        assert answer.header("content-length") == str(len(body))
        assert (answer.header("content-range") or "").endswith(f"/{len(HELLO)}")


def test_if_range(serve: Serve) -> None:
    client = serve(nothing)
    etag = str(client.get("/static/hello.txt").header("etag"))
    part = [("Range", "bytes=0-3")]
    assert client.get("/static/hello.txt", [*part, ("If-Range", etag)]).status == 206
    assert client.get("/static/hello.txt", [*part, ("If-Range", '"other"')]).status == 200


def sending(app: DualApp) -> None:
    app.config["WHERE"] = Path(app.root_path) / "static"

    @app.get("/path")
    async def by_path():
        return await send_file(app.config["WHERE"] / "hello.txt")

    @app.get("/relative")
    async def relative():
        return await send_file("static/hello.txt", mimetype="text/x-own", etag=False, max_age=5)

    @app.get("/attachment")
    async def attachment():
        return await send_file("static/hello.txt", as_attachment=True, download_name="hällo wörld.txt")

    @app.get("/buffer")
    async def buffer():
        return await send_file(io.BytesIO(b"from memory"), mimetype="text/plain")

    @app.get("/named-buffer")
    async def named_buffer():
        return await send_file(io.BytesIO(b"{}"), download_name="x.json", last_modified=1_000_000)

    @app.get("/opened")
    async def opened():
        return await send_file((app.config["WHERE"] / "hello.txt").open("rb"), download_name="o.bin")

    @app.get("/from/<path:name>")
    async def directory(name):
        return await send_from_directory(app.config["WHERE"], name)

    @app.get("/missing")
    async def missing():
        return await send_file("static/none")

    @app.get("/app")
    async def by_app():
        return await app.send_static_file("hello.txt")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/path", HELLO),
        ("/relative", HELLO),
        ("/attachment", HELLO),
        ("/buffer", b"from memory"),
        ("/named-buffer", b"{}"),
        ("/opened", HELLO),
        ("/from/hello.txt", HELLO),
        ("/app", HELLO),
    ],
)
def test_sent_files(serve: Serve, path: str, body: bytes) -> None:
    client = serve.shared(sending)
    answer = client.get(path)
    assert (answer.status, answer.body) == (200, body)
    assert client.head(path).body == b""
    client.get(path, [("Range", "bytes=0-1")])


def test_names_of_downloads(serve: Serve) -> None:
    assert serve(sending).get("/attachment").header("content-disposition") == (
        "attachment; filename=\"hallo world.txt\"; filename*=UTF-8''h%C3%A4llo%20w%C3%B6rld.txt"
    )


@pytest.mark.parametrize(
    "path", ["/from/none", "/from/../test_files.py", "/from/%2e%2e/test_files.py", "/from//etc/passwd"]
)
def test_a_directory_does_not_let_others_out(serve: Serve, path: str) -> None:
    answer = serve.shared(sending).get(path)
    assert answer.status in (404, 308)
    assert b"import" not in answer.body


def test_a_missing_file_is_an_error(serve: Serve) -> None:
    assert serve(sending).get("/missing").status == 500


def conditional(app: DualApp) -> None:
    @app.route("/", methods=["GET", "PUT"])
    async def index():
        response = Response("0123456789", mimetype="text/plain")
        response.add_etag()
        response.last_modified = 1_000_000
        return response.make_conditional(request, accept_ranges=True, complete_length=10)

    @app.get("/made")
    async def made():
        response = await make_response("x" * 10)
        response.set_etag("fixed", weak=True)
        return response.make_conditional(request)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 200),
        ([("If-None-Match", "*")], 304),
        ([("If-Modified-Since", "Tue, 13 Jan 1970 00:00:00 GMT")], 304),
        ([("If-Match", '"other"')], 412),
        ([("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")], 200),
        ([("Range", "bytes=2-4")], 206),
        ([("Range", "bytes=20-")], 416),
    ],
)
def test_conditional_responses(serve: Serve, headers: list[tuple[str, str]], status: int) -> None:
    answer = serve.shared(conditional).get("/", headers)
    assert answer.status == status
    if status == 206:
        assert (answer.body, answer.header("content-range")) == (b"234", "bytes 2-4/10")


def test_weak_etags(serve: Serve) -> None:
    client = serve(conditional)
    assert client.get("/made").header("etag") == 'W/"fixed"'
    assert client.get("/made", [("If-None-Match", '"fixed"')]).status == 304


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "headers", [[], [("Range", "bytes=1-2")], [("If-None-Match", "*")]], ids=["all", "range", "304"]
)
def test_what_is_to_happen_on_close_of_a_file_happens(
    serve: Serve, tmp_path: Path, method: str, headers: list[tuple[str, str]]
) -> None:
    (tmp_path / "hello.txt").write_bytes(HELLO)

    def build(app: DualApp) -> None:
        app.extensions["closed"] = []

        @app.get("/")
        async def index():
            response = await send_file(tmp_path / "hello.txt")
            response.call_on_close(lambda: app.extensions["closed"].append(1))
            return response

    client = serve(build, twin=False)
    client.request(method, "/", headers)
    assert client.app.extensions["closed"] == [1]
