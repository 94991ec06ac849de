"""A client that speaks HTTP/2 without TLS ("prior knowledge", RFC 9113 section 3.3), at the pace of a test."""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)

from tests.support.server_process import HOST
from tests.support.waiting import LIMIT


class H2Client:
    """One connection with any number of requests."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), LIMIT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = H2Connection(H2Configuration(client_side=True))
        self.connection.initiate_connection()
        self.status: dict[int, int] = {}
        self.bodies: defaultdict[int, bytes] = defaultdict(bytes)
        self.ended: set[int] = set()
        self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.socket.close()

    def request(
        self, path: str, method: str = "GET", body: bytes = b"", *, headers: Mapping[str, str] = {}, ends: bool = True
    ) -> int:
        """Send a request, and with `ends` the end of its body; return the number of its stream."""
        stream = self.connection.get_next_available_stream_id()
        fields = {":method": method, ":scheme": "http", ":authority": HOST, ":path": path}
        fields.update((name.lower(), value) for name, value in headers.items())
        self.connection.send_headers(stream, list(fields.items()), end_stream=ends and not body)
        self._flush()
        while body:
            size = min(self.connection.local_flow_control_window(stream), self.connection.max_outbound_frame_size)
            if not size:
                self._receive()
                continue
            piece, body = body[:size], body[size:]
            self.connection.send_data(stream, piece, end_stream=ends and not body)
            self._flush()
        return stream

    def until_body(self, stream: int) -> bytes:
        """Wait for the first piece of a response's body."""
        while not self.bodies[stream]:
            self._receive()
        return self.bodies[stream]

    def answer(self, stream: int) -> tuple[int, bytes]:
        """Wait for the end of a response; return its status and its body."""
        while stream not in self.ended:
            self._receive()
        return self.status[stream], self.bodies[stream]

    def reset(self, stream: int) -> None:
        """Abandon one request, and keep the connection."""
        self.connection.reset_stream(stream)
        self._flush()

    def _flush(self) -> None:
        self.socket.sendall(self.connection.data_to_send())

    def _receive(self) -> None:
        data = self.socket.recv(65536)
        assert data, "the server has closed the connection"
        for event in self.connection.receive_data(data):
            self._take(event)
        self._flush()

    def _take(self, event: Event) -> None:
        match event:
            case ResponseReceived():
                fields: dict[Any, Any] = dict(event.headers or [])
                self.status[event.stream_id] = int(fields[b":status"])
            case DataReceived():
                self.bodies[event.stream_id] += event.data or b""
                self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case StreamEnded() | StreamReset():
                self.ended.add(event.stream_id or 0)
            case ConnectionTerminated():
                raise AssertionError(f"the server ends the connection: {event}")
            case WindowUpdated() | _:
                pass
