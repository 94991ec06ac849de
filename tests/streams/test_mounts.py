"""Apps that are mounted stream through the adapters: in bounded memory, and nothing is left of clients that leave."""

import socket
from collections.abc import Callable, Iterator

import pytest

from tests.support.server_command import started_by
from tests.support.waiting import wait_for

from .app import BLOCK, MiB
from .conftest import APP, LINES
from .test_leaving import no_more
from .wire import Caller, Memory, discard, read_until, repeated, reset

KINDS = ("asgi", "wsgi")
ABANDONED, BATCH = 5000, 20


@pytest.fixture(scope="module")
def caller(name: str) -> Iterator[Caller]:
    with started_by(LINES[name].replace(APP, "tests.streams.mounted_app:app")) as server:
        yield Caller(server.port)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["length", "chunked"])
def test_thirty_megabytes_arrive_to_the_byte(caller: Caller, kind: str, way: str) -> None:
    total = 30_000_000
    pieces = (bytes(min(100_003, total - done)) for done in range(0, total, 100_003))
    headers = {"Content-Length": str(total)} if way == "length" else {}
    assert caller.json(f"/{kind}/count", "POST", pieces, headers)["total"] == total


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["up with a length", "up in chunks", "down"])
def test_a_gibibyte_in_bounded_memory(caller: Caller, kind: str, way: str) -> None:
    def send(count: int) -> int:
        if way == "down":
            return discard(caller.ask(f"/{kind}/{count}"))
        headers = {"Content-Length": str(count * MiB)} if way == "up with a length" else {}
        answer = caller.json(f"/{kind}/count", "POST", repeated(BLOCK, count), headers)
        assert answer["largest"] <= MiB
        total: int = answer["total"]
        return total

    send(2)
    memory = Memory(caller.stats()["pid"])
    idle = memory.now()
    memory.forget_peak()
    assert send(1024) == 1024 * MiB
    assert memory.peak() - idle < 32 * MiB


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_five_thousand_who_leave_leave_nothing_behind(caller: Caller, kind: str) -> None:
    abandon(caller, kind)
    before = caller.stats()
    for _ in range(ABANDONED // BATCH):
        abandon(caller, kind)
    wait_for(lambda: no_more(caller.stats(), before), because=lambda: (before, caller.stats()))


def abandon(caller: Caller, kind: str) -> None:
    """Have a batch of clients leave, half of them without a goodbye, and wait until the app knows."""
    clients = [caller.send(f"GET /{kind}/endless HTTP/1.1") for _ in range(BATCH)]
    for client in clients:
        read_until(client, b"\r\n\r\n")
    for number, client in enumerate(clients):
        leave: Callable[[socket.socket], None] = reset if number % 2 else socket.socket.close
        leave(client)
    wait_for(lambda: caller.seen(f"{kind} in") == caller.seen(f"{kind} out"), because=lambda: caller.json("/seen"))
