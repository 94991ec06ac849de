"""Responses that are sent while they are made: at once, at the reader's pace, and in bounded memory."""

import json
import socket
import time
from http.client import IncompleteRead
from uuid import uuid4

import pytest

from tests.support.waiting import wait_for
from tests.support.workers import one_worker_each

from .app import KiB, MiB
from .conftest import LINES, MAIN
from .wire import Caller, Memory, discard, read_until

pytestmark = pytest.mark.parametrize("name", one_worker_each(LINES), indirect=True, scope="module")


@pytest.fixture
def gate() -> str:
    return uuid4().hex


def test_the_first_chunk_leaves_before_the_second_is_made(caller: Caller, colour: str, gate: str) -> None:
    """As with server-sent events: each is made only after the client has told that it got the one before."""
    with caller.ask(f"/{colour}/events/{gate}/3") as response:
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        for n in range(3):
            assert [response.readline(), response.readline()] == [b"data: %d\n" % n, b"\n"]
            caller.open(f"{gate}-{n}")
        assert response.read() == b""


def test_stream_with_context(caller: Caller, colour: str, gate: str) -> None:
    endpoint = {"sync": "sync.context", "async": "async.context_async"}[colour]
    before = caller.seen(f"torn down {endpoint}")
    with caller.ask(f"/{colour}/context/{gate}?word=abc") as response:
        assert response.read(3) == b"abc"
        assert caller.seen(f"torn down {endpoint}") == before
        caller.open(gate)
        assert response.read() == b"abcabc"
    wait_for(lambda: caller.seen(f"app torn down {endpoint}") == before + 1)
    assert caller.seen(f"torn down {endpoint}") == before + 1


def test_an_error_in_the_middle_breaks_the_connection(caller: Caller, colour: str) -> None:
    # granian may break off before the head of the answer is on its way.
    with pytest.raises((IncompleteRead, ConnectionError)), caller.ask(f"/{colour}/broken") as response:
        response.read()


def test_a_slow_reader_slows_the_generator(name: str, caller: Caller, colour: str, gate: str) -> None:
    if name == "granian-wsgi":
        pytest.skip("granian takes what a WSGI app yields as fast as it yields it")
    count, size = 4000, 64 * KiB
    head = f"GET /{colour}/chunks/{gate}/{count}/{size} HTTP/1.1\r\nConnection: close"
    with caller.send(head, receives=64 * KiB) as connection:
        read_until(connection, b"\r\n\r\n")
        stopped = made_when_it_stops(caller, gate)
        # What fits in the buffers of the kernel and of the server; waitress has the largest, of 16 MiB.
        assert stopped < 24 * MiB / size
        connection.shutdown(socket.SHUT_RDWR)


def made_when_it_stops(caller: Caller, gate: str) -> int:
    """How many chunks are made until, for a while, no more are."""
    last, since = caller.seen(gate), time.monotonic()
    while time.monotonic() < since + 0.3:
        if (now := caller.seen(gate)) != last:
            last, since = now, time.monotonic()
        time.sleep(0.02)
    return last


@pytest.mark.slow
def test_a_gibibyte_in_bounded_memory(name: str, caller: Caller, colour: str, gate: str) -> None:
    size = 1024 if name in MAIN else 256
    path = f"/{colour}/chunks/{gate}/{{}}/{MiB}"
    discard(caller.ask(path.format(2)))
    memory = Memory(caller.stats()["pid"])
    idle = memory.now()
    memory.forget_peak()
    assert discard(caller.ask(path.format(size))) == size * MiB
    assert caller.seen(gate) == size + 2
    assert memory.peak() - idle < 32 * MiB
    assert json.loads(caller.ask("/seen").read())  # and it still answers
