"""Messages that are read and written without the `websockets` library: what comes of them is what comes of it."""

from __future__ import annotations

import asyncio
import os
import random
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from dualapp import DualApp
from dualapp.entries.websocket_frames import BINARY, TEXT, frame
from dualapp.entries.websocket_server import READ, WebsocketConnection

from ..support.websocket_wire import HANDSHAKE

SCOPE = {"headers": [(name.lower().encode(), value.encode()) for name, value in HANDSHAKE]}
#: Contents of messages, among them one in no encoding.
CONTENTS = [b"", b"x", "ü".encode(), bytes(125), bytes(126), bytes(1000), bytes(1001), b"\xff\xfe"]


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def __getattr__(self, name: str) -> Any:
        return lambda *_: False


def masked(first: int, data: bytes, number: random.Random) -> bytes:
    """Write a client's frame (RFC 6455 section 5.2)."""
    mask, size = number.randbytes(4), len(data)
    head = bytes([first, 0x80 | size]) if size < 126 else bytes([first, 0xFE]) + size.to_bytes(2)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))


def stream(number: random.Random) -> bytes:
    """Write what a client may send: mostly messages, some of them in fragments, and now and then nonsense."""
    sent = []
    for _ in range(number.randint(1, 12)):
        kind, content = number.choice([0x01, 0x02]), number.choice(CONTENTS[: number.choice([7, 8])])
        match number.randint(0, 12):
            case 0:
                sent += [masked(kind, content[:1], number), masked(0x89, b"ping", number)]
                sent += [masked(0x00, b"", number), masked(0x80, content[1:], number)]
            case 1:
                sent.append(masked(0x8A, b"pong", number))
            case 2 if number.random() < 0.5:
                firsts = [0x80, kind, 0xC1, 0x83]
                nonsense = [*(masked(first, b"", number) for first in firsts), b"\x81\x01x"]
                sent.append(number.choice([*nonsense, masked(0x88, b"\x03\xe8", number)]))
            case _:
                sent.append(masked(0x80 | kind, content, number))
    return b"".join(sent)


async def outcome(data: bytes, cuts: list[int], uses_library: bool) -> tuple[list[Any], bytes]:
    app = WebsocketConnection(SCOPE, {**DualApp.default_config, "WEBSOCKET_MAX_MESSAGE_SIZE": 1000})  # type: ignore[arg-type]
    transport = Transport()
    app.connection_made(transport)
    await app.receive()
    await app.send({"type": "websocket.accept"})
    transport.written = b""
    if uses_library:
        app._cutter.message = lambda *_: None  # type: ignore[method-assign]
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        READ[: end - start] = data[start:end]
        app.buffer_updated(end - start)
    app._stop_timer()
    return app._incoming, transport.written


def test_what_is_heard_and_answered_is_what_the_library_alone_makes_of_it() -> None:
    number = random.Random(16)

    async def compare() -> None:
        for _ in range(1500):
            data = stream(number)
            cuts = sorted(number.randint(0, len(data)) for _ in range(number.randint(0, 5)))
            assert await outcome(data, cuts, False) == await outcome(data, cuts, True), (data, cuts)

    asyncio.run(compare())


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_what_is_sent_is_what_the_library_would_send(size: int) -> None:
    data = os.urandom(size)
    assert frame(TEXT, data) == Frame(Opcode.TEXT, data).serialize(mask=False)
    assert frame(BINARY, data) == Frame(Opcode.BINARY, data).serialize(mask=False)
