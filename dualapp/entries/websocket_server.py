"""Serve a websocket on a connection that was taken over from a WSGI server: RFC 6455 below, ASGI messages above.

The protocol itself is that of the `websockets` library, which does no input or output. Messages are assembled here.
While many of a client's messages wait for the app, nothing more is read from that client. Whole messages are what is
bounded: a limit on fragments would wait for ever for the end of a long message. Little is read at once, for all that
one read brings is parsed: 16 KiB may be three thousand messages, or 16 MiB when inflated.
"""

from __future__ import annotations

import asyncio
import codecs
import math
from http import HTTPStatus
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any

from websockets.datastructures import Headers
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from ..crossing.handoff import FutureHandoff, Handoff, new_handoff
from ..exchange.conversation import ABNORMAL
from ..exchange.translation import Message, Scope
from .websocket_frames import BINARY, TEXT, Cutter, frame

if TYPE_CHECKING:
    from flask import Config

#: Compression with 12 bits of window and less memory takes 49 KiB a connection; zlib's defaults take 107.
DEFLATE = ServerPerMessageDeflateFactory(
    server_max_window_bits=12, client_max_window_bits=12, compress_settings={"memLevel": 5}
)
STATUS_PHRASES = {status.value: status.phrase for status in HTTPStatus}
#: Unwritten bytes above which `send` waits for the client.
MOST_UNSENT = 64 * 1024
#: How much is read at once, into a buffer for all: each read is parsed before the loop turns to another connection.
READ = memoryview(bytearray(16 * 1024))
#: Bytes and messages that wait for the app; above either, nothing more is read from the client.
MOST_UNREAD = 64 * 1024
MOST_MESSAGES = 64


class Protocol(ServerProtocol):
    """RFC 6455; a close frame may come between the fragments of a message (section 5.4 allows control frames there)."""

    #: Whether the client reads too slowly for answers to its pings.
    holds_pongs = False
    held_pong: Frame | None = None

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PING and self.holds_pongs:
            self.held_pong = Frame(Opcode.PONG, frame.data)
            return
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)

    def release_pong(self) -> None:
        """Answer the last of the pings that came meanwhile, which answers them all (section 5.5.3)."""
        self.holds_pongs, pong, self.held_pong = False, self.held_pong, None
        if pong is not None and self.state is State.OPEN:
            self.send_pong(pong.data)


class WebsocketConnection(asyncio.BufferedProtocol):
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
        self._incoming: list[Message] = [{"type": "websocket.connect"}]  # an empty deque takes 760 bytes
        self._cutter = Cutter(config["WEBSOCKET_MAX_MESSAGE_SIZE"] or math.inf)
        # The beginning of a frame's head, and how many bytes of a frame the library has still to get.
        self._begun = b""
        self._missing = 0
        # Whether messages may be taken from the library, and sent without it.
        self._is_open = self._sends_plain = False
        self._reader: Handoff | FutureHandoff | None = None
        self._is_paused = False
        #: Settled when the client has read enough; None while nothing waits for it.
        self._drained: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_ending = False
        self._pong_due: bytes | None = None
        self._text: codecs.IncrementalDecoder | None = None
        self._fragments: Any = None
        self._unread = 0
        self._response: Response | None = None
        self._refusal: list[bytes] = []
        self.ended = self._loop.create_future()

    @property
    def is_answered(self) -> bool:
        """Whether the handshake was refused without the app."""
        return self._is_ending

    @property
    def _has_ended(self) -> bool:
        return self._is_ending or self._transport.is_closing()

    # Called by the transport.

    def connection_made(self, transport: Any) -> None:
        """Read the handshake, which the WSGI server has received."""
        self._transport = transport
        transport.set_write_buffer_limits(MOST_UNSENT)
        self._protocol.receive_data(b"GET / HTTP/1.1\r\n\r\n")  # it waits for one before it waits for frames
        self._protocol.events_received()
        self._response = self._protocol.accept(handshake_of(self._scope))
        if self._response.status_code != 101:
            self._protocol.send_response(self._response)
            self._incoming.append({"type": "websocket.disconnect", "code": ABNORMAL})
            self._flush()

    def get_buffer(self, sizehint: int) -> memoryview:
        return READ

    def buffer_updated(self, size: int) -> None:
        data, start = self._begun + READ[:size], 0
        while start < len(data):
            end = self._take_frame(data, start)
            if end == start:
                break
            start = end
        self._begun = data[start:]

    def _take_frame(self, data: bytes, start: int) -> int:
        """Take a frame, or as much of it as there is; return where it ends."""
        if not self._missing:
            if self._is_open and (message := self._cutter.message(data, start)):
                content, end = message
                self._hear_message(data[start] == TEXT, content)
                self._wake_reader()
                return end
            if (size := self._cutter.size(data, start)) is None:
                return start
            self._missing = size
        end = min(start + self._missing, len(data))
        self._missing -= end - start
        self._protocol.receive_data(data[start:end])
        self._progress()
        return end

    def eof_received(self) -> None:
        self._protocol.receive_data(self._begun)
        self._protocol.receive_eof()
        self._progress()

    def connection_lost(self, error: Exception | None) -> None:
        if self._protocol.state is not State.CLOSED:
            self._protocol.receive_eof()
        self._stop_timer()
        self._hear_end()
        self._wake_reader()
        self._end_pause()
        if not self.ended.done():
            self.ended.set_result(None)

    def pause_writing(self) -> None:
        self._drained = self._loop.create_future()
        self._protocol.holds_pongs = True

    def resume_writing(self) -> None:
        self._end_pause()
        self._protocol.release_pong()
        self._flush()

    def _end_pause(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.set_result(None)

    # What the client sends.

    def _progress(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and not self._is_ending:
                self._receive_frame(event)
        self._flush()
        if self._protocol.state in (State.CLOSING, State.CLOSED):
            self._hear_end()
        self._wake_reader()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()
        if self._protocol.close_expected():
            self._await_end()

    def _receive_frame(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY if frame.fin:
                self._hear_message(frame.opcode is Opcode.TEXT, bytes(frame.data))
            case Opcode.TEXT | Opcode.BINARY | Opcode.CONT:
                self._assemble(frame)
            case Opcode.PONG if self._pong_due is not None and bytes(frame.data) == self._pong_due:
                self._stop_timer()
                self._ping_later()

    def _assemble(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._text = codecs.getincrementaldecoder("utf-8")() if frame.opcode is Opcode.TEXT else None
            self._fragments = StringIO(newline="") if self._text is not None else BytesIO()
        data: Any = frame.data
        if self._text is not None:
            try:
                data = self._text.decode(bytes(data), frame.fin)
            except UnicodeDecodeError as error:
                self._fail_to_decode(error)
                return
        self._fragments.write(data)  # in one piece: there may be a million of them, or endlessly many empty ones
        if frame.fin:
            whole = self._fragments.getvalue()
            self._fragments = None
            kind = "text" if self._text is not None else "bytes"
            self._hear_data({"type": "websocket.receive", kind: whole}, len(whole))

    def _hear_message(self, is_text: bool, data: bytes) -> None:
        """Hear a message that came in one frame."""
        if not is_text:
            self._hear_data({"type": "websocket.receive", "bytes": data}, len(data))
            return
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            self._fail_to_decode(error)
        else:
            self._hear_data({"type": "websocket.receive", "text": text}, len(data))

    def _fail_to_decode(self, error: UnicodeDecodeError) -> None:
        self._protocol.fail(CloseCode.INVALID_DATA, f"{error.reason} at position {error.start}")
        self._progress()

    def _hear_data(self, message: Message, size: int) -> None:
        self._incoming.append(message)
        self._unread += size
        if self._unread > MOST_UNREAD or len(self._incoming) > MOST_MESSAGES:
            self._is_paused = True
            self._transport.pause_reading()

    def _wake_reader(self) -> None:
        """Have the app take what has come, at once; to be called from a callback of the loop, not from a task."""
        if self._reader is not None and self._incoming:
            reader, self._reader = self._reader, None
            reader.settle(None, None)

    def _hear_end(self) -> None:
        if not self._incoming or self._incoming[-1]["type"] != "websocket.disconnect":
            close = self._protocol.close_rcvd or self._protocol.close_sent
            code, reason = (ABNORMAL, "") if close is None else (close.code, close.reason)
            self._incoming.append({"type": "websocket.disconnect", "code": code, "reason": reason})
        self._await_end()

    # Timers.

    def _await_end(self) -> None:
        """Read until the connection ends; abort it after the close timeout, and stop the pings."""
        if not self._has_ended:
            self._is_ending, self._is_open = True, False
            self._stop_timer()
            self._timer = self._loop.call_later(self._close_timeout, self._transport.abort)
            self._transport.resume_reading()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ping_later(self) -> None:
        self._pong_due = None
        if self._ping_interval is not None:
            self._timer = self._loop.call_later(self._ping_interval, self._ping)

    def _ping(self) -> None:
        self._pong_due = repr(self._loop.time()).encode()
        self._protocol.send_ping(self._pong_due)
        self._flush()
        if self._ping_timeout is None:
            self._ping_later()
        else:
            self._timer = self._loop.call_later(self._ping_timeout, self._miss_pong)

    def _miss_pong(self) -> None:
        if not self._transport.is_reading():  # it is the app that is slow
            self._ping_later()
        else:
            self._protocol.fail(CloseCode.INTERNAL_ERROR, "no answer to a ping")
            self._progress()

    # For the app.

    async def receive(self) -> Message:
        """Return the next ASGI message of the client."""
        while not self._incoming:
            self._reader = new_handoff(self._loop)
            await self._reader
        message = self._incoming.pop(0)
        if not self._incoming:
            self._unread = 0
            if self._is_paused and not self._transport.is_closing():
                self._is_paused = False
                self._transport.resume_reading()
        return message

    async def send(self, message: Message) -> None:
        """Send an ASGI message of the app; wait while the client reads too slowly. Raises OSError if it has left."""
        if self._has_ended:
            raise OSError("The client has left.")
        if message["type"] == "websocket.send":
            self._send_message(message.get("text"), message.get("bytes"))
        else:
            self._answer(message)
            self._flush()
        if self._drained is not None:
            await asyncio.shield(self._drained)  # others may wait for it

    def _answer(self, message: Message) -> None:
        match message["type"]:
            case "websocket.accept":
                self._accept(message)
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

    def _send_message(self, text: str | None, data: bytes | None) -> None:
        if self._sends_plain and self._is_open:
            whole = frame(TEXT, text.encode()) if text is not None else frame(BINARY, data or b"")
            self._transport.write(whole)
            return
        if text is not None:
            self._protocol.send_text(text.encode())
        else:
            self._protocol.send_binary(data or b"")
        self._flush()

    def _accept(self, message: Message) -> None:
        response, self._response = self._response, None
        assert response is not None
        for name, value in message.get("headers", ()):
            response.headers[name.decode("latin-1")] = value.decode("latin-1")
        if subprotocol := message.get("subprotocol"):
            response.headers["Sec-WebSocket-Protocol"] = subprotocol
        self._protocol.send_response(response)
        self._is_open, self._sends_plain = True, "Sec-WebSocket-Extensions" not in response.headers
        self._ping_later()

    def _refuse(self, status: int, headers: Any, body: bytes) -> None:
        fields = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])
        for name in ("Connection", "Content-Length"):
            fields.pop(name, None)
        fields["Connection"], fields["Content-Length"] = "close", str(len(body))
        self._protocol.send_response(Response(status, STATUS_PHRASES.get(status, ""), fields, body))

    def _refuse_or_close(self, status: int, code: CloseCode) -> None:
        """End the websocket with a status before the handshake is answered, else with a code, unless it has ended."""
        if self._has_ended:
            return
        if self._protocol.state is State.CONNECTING:
            self._refuse(status, [], b"")
        elif self._protocol.state is State.OPEN:
            self._protocol.send_close(code)
        self._flush()

    def finish(self, has_failed: bool) -> None:
        """End the websocket, whose app has returned or failed, unless the app has ended it."""
        self._refuse_or_close(500, CloseCode.INTERNAL_ERROR if has_failed else CloseCode.NORMAL_CLOSURE)

    async def go_away(self) -> None:
        """Close the websocket because the process ends."""
        self._refuse_or_close(503, CloseCode.GOING_AWAY)
        self._hear_end()
        self._loop.call_soon(self._wake_reader)
        await asyncio.wait([self.ended], timeout=self._close_timeout)


def handshake_of(scope: Scope) -> Request:
    """Make the handshake for `websockets`, which looks at its headers."""
    return Request(
        "/", Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]])
    )
