"""Clients that leave: while they upload, while a view runs, while they are sent a stream.

Two thousand of each kind leave nothing behind: no open generator, task, thread, socket or file.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.waiting import wait_for

from .conftest import ASGI
from .wire import FORM, Caller, multipart, read_until, reset

TOTAL, BATCH = 2000, 20
ROUNDS = range(TOTAL // BATCH)


# A server's pool has 32 threads, ours 40, that for code outside of an app 40; others are the servers' own.
MOST_THREADS = 128


@dataclass(frozen=True)
class Kind:
    """How a request begins that is going to be left, its endpoint in each colour, and how the app sees it end."""

    head: str
    endpoints: tuple[str, str]
    end: str
    body: bytes = b""
    answers: bool = False


KINDS = {
    "upload": Kind(
        "POST /{colour}/upload HTTP/1.1\r\nContent-Length: 1000000",
        ("sync.upload", "async.upload_async"),
        "ClientDisconnected",
        body=bytes(100_000),
    ),
    "form": Kind(
        f"POST /{{colour}}/form HTTP/1.1\r\nContent-Length: 1000000\r\nContent-Type: {FORM['Content-Type']}",
        ("sync.form", "async.form_async"),
        "ClientDisconnected",
        body=b"".join(multipart({}, "file", [bytes(600_000)]))[:-20],
    ),
    "view": Kind(
        "GET /{colour}/wait/{gate} HTTP/1.1",
        ("sync.wait", "async.wait_async"),
        "ended",
    ),
    "stream": Kind(
        "GET /{colour}/endless HTTP/1.1",
        ("sync.endless", "async.endless_async"),
        "GeneratorExit",
        answers=True,
    ),
    "stream-with-context": Kind(
        "GET /{colour}/endless-kept HTTP/1.1",
        ("sync.endless_kept", "async.endless_kept_async"),
        "GeneratorExit",
        answers=True,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind_name", KINDS)
def test_two_thousand_leave_nothing_behind(name: str, caller: Caller, colour: str, kind_name: str) -> None:
    kind = KINDS[kind_name]
    endpoint = kind.endpoints[colour == "async"]
    is_cancelled = kind_name == "view" and colour == "async" and name in ASGI
    abandon(caller, kind, colour, endpoint, f"{kind_name}-warm", is_cancelled)
    settled(caller, endpoint)
    before, seen_before = caller.stats(), caller.json("/seen")
    for number in ROUNDS:
        abandon(caller, kind, colour, endpoint, f"{kind_name}-{number}", is_cancelled)
    settled(caller, endpoint)
    wait_for(lambda: no_more(caller.stats(), before), because=lambda: (before, caller.stats()))
    new = counted(caller.json("/seen"), seen_before, endpoint)
    end = "CancelledError" if is_cancelled else kind.end
    assert new == dict.fromkeys(
        [f"{endpoint} in", f"{endpoint} {end}", f"torn down {endpoint}", f"app torn down {endpoint}"], TOTAL
    )


def abandon(caller: Caller, kind: Kind, colour: str, endpoint: str, gate: str, is_cancelled: bool) -> None:
    """Have a batch of clients leave, half of them without a goodbye, once the app is at work for all of them."""
    before = caller.seen(f"{endpoint} in")
    gate = f"{colour}-{gate}"
    head = kind.head.format(colour=colour, gate=gate)
    clients = [caller.send(head, kind.body) for _ in range(BATCH)]
    wait_for(lambda: caller.seen(f"{endpoint} in") == before + BATCH)
    for client in clients:
        if kind.answers:
            read_until(client, b"\r\n\r\n")
    for number, client in enumerate(clients):
        leave: Callable[[socket.socket], None] = reset if number % 2 else socket.socket.close
        leave(client)
    if not is_cancelled:
        caller.open(gate)


def settled(caller: Caller, endpoint: str) -> None:
    """Wait until all who came were torn down."""

    def is_settled() -> bool:
        seen = caller.json("/seen")
        return bool(seen[f"{endpoint} in"] == seen.get(f"app torn down {endpoint}"))

    wait_for(is_settled, because=lambda: caller.json("/seen"))


def no_more(after: dict[str, int], before: dict[str, int]) -> bool:
    """A pool may have started more of its threads, and has a number that it does not exceed; a leak would have."""
    return after["threads"] <= MOST_THREADS and all(after[name] <= before[name] for name in before.keys() - {"threads"})


def counted(after: dict[str, Any], before: dict[str, Any], endpoint: str) -> dict[str, int]:
    names = [name for name in after if endpoint in name.split()]
    return {name: after[name] - before.get(name, 0) for name in names}


def test_a_silent_stream_ends_when_its_client_leaves(name: str, caller: Caller) -> None:
    """An ASGI server tells; under WSGI it is only found out by sending the next chunk."""
    if name not in ASGI:
        pytest.skip("a WSGI server cannot tell")
    before = caller.seen("async.slow_async closed")
    with caller.send("GET /async/slow/600.0?timeout=none HTTP/1.1") as client:
        read_until(client, b"\r\n\r\n")
    wait_for(lambda: caller.seen("async.slow_async closed") == before + 1)
