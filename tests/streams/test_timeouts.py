"""How long a request may arrive and a response may take, and what each entry can do about it."""

import time
from collections.abc import Iterator
from http.client import IncompleteRead

import pytest

from tests.support.waiting import wait_for

from .conftest import ASGI, started
from .wire import FORM, Caller, multipart

# The time is what is tested here: that it ends what takes longer. What is in time must have plenty of it.
LIMITS = {"DUALAPP_BODY_TIMEOUT": "0.4", "DUALAPP_RESPONSE_TIMEOUT": "0.4"}

BODIES = {
    "data": ("/upload", "application/octet-stream", bytes(1000)),
    "long-data": ("/upload", "application/octet-stream", bytes(200_000)),
    "form": ("/form", "application/x-www-form-urlencoded", b"a=" + b"x" * 1000),
    "long-form": ("/form", FORM["Content-Type"], b"".join(multipart({}, "file", [bytes(200_000)]))),
}


@pytest.fixture(scope="module")
def caller(name: str) -> Iterator[Caller]:
    with started(name, LIMITS) as server:
        yield Caller(server.port)


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_that_does_not_arrive(name: str, caller: Caller, kind: str) -> None:
    """A WSGI thread that reads cannot be stopped: it goes on when the client does, and a short body is whole then."""
    path, content_type, body = BODIES[kind]
    half = len(body) // 2
    short = not kind.startswith("long")
    head = f"POST /async{path} HTTP/1.1\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}"
    begun = f"async.{path[1:]}_async in"
    before = caller.seen(begun)
    start = time.monotonic()
    with caller.send(head, body[:half]) as client:
        if name not in ASGI:
            # A short body is read before its view begins, and may take what time it likes.
            wait_for(lambda: short or caller.seen(begun) > before)
            time.sleep(1)
            client.sendall(body[half:])
        status = 200 if name not in ASGI and short else 408
        assert client.recv(1000).startswith(b"HTTP/1.1 %d " % status)
    assert time.monotonic() - start > 0.4


@pytest.fixture(scope="module")
def patient(name: str) -> Iterator[Caller]:
    """A server that waits as long as it does by default, which only a hang takes."""
    with started(name) as server:
        yield Caller(server.port)


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_that_arrives_slowly_but_in_time(patient: Caller, colour: str, kind: str) -> None:
    path, content_type, body = BODIES[kind]
    head = f"POST /{colour}{path} HTTP/1.1\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}"
    with patient.send(head, body[:500]) as client:
        time.sleep(0.1)
        client.sendall(body[500:])
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("query", ["", "?timeout=0.2"])
def test_a_response_that_takes_too_long(caller: Caller, colour: str, query: str) -> None:
    """RESPONSE_TIMEOUT, or the timeout of the response itself: the connection breaks, and the generator is closed."""
    closed = {"sync": "sync.slow closed", "async": "async.slow_async closed"}[colour]
    before = caller.seen(closed)
    with caller.ask(f"/{colour}/slow/0.05{query}") as response, pytest.raises((IncompleteRead, ConnectionError)):
        response.read()
    wait_for(lambda: caller.seen(closed) == before + 1)


@pytest.mark.parametrize("timeout", ["none", "600"])
def test_a_response_that_may_take_long(caller: Caller, colour: str, timeout: str) -> None:
    with caller.ask(f"/{colour}/slow/0.02?timeout={timeout}") as response:
        assert response.read() == b"x" * 40


def test_a_response_that_stops(name: str, caller: Caller) -> None:
    """It is cut off where its generator waits, if that is async and so is the server."""
    if name not in ASGI:
        pytest.skip("under WSGI the time is looked at between chunks")
    with caller.ask("/async/slow/600.0") as response, pytest.raises((IncompleteRead, ConnectionError)):
        response.read()
