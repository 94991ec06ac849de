"""Talk to a server at the pace of a test: send a part, read a part, leave; and look at the process meanwhile."""

import json
import re
import socket
import struct
from collections.abc import Iterable, Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

from tests.support.server_process import HOST
from tests.support.waiting import LIMIT

BUFFER = memoryview(bytearray(1024**2))


class Caller:
    """One who asks a server at this port; each request has its own connection."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(
        self, path: str, method: str = "GET", body: Any = None, headers: dict[str, str] | None = None
    ) -> HTTPResponse:
        """Send a request; return the answer with its body unread."""
        connection = HTTPConnection(HOST, self.port, timeout=LIMIT)
        connection.request(method, path, body, {"Connection": "close", **(headers or {})})
        return connection.getresponse()

    def json(self, path: str, method: str = "GET", body: Any = None, headers: dict[str, str] | None = None) -> Any:
        with self.ask(path, method, body, headers) as response:
            data = response.read()
        assert response.status == 200, (response.status, data)
        return json.loads(data)

    def open(self, gate: str) -> None:
        self.ask(f"/open/{gate}", "POST").read()

    def seen(self, what: str) -> int:
        count: int = self.json("/seen").get(what, 0)
        return count

    def stats(self) -> dict[str, int]:
        stats: dict[str, int] = self.json("/stats")
        return stats

    def send(self, head: str, body: bytes = b"", *, receives: int | None = None) -> socket.socket:
        """Begin a request and leave its connection to the caller; `receives` is the size of its receive buffer."""
        connection = socket.socket()
        connection.settimeout(LIMIT)
        if receives is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        connection.connect((HOST, self.port))
        connection.sendall(f"{head}\r\nHost: {HOST}\r\n\r\n".encode() + body)
        return connection


def reset(connection: socket.socket) -> None:
    """Close as a client that crashes does: what is on its way is thrown away."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_until(connection: socket.socket, mark: bytes) -> bytes:
    data = b""
    while mark not in data:
        piece = connection.recv(65536)
        assert piece, f"{data!r} ended before {mark!r}"
        data += piece
    return data


def discard(response: HTTPResponse) -> int:
    """Read a body to its end and keep nothing; return its length."""
    length = 0
    while count := response.readinto(BUFFER):
        length += count
    return length


def repeated(block: bytes, count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield block


class Memory:
    """The resident memory of a process, in bytes."""

    def __init__(self, pid: int) -> None:
        self._process = Path(f"/proc/{pid}")

    def now(self) -> int:
        return self._line("VmRSS")

    def peak(self) -> int:
        """The most there was since `forget_peak`."""
        return self._line("VmHWM")

    def forget_peak(self) -> None:
        (self._process / "clear_refs").write_text("5")

    def _line(self, name: str) -> int:
        match = re.search(rf"^{name}:\s+(\d+) kB", (self._process / "status").read_text(), re.MULTILINE)
        assert match is not None
        return int(match[1]) * 1024


def multipart(fields: dict[str, str], name: str, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """A form with one file, piece by piece; its boundary is BOUNDARY."""
    for key, value in fields.items():
        yield f'--BOUNDARY\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
    yield f'--BOUNDARY\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.bin"\r\n\r\n'.encode()
    yield from blocks
    yield b"\r\n--BOUNDARY--\r\n"


FORM = {"Content-Type": "multipart/form-data; boundary=BOUNDARY"}
