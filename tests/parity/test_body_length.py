"""Bodies that end before or after the length that was announced, or within a chunk."""

from __future__ import annotations

import io
from collections.abc import Callable
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import pytest
from werkzeug.exceptions import ClientDisconnected

from dualapp import DualApp, request

from ..conftest import Serve
from ..support.entry_driver import Ask, environ_of
from .apps import FORM, JSON, MULTIPART, ask, reading


@pytest.mark.parametrize("length", ["10", "99999"])
@pytest.mark.parametrize(("path", "kind"), [("/data", None), ("/json", JSON), ("/form", FORM), ("/form", MULTIPART)])
def test_a_body_shorter_than_announced_is_a_400(
    serve: Serve, length: str, path: str, kind: tuple[str, str] | None
) -> None:
    headers = [kind] if kind else []
    answer = ask(serve(reading, twin=False), "POST", path, headers, b"[1]", length=length, truncated=True)
    assert (answer.status, "<title>400 Bad Request</title>" in answer.text) == (400, True)


@pytest.mark.parametrize(("path", "kind"), [("/data", None), ("/json", JSON), ("/form", FORM), ("/form", MULTIPART)])
def test_a_client_that_leaves_within_a_chunked_body_is_a_400(
    serve: Serve, path: str, kind: tuple[str, str] | None
) -> None:
    headers = [kind] if kind else []
    answer = ask(serve(reading, twin=False), "POST", path, headers, [b"[", b"1]"], truncated=True)
    assert answer.status == 400


def test_a_body_cut_short_with_a_limit_set(serve: Serve) -> None:
    """A limit makes Werkzeug read through another stream, which takes the end of the file for the end of the body."""

    def build(app: DualApp) -> None:
        app.config["MAX_CONTENT_LENGTH"] = 1000

    client = serve(reading, build, twin=False)
    assert ask(client, "POST", "/data", [], b"abc", length=10, truncated=True).status == 400
    assert ask(client, "POST", "/data", [], [b"abc"], truncated=True).status == 400


def test_a_truncated_body_raises_client_disconnected(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.post("/catch")
        async def catch():
            try:
                await request.get_data()
            except ClientDisconnected:
                return "caught"

    answer = ask(serve(reading, build, twin=False), "POST", "/catch", [], b"abc", length=10, truncated=True)
    assert answer.text == "caught"


def test_a_truncated_body_nobody_reads(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.post("/unread")
        async def unread():
            return "unread"

    client = serve(reading, build, twin=False)
    assert ask(client, "POST", "/unread", [], b"abc", length=10, truncated=True).text == "unread"


def test_what_comes_after_the_announced_length_is_not_part_of_the_body(serve: Serve) -> None:
    answer = ask(serve(reading, twin=False), "POST", "/data", [], b"hello world", length=5)
    assert (answer.status, answer.text) == (200, "hello")


@pytest.mark.parametrize("length", ["-1", "abc", "", "1.5", "0x3", "+3", " 3", "1_0"])
def test_a_length_that_is_no_number(serve: Serve, length: str) -> None:
    """Servers refuse these; if one does not, no entry reads what another does not."""
    assert ask(serve.shared(reading), "POST", "/data", [], b"abc", length=length).status in (200, 400)


def unmarked(path: str, **fields: Any) -> tuple[int, bytes]:
    """What a WSGI app answers a server that does not mark where a body ends."""
    app = DualApp("ends")

    @app.post("/def")
    def sync_read() -> bytes:
        return request.get_data()

    @app.post("/async")
    async def async_read() -> bytes:
        return await request.get_data()

    @app.post("/unread")
    def unread() -> str:
        return "unread"

    environ = environ_of(Ask("POST", path)) | fields
    del environ["wsgi.input_terminated"]
    seen: list[str] = []
    answer = b"".join(app.wsgi(environ, lambda line, headers: seen.append(line)))  # type: ignore[arg-type, return-value]
    return int(seen[0][:3]), answer


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"HTTP_TRANSFER_ENCODING": "chunked"}, 411), ({"CONTENT_LENGTH": "ten"}, 400)],
    ids=["chunked", "no-number"],
)
@pytest.mark.parametrize("path", ["/def", "/async"])
def test_a_body_whose_end_a_wsgi_server_does_not_mark(path: str, fields: dict[str, str], status: int) -> None:
    """Reading it could last for ever; a view that does not read it is answered."""
    assert unmarked(path, **fields)[0] == status
    assert unmarked("/unread", **fields) == (200, b"unread")


@pytest.mark.parametrize("file", [io.BytesIO, SpooledTemporaryFile])
@pytest.mark.parametrize("path", ["/def", "/async"])
def test_a_chunked_body_that_a_wsgi_server_has_received(path: str, file: Callable[[], IO[bytes]]) -> None:
    """The whole of it is in a file, so that its end is that of the body (hypercorn, asgiref)."""
    with file() as whole:
        whole.write(b"in chunks")
        whole.seek(0)
        answer = unmarked(path, HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input": whole})
    assert answer == (200, b"in chunks")
