"""Files: the server sends them if it can, and if not they go out in large chunks, with the loop free meanwhile."""

import asyncio
import gzip
import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from wsgiref.util import FileWrapper

import pytest
from werkzeug.test import EnvironBuilder

from dualapp import DualApp, send_file
from tests.support.workers import one_worker_each

from .app import BLOCK, MiB
from .wire import BUFFER, Caller, Memory, repeated

SERVERS = ("gthread", "uvicorn", "waitress", "granian-asgi", "granian-wsgi")
SIZE = 300


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("files") / "large.bin"
    with path.open("wb") as file:
        file.writelines(repeated(BLOCK, SIZE))
    yield path
    path.unlink()


@pytest.mark.parametrize("name", one_worker_each(SERVERS), indirect=True, scope="module")
def test_a_large_file(name: str, caller: Caller, large: Path) -> None:
    """It arrives whole, does not fill the memory, and does not hold up the others."""
    path = f"/file?path={quote(str(large))}"
    assert caller.ask(path, headers={"Range": "bytes=10-19"}).read() == BLOCK[10:20]
    memory = Memory(caller.stats()["pid"])
    idle = memory.now()
    memory.forget_peak()
    with caller.ask(path) as response:
        assert int(response.headers["Content-Length"]) == SIZE * MiB
        digest = hashlib.sha1(response.read(MiB))
        # As long as nobody reads on, the server is in the middle of sending it.
        assert all(caller.json("/seen") for _ in range(3))
        while count := response.readinto(BUFFER):
            digest.update(BUFFER[:count])
    assert digest.digest() == hashlib.sha1(large.read_bytes()).digest()
    assert memory.peak() - idle < 32 * MiB


@pytest.mark.parametrize("name", one_worker_each(SERVERS), indirect=True, scope="module")
@pytest.mark.parametrize("when", ["on-close", "in-background"])
def test_a_file_that_is_removed(name: str, caller: Caller, when: str) -> None:
    """The server gets an open file, not its path: it would open that some time after the response was made."""
    for _ in range(10):
        assert caller.ask(f"/removed/{when}").read() == BLOCK


def serving(make: Callable[[], Any]) -> DualApp:
    app = DualApp(__name__, static_folder="static")

    @app.get("/")
    def index() -> Any:
        return send_file(make(), mimetype="application/octet-stream")

    return app


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.bin"
    path.write_bytes(b"0123456789")
    return path


def test_a_wsgi_server_gets_its_own_file_wrapper(small: Path) -> None:
    environ = {**EnvironBuilder().get_environ(), "wsgi.file_wrapper": FileWrapper}
    answer = serving(lambda: small).wsgi(environ, lambda *_: lambda _: None)
    assert isinstance(answer, FileWrapper)
    assert b"".join(answer) == b"0123456789"
    answer.close()


def sent(app: DualApp, *headers: tuple[bytes, bytes]) -> list[dict[str, Any]]:
    """The messages of a request to a server that sends files by their path."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": headers,
        "extensions": {"http.response.pathsend": {}},
    }
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        messages.append(message)

    asyncio.run(app.asgi(scope, receive, send))
    return messages


def body_of(messages: list[dict[str, Any]]) -> bytes:
    return b"".join(message.get("body", b"") for message in messages)


def test_an_asgi_server_gets_the_path(small: Path) -> None:
    start, *rest = sent(serving(lambda: small))
    assert (b"content-length", b"10") in start["headers"]
    assert rest == [{"type": "http.response.pathsend", "path": str(small)}]
    assert sent(serving(lambda: small.open("rb")))[1:] == rest


def test_a_part_of_a_file_is_not_sent_by_its_path(small: Path) -> None:
    messages = sent(serving(lambda: small), (b"range", b"bytes=2-4"))
    assert (messages[0]["status"], body_of(messages)) == (206, b"234")


def from_the_middle(path: Path) -> Any:
    file = path.open("rb")
    file.seek(4)
    return file


def unpacked(path: Path) -> Any:
    packed = path.with_suffix(".gz")
    packed.write_bytes(gzip.compress(b"unpacked"))
    return gzip.open(packed)


def removed(path: Path) -> Any:
    file = path.open("rb")
    path.unlink()
    return file


@pytest.mark.parametrize(
    ("make", "body"),
    [
        (from_the_middle, b"456789"),
        (unpacked, b"unpacked"),
        (removed, b"0123456789"),
        (lambda _: io.BytesIO(b"in memory"), b"in memory"),
    ],
)
def test_what_its_path_does_not_stand_for(small: Path, make: Callable[[Path], Any], body: bytes) -> None:
    assert body_of(sent(serving(lambda: make(small)))) == body
