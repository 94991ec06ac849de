"""Requests whose body is read while it arrives: in bounded memory, and at nobody's expense."""

import hashlib
import socket
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.support.waiting import LIMIT

from .app import BLOCK, KiB, MiB
from .wire import FORM, Caller, Memory, multipart, repeated

SIZE = 1024
WAYS = ("length", "chunked")


@cache
def digest_of(count: int) -> str:
    digest = hashlib.sha1()
    for block in repeated(BLOCK, count):
        digest.update(block)
    return digest.hexdigest()


def framing(way: str, length: int) -> dict[str, str]:
    return {"Content-Length": str(length)} if way == "length" else {}


def hash_path(colour: str) -> str:
    return {"sync": f"/sync/hash/{64 * KiB}", "async": "/async/hash"}[colour]


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_gibibyte_in_bounded_memory(caller: Caller, colour: str, way: str) -> None:
    def upload(count: int) -> Any:
        headers = framing(way, count * MiB)
        return caller.json(hash_path(colour), "POST", repeated(BLOCK, count), headers)

    upload(2)
    memory = Memory(caller.stats()["pid"])
    idle = memory.now()
    memory.forget_peak()
    answer = upload(SIZE)
    assert answer["sha1"] == digest_of(SIZE)
    assert answer["largest"] <= MiB
    assert memory.peak() - idle < 32 * MiB


@pytest.mark.parametrize("way", WAYS)
def test_a_large_file_of_a_form_goes_to_disk(caller: Caller, colour: str, way: str) -> None:
    def upload(count: int) -> Any:
        pieces = [*multipart({"word": "abc"}, "file", repeated(BLOCK, count))]
        headers = {**FORM, **framing(way, sum(map(len, pieces)))}
        return caller.json(f"/{colour}/form", "POST", iter(pieces), headers)

    upload(2)
    memory = Memory(caller.stats()["pid"])
    idle = memory.now()
    memory.forget_peak()
    answer = upload(200)
    assert answer["form"] == {"word": "abc"}
    assert answer["files"]["file"] == {"name": "file.bin", "sha1": digest_of(200), "on disk": True}
    assert memory.peak() - idle < 32 * MiB


READERS = {
    "data": ("/upload", "application/octet-stream", bytes(200_000)),
    "form": ("/form", FORM["Content-Type"], b"".join(multipart({}, "file", [bytes(200_000)]))),
}


@pytest.fixture
def slow_senders(caller: Caller, colour: str, reader: str) -> Iterator[list[socket.socket]]:
    """Five who have sent half of their body."""
    path, kind, body = READERS[reader]
    head = f"POST /{colour}{path} HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}"
    senders = [caller.send(head, body[:100_000]) for _ in range(5)]
    yield senders
    for sender in senders:
        sender.close()


@pytest.mark.parametrize("reader", READERS)
def test_slow_senders_block_nobody(caller: Caller, colour: str, reader: str, slow_senders: list[socket.socket]) -> None:
    path, kind, body = READERS[reader]
    answers: list[int] = []

    def others() -> None:
        for other in ("sync", "async"):
            answers.append(caller.ask(f"/{other}{path}", "POST", body, {"Content-Type": kind}).status)

    thread = threading.Thread(target=others)
    thread.start()
    thread.join(LIMIT)
    assert answers == [200, 200]
    for sender in slow_senders:
        sender.sendall(body[100_000:])
        assert sender.recv(1000).startswith(b"HTTP/1.1 200 ")
