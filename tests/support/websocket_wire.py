"""A client of a websocket that misbehaves: frames are written and read byte by byte, as no library would do it."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from typing import Self

from .server_process import HOST
from .waiting import LIMIT

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
HANDSHAKE = (
    ("Host", HOST),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
)
DEFLATE = ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")


def frame(opcode: int, data: bytes = b"", fin: bool = True, rsv1: bool = False) -> bytes:
    """Write one frame of a client (RFC 6455 section 5.2); the mask is zero, which changes nothing."""
    head = bytes([fin << 7 | rsv1 << 6 | opcode])
    size = len(data)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 1 << 16:
        length = bytes([0x80 | 126]) + struct.pack("!H", size)
    else:
        length = bytes([0x80 | 127]) + struct.pack("!Q", size)
    return head + length + bytes(4) + data


def close_frame(code: int, reason: str = "") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason.encode())


class Wire:
    """One connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.settimeout(LIMIT)
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.status = 0
        self.headers: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def open(self, path: str, *headers: tuple[str, str], fields: Iterable[tuple[str, str]] = HANDSHAKE) -> Self:
        """Send a handshake and read the answer's status and headers."""
        self.ask(path, *headers, fields=fields)
        head = self.until(b"\r\n\r\n").decode("latin-1")
        status, *rest = head.split("\r\n")
        self.status = int(status.split()[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
        return self

    def ask(self, path: str, *headers: tuple[str, str], fields: Iterable[tuple[str, str]] = HANDSHAKE) -> None:
        """Send a handshake."""
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in (*fields, *headers))]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def until(self, end: bytes) -> bytes:
        while end not in self.received:
            self.more()
        before, _, self.received = self.received.partition(end)
        return before

    def more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.received += data

    def take(self, size: int) -> bytes:
        while len(self.received) < size:
            self.more()
        taken, self.received = self.received[:size], self.received[size:]
        return taken

    def send(self, *args: object, **kwargs: object) -> None:
        """Send one frame; see `frame`."""
        self.socket.sendall(frame(*args, **kwargs))  # type: ignore[arg-type]

    def recv(self) -> tuple[int, bytes]:
        """Read one frame: its opcode and its content."""
        first, second = self.take(2)
        size = second & 127
        if size > 125:
            size = int.from_bytes(self.take(2 if size == 126 else 8), "big")
        return first & 15, self.take(size)

    def recv_close(self) -> tuple[int, str]:
        """Read on until the close frame: its code and its reason. Raises EOFError if there is none."""
        while True:
            opcode, data = self.recv()
            if opcode == CLOSE:
                return int.from_bytes(data[:2], "big"), data[2:].decode()

    def read_to_end(self) -> bytes:
        """Read what the server sends until it ends the connection."""
        try:
            while True:
                self.more()
        except (EOFError, ConnectionResetError):
            return self.received

    def vanish(self) -> None:
        """End the connection by a reset, without a word of TCP's or of the websocket's."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
