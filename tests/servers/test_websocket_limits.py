"""Clients of websockets that misbehave, on each server: too long, too slow, wrong, gone.

What is kept of them meanwhile is looked at from inside in tests/unit/test_websocket_server.py.
"""

from __future__ import annotations

import json
import socket
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any
from urllib.request import urlopen

import pytest

from tests.support.server_command import started_by
from tests.support.server_process import Server
from tests.support.waiting import LIMIT, wait_for
from tests.support.websocket_wire import (
    BINARY,
    CLOSE,
    CONT,
    DEFLATE,
    PING,
    PONG,
    TEXT,
    Wire,
    close_frame,
    frame,
)
from tests.support.workers import one_worker_each

from .websocket_servers import SERVERS, WSGI

MiB = 1024 * 1024
COLOURS = pytest.mark.parametrize("colour", ["async", "sync"])
names = map("record{}".format, count())


@pytest.fixture(scope="module", params=one_worker_each(SERVERS))
def name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def server(name: str) -> Iterator[Server]:
    with started_by(*SERVERS[name]) as server:
        yield server


@pytest.fixture
def taken_over(name: str) -> None:
    if name not in WSGI:
        pytest.skip("this limit is the server's own (docs/websockets.md)")


def opened(server: Server, path: str, *headers: tuple[str, str]) -> Wire:
    wire = Wire(server.connect()).open(path, *headers)
    assert wire.status == 101
    return wire


def asked(server: Server, path: str) -> Any:
    with urlopen(f"{server.url}{path}", timeout=LIMIT) as answer:
        return json.load(answer)


def codes_of(server: Server, record: str) -> list[int]:
    """The close code that the view has seen, of a websocket without messages."""
    return [each[0] for each in asked(server, f"/record/{record}")["record"]]


def deflated(data: bytes) -> bytes:
    """Compress a message (RFC 7692 section 7.2.1)."""
    compressor = zlib.compressobj(9, wbits=-12)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")


def pieces(data: bytes, number: int) -> bytes:
    """Write a message in fragments that never end."""
    return frame(BINARY, data, fin=False) + frame(CONT, data, fin=False) * number


TOO_LONG = {
    "one frame": frame(BINARY, bytes(2 * MiB + 1)),
    "a frame that only says so": frame(BINARY, bytes(2 * MiB + 1))[:14],
    "fragments": pieces(bytes(64 * 1024), 32),
    "small fragments": pieces(bytes(64), 2 * MiB // 64),
    "inflated": frame(BINARY, deflated(bytes(2 * MiB + 1)), rsv1=True),
    "a bomb": frame(BINARY, deflated(bytes(500 * MiB)), rsv1=True),
}


@COLOURS
@pytest.mark.usefixtures("taken_over")
@pytest.mark.parametrize("what", TOO_LONG)
def test_a_message_that_is_too_long_closes_with_1009(server: Server, colour: str, what: str) -> None:
    record = next(names)
    with opened(server, f"/{colour}/record/{record}", DEFLATE) as wire:
        wire.socket.sendall(TOO_LONG[what])
        assert wire.recv_close()[0] == 1009
        with suppress(OSError):  # a server in front may have closed it already
            wire.socket.shutdown(socket.SHUT_WR)
        assert wire.read_to_end() == b""
    wait_for(lambda: codes_of(server, record) == [1009])


NOT_UTF8 = {
    "one frame": frame(TEXT, b"\xff"),
    "cut off at the end": frame(TEXT, "ü".encode()[:1]),
    "a fragment": frame(TEXT, b"good", fin=False) + frame(CONT, b"\xc0\xaf", fin=False),
    "deflated": frame(TEXT, deflated(b"\xed\xa0\x80"), rsv1=True),
    "a reason": frame(CLOSE, b"\x0f\xa0\xff"),
}


@pytest.mark.usefixtures("taken_over")
@pytest.mark.parametrize("what", NOT_UTF8)
def test_text_that_is_not_utf8_closes_with_1007(server: Server, what: str) -> None:
    record = next(names)
    with opened(server, f"/async/record/{record}", DEFLATE) as wire:
        wire.socket.sendall(NOT_UTF8[what])
        assert wire.recv_close()[0] == 1007
    wait_for(lambda: codes_of(server, record) == [1007])


def test_a_character_may_be_in_two_fragments(server: Server) -> None:
    data = "ü\r\n".encode()
    with opened(server, "/async/echo") as wire:
        wire.socket.sendall(frame(TEXT, data[:1], fin=False) + frame(CONT, b"", fin=False) + frame(CONT, data[1:]))
        assert wire.recv() == (TEXT, data)


@COLOURS
def test_the_last_words_are_heard(server: Server, colour: str) -> None:
    """What arrives in one piece with the close was sent before it."""
    record = next(names)
    with opened(server, f"/{colour}/record/{record}") as wire:
        wire.socket.sendall(frame(TEXT, b"one") + frame(TEXT, b"two") + close_frame(4000, "bye"))
        assert wire.recv_close()[0] == 4000
    wait_for(lambda: asked(server, f"/record/{record}")["record"][:2] == ["one", "two"])


@COLOURS
def test_a_slow_reader_slows_the_view_down(server: Server, colour: str) -> None:
    """A server without back-pressure would hold all of the 256 MiB."""
    record, total = next(names), 4096
    before = asked(server, "/peak")["peak"]
    with opened(server, f"/{colour}/stream/{record}/{total}") as wire:
        sent = [-1, 0]
        while sent[-1] != sent[-2]:
            sent.append((asked(server, f"/record/{record}")["record"] or [0])[0])
        for _ in range(total):
            opcode, data = wire.recv()
            assert (opcode, len(data)) == (BINARY, 64 * 1024)
        assert wire.recv_close()[0] == 1000
    assert asked(server, "/peak")["peak"] - before < 64 * 1024


def test_a_flood_of_pings_is_answered(server: Server) -> None:
    with opened(server, "/async/echo") as wire:
        for _ in range(20):
            wire.socket.sendall(frame(PING, b"more") * 1000)
            assert asked(server, "/")["pid"]
            wire.socket.sendall(frame(PING, b"last"))
            while (answer := wire.recv()) != (PONG, b"last"):
                assert answer == (PONG, b"more")
        wire.send(TEXT, b"still there")
        assert wire.recv() == (TEXT, b"still there")


@COLOURS
def test_a_flood_of_empty_messages_waits_for_the_view(server: Server, colour: str) -> None:
    with opened(server, f"/{colour}/echo") as wire:
        wire.socket.sendall(frame(TEXT) * 2000)
        for _ in range(2000):
            assert wire.recv() == (TEXT, b"")


@COLOURS
def test_a_client_that_vanishes_is_noticed(server: Server, colour: str) -> None:
    record = next(names)
    opened(server, f"/{colour}/record/{record}").vanish()
    wait_for(lambda: codes_of(server, record) in ([1006], [1005]))  # uvicorn says 1005


SILENT = {"TEST_WEBSOCKET_PING_INTERVAL": "0.1", "TEST_WEBSOCKET_PING_TIMEOUT": "0.1"}


@pytest.mark.parametrize("name", ["gunicorn-gthread", "gunicorn-gevent", "uvicorn"])
def test_a_client_that_is_silent_is_closed_with_1011(name: str) -> None:
    line, needs = SERVERS[name]
    options = " --ws-ping-interval 0.1 --ws-ping-timeout 0.1" if name == "uvicorn" else ""
    with started_by(line + options, needs, SILENT) as server, opened(server, "/async/record/silent") as wire:
        assert wire.recv()[0] == PING
        assert wire.recv_close()[0] == 1011
        wait_for(lambda: codes_of(server, "silent") in ([1011], [1005]))  # uvicorn says 1005


@pytest.mark.parametrize("name", ["gunicorn-gthread", "uvicorn"])
def test_a_client_that_answers_pings_is_kept(name: str) -> None:
    line, needs = SERVERS[name]
    options = " --ws-ping-interval 0.05 --ws-ping-timeout 60" if name == "uvicorn" else ""
    pings = {"TEST_WEBSOCKET_PING_INTERVAL": "0.05", "TEST_WEBSOCKET_PING_TIMEOUT": "60"}
    with started_by(line + options, needs, pings) as server, opened(server, "/async/echo") as wire:
        for _ in range(3):
            opcode, data = wire.recv()
            assert opcode == PING
            wire.send(PONG, data)


@pytest.mark.parametrize("name", ["gunicorn-gthread", "uvicorn", "hypercorn"])
def test_a_handshake_has_its_limit(name: str) -> None:
    limit = {"TEST_WEBSOCKET_HANDSHAKE_TIMEOUT": "0.2"}
    with started_by(*SERVERS[name], limit) as server, Wire(server.connect()).open("/async/never") as wire:
        assert wire.status == 503


@pytest.mark.parametrize("name", ["gunicorn-gthread", "uvicorn", "hypercorn"])
def test_a_silence_has_its_limit(name: str) -> None:
    limit = {"TEST_WEBSOCKET_IDLE_TIMEOUT": "0.2"}
    with started_by(*SERVERS[name], limit) as server, opened(server, "/async/echo") as wire:
        assert wire.recv_close() == (1001, "idle")


@pytest.mark.parametrize(("name", "option"), [("uvicorn", "--ws-max-size 1000"), ("granian", "")])
def test_an_asgi_server_has_its_own_limit_of_size(name: str, option: str) -> None:
    line, needs = SERVERS[name]
    with started_by(f"{line} {option}", needs) as server, opened(server, "/async/record/long") as wire:
        wire.socket.sendall(frame(BINARY, bytes(1001)))
        if option:
            assert wire.recv_close()[0] == 1009
        else:
            wait_for(lambda: asked(server, "/record/long")["record"] == [1001])
