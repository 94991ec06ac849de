"""Serve a websocket on a connection that was taken over from a WSGI server: RFC 6455 below, ASGI messages above.

The protocol itself is that of the `websockets` library, which does no input or output. Messages are assembled here.
While many of a client's messages wait for the app, nothing more is read from that client. Whole messages are what is
bounded: a limit on fragments would wait for ever for the end of a long message.
"""

from __future__ import annotations

import asyncio
import codecs
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from websockets.datastructures import Headers
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from ..exchange.conversation import ABNORMAL
from ..exchange.translation import Message, Scope

if TYPE_CHECKING:
    from flask import Config

#: Compression with 12 bits of window and less memory takes 49 KiB a connection; zlib's defaults take 107.
DEFLATE = ServerPerMessageDeflateFactory(
    server_max_window_bits=12, client_max_window_bits=12, compress_settings={"memLevel": 5}
)
STATUS_PHRASES = {status.value: status.phrase for status in HTTPStatus}
#: What has to be written before `send` waits for the client.
MOST_UNSENT = 64 * 1024
#: Of a client that has more than so many bytes, or so many messages, waiting for the app nothing more is read.
MOST_UNREAD = 64 * 1024
MOST_MESSAGES = 64


class Protocol(ServerProtocol):
    """RFC 6455; a close frame may come between the fragments of a message (section 5.4 allows control frames there)."""

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)


class WebsocketConnection(asyncio.Protocol):
    """The server's end of one websocket."""

    _transport: asyncio.Transport

    def __init__(self, scope: Scope, config: Config) -> None:
        self._scope = scope
        self._ping_interval: float | None = config["WEBSOCKET_PING_INTERVAL"]
        self._ping_timeout: float | None = config["WEBSOCKET_PING_TIMEOUT"]
        self._close_timeout: float = config["WEBSOCKET_CLOSE_TIMEOUT"]
        self._protocol = Protocol(
            extensions=[DEFLATE] if config["WEBSOCKET_COMPRESSION"] else [],
            max_size=config["WEBSOCKET_MAX_MESSAGE_SIZE"],
        )
        self._loop = asyncio.get_running_loop()
        self._incoming = deque[Message]([{"type": "websocket.connect"}])
        self._reader: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pong_due: Any = None
        self._text: codecs.IncrementalDecoder | None = None
        self._fragments: list[Any] = []
        self._unread = 0
        self._response: Response | None = None
        self._refusal: list[bytes] = []
        self.ended = self._loop.create_future()

    # Of the transport.

    def connection_made(self, transport: Any) -> None:
        """Read the handshake, which the WSGI server has received."""
        self._transport = transport
        transport.set_write_buffer_limits(MOST_UNSENT)
        self._protocol.receive_data(head_of(self._scope))
        (request,) = self._protocol.events_received()
        assert isinstance(request, Request)
        self._response = self._protocol.accept(request)
        if self._response.status_code != 101:
            self._protocol.send_response(self._response)
            self._hear({"type": "websocket.disconnect", "code": ABNORMAL})
            self._flush()

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        self._progress()

    def eof_received(self) -> None:
        self._protocol.receive_eof()
        self._progress()

    def connection_lost(self, error: Exception | None) -> None:
        if self._protocol.state is not State.CLOSED:
            self._protocol.receive_eof()
        self._stop_timer()
        self._hear_end()
        self.resume_writing()
        if not self.ended.done():
            self.ended.set_result(None)

    def pause_writing(self) -> None:
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    # Of the protocol.

    def _progress(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and self._protocol.state is State.OPEN:
                self._take(event)
        self._flush()
        if self._protocol.state in (State.CLOSING, State.CLOSED):
            self._hear_end()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()
        if self._protocol.close_expected():
            self._abort_later()

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG:
            if self._pong_due is not None and bytes(frame.data) == self._pong_due:
                self._pong_due = None
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._assemble(frame)

    def _assemble(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._text = codecs.getincrementaldecoder("utf-8")() if frame.opcode is Opcode.TEXT else None
            self._fragments = []
        data: Any = frame.data
        if self._text is not None:
            try:
                data = self._text.decode(bytes(data), frame.fin)
            except UnicodeDecodeError as error:
                self._protocol.fail(CloseCode.INVALID_DATA, f"{error.reason} at position {error.start}")
                return
        self._fragments.append(data)
        if frame.fin:
            whole = "".join(self._fragments) if self._text is not None else b"".join(map(bytes, self._fragments))
            self._fragments = []
            self._hear({"type": "websocket.receive", "text" if self._text is not None else "bytes": whole})
            self._unread += len(whole)
            if self._unread > MOST_UNREAD or len(self._incoming) > MOST_MESSAGES:
                self._transport.pause_reading()

    def _hear(self, message: Message) -> None:
        self._incoming.append(message)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _hear_end(self) -> None:
        if not self._incoming or self._incoming[-1]["type"] != "websocket.disconnect":
            code, reason = self._protocol.close_code, self._protocol.close_reason
            rcvd = self._protocol.close_rcvd
            if rcvd is not None:
                code, reason = rcvd.code, rcvd.reason
            self._hear({"type": "websocket.disconnect", "code": code or ABNORMAL, "reason": reason or ""})
        self._stop_timer()
        self._abort_later()

    # Timers.

    def _abort_later(self) -> None:
        if self._timer is None and not self._transport.is_closing():
            self._timer = self._loop.call_later(self._close_timeout, self._transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ping_later(self) -> None:
        if self._ping_interval is not None:
            self._timer = self._loop.call_later(self._ping_interval, self._ping)

    def _ping(self) -> None:
        self._timer = None
        if self._protocol.state is not State.OPEN:
            return
        self._pong_due = repr(self._loop.time()).encode()
        self._protocol.send_ping(self._pong_due)
        self._flush()
        if self._ping_timeout is None:
            self._ping_later()
        else:
            self._timer = self._loop.call_later(self._ping_timeout, self._check_pong)

    def _check_pong(self) -> None:
        self._timer = None
        if self._pong_due is None:
            self._ping_later()
        else:
            self._protocol.fail(CloseCode.INTERNAL_ERROR, "no answer to a ping")
            self._progress()

    # For the app.

    async def receive(self) -> Message:
        """Return the next ASGI message of the client."""
        while not self._incoming:
            self._reader = self._loop.create_future()
            await self._reader
        message = self._incoming.popleft()
        if not self._incoming:
            self._unread = 0
            if not self._transport.is_closing():
                self._transport.resume_reading()  # does nothing unless it was paused
        return message

    async def send(self, message: Message) -> None:
        """Send an ASGI message of the app; wait while the client reads too slowly. Raises OSError if it has left."""
        if self._transport.is_closing() or self._protocol.state not in (State.CONNECTING, State.OPEN):
            raise OSError("The client has left.")
        match message["type"]:
            case "websocket.accept":
                self._accept(message)
            case "websocket.send":
                if (text := message.get("text")) is not None:
                    self._protocol.send_text(text.encode())
                else:
                    self._protocol.send_binary(message["bytes"])
            case "websocket.close" if self._protocol.state is State.CONNECTING:
                self._refuse(403, [], b"")
            case "websocket.close":
                self._protocol.send_close(message.get("code", 1000), message.get("reason") or "")
            case "websocket.http.response.start":
                self._refusal_status, self._refusal_headers = message["status"], message["headers"]
            case "websocket.http.response.body":
                self._refusal.append(message.get("body", b""))
                if not message.get("more_body"):
                    self._refuse(self._refusal_status, self._refusal_headers, b"".join(self._refusal))
        self._flush()
        if self._drained is not None:
            await self._drained

    def _accept(self, message: Message) -> None:
        response = self._response
        assert response is not None
        for name, value in message.get("headers", ()):
            response.headers[name.decode("latin-1")] = value.decode("latin-1")
        if subprotocol := message.get("subprotocol"):
            response.headers["Sec-WebSocket-Protocol"] = subprotocol
        self._protocol.send_response(response)
        self._ping_later()

    def _refuse(self, status: int, headers: Any, body: bytes) -> None:
        fields = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])
        for name in ("Connection", "Content-Length"):
            fields.pop(name, None)
        fields["Connection"], fields["Content-Length"] = "close", str(len(body))
        self._protocol.send_response(Response(status, STATUS_PHRASES.get(status, ""), fields, body))

    async def go_away(self) -> None:
        """Close the websocket because the process ends."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(CloseCode.GOING_AWAY)
            self._flush()
            self._hear_end()
        await asyncio.wait([self.ended], timeout=self._close_timeout)


def head_of(scope: Scope) -> bytes:
    """Spell the handshake as it came over the wire; what `websockets` reads of it are the headers."""
    lines = [b"GET / HTTP/1.1", *(b"%b: %b" % header for header in scope["headers"])]
    return b"\r\n".join(lines) + b"\r\n\r\n"
