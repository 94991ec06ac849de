"""BODY_TIMEOUT under ASGI: a client that stops sending gets a 408 and holds no thread, however its body is read."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.workers import one_worker_each

from .conftest import started
from .wire import FORM, Caller, multipart, read_until

MAIN = ("uvicorn", "hypercorn", "granian-asgi")
LIMITS = {"DUALAPP_BODY_TIMEOUT": "0.3"}

#: A path for each colour, the type of the body, and the body.
WAYS = {
    "data": ({"sync": "/upload", "async": "/upload"}, "application/octet-stream", bytes(100_000)),
    "json": ({"sync": "/json", "async": "/json"}, "application/json", b'["' + b"x" * 100_000 + b'"]'),
    "form": ({"sync": "/form", "async": "/form"}, "application/x-www-form-urlencoded", b"a=" + b"x" * 100_000),
    "file": ({"sync": "/form", "async": "/form"}, FORM["Content-Type"], b"".join(multipart({}, "f", [bytes(200_000)]))),
    "stream": ({"sync": "/hash/1000", "async": "/hash"}, "application/octet-stream", bytes(200_000)),
}


@pytest.fixture(scope="module", params=one_worker_each(MAIN))
def name(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture(scope="module")
def caller(name: str) -> Iterator[Caller]:
    with started(name, LIMITS) as server:
        yield Caller(server.port)


@pytest.mark.parametrize("sent", [1, 70_000])
@pytest.mark.parametrize("has_length", [True, False], ids=["length", "chunked"])
@pytest.mark.parametrize("way", WAYS)
def test_a_client_that_stops_sending(caller: Caller, colour: str, way: str, has_length: bool, sent: int) -> None:
    paths, kind, body = WAYS[way]
    framing = f"Content-Length: {len(body)}" if has_length else "Transfer-Encoding: chunked"
    part = body[:sent] if has_length else b"%x\r\n%b\r\n" % (sent, body[:sent])
    head = f"POST /{colour}{paths[colour]} HTTP/1.1\r\nContent-Type: {kind}\r\n{framing}"
    with caller.send(head, part) as client:
        assert read_until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("has_length", [True, False], ids=["length", "chunked"])
@pytest.mark.parametrize("way", WAYS)
def test_a_client_that_stops_sending_to_a_mounted_flask_app(caller: Caller, way: str, has_length: bool) -> None:
    _, kind, body = WAYS[way]
    framing = f"Content-Length: {len(body)}" if has_length else "Transfer-Encoding: chunked"
    part = body[:70_000] if has_length else b"%x\r\n%b\r\n" % (70_000, body[:70_000])
    with caller.send(f"POST /flask/read/{way} HTTP/1.1\r\nContent-Type: {kind}\r\n{framing}", part) as client:
        assert read_until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 408 ")


def test_clients_that_wait_hold_no_thread_for_ever(caller: Caller) -> None:
    """There are forty threads."""
    head = "POST /sync/upload HTTP/1.1\r\nContent-Length: 100000"
    with ExitStack() as stack:
        clients = [stack.enter_context(caller.send(head, b"x")) for _ in range(40)]
        assert caller.json("/sync/json", "POST", b"[1]", {"Content-Type": "application/json"}) == {"json": [1]}
        for client in clients:
            assert read_until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 408 ")
