"""A websocket as a conversation in ASGI messages (ASGI spec, "WebSocket"), whichever entry its client came through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from ..crossing.bounded_queue import BoundedQueue
from .translation import Message, Scope

Data = str | bytes
RawPairs = list[tuple[bytes, bytes]]

CONNECTING, OPEN, ENDED = "connecting", "open", "ended"

#: Close codes (RFC 6455 section 7.4.1): all is well, an end goes away, the connection broke, the app failed.
NORMAL, GOING_AWAY, ABNORMAL, INTERNAL_ERROR = 1000, 1001, 1006, 1011
#: What an end may say: those that are registered for it, and those of libraries and apps (section 7.4.2).
SENDABLE = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}
#: Bytes of a reason, which a control frame has besides the code (section 5.5).
LONGEST_REASON = 123
#: What a message that waits for the view takes besides its content: endlessly many empty ones are endlessly much.
OVERHEAD = 128


class WebsocketClosed(Exception):
    """The websocket has ended: `receive` and `send` raise this, with the `code` and the `reason` of the end."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"The websocket has ended with code {code}" + (f": {reason}" if reason else "."))
        self.code = code
        self.reason = reason


class Conversation:
    """One websocket; its methods are awaited on the loop of its server."""

    def __init__(self, scope: Scope, send: Callable[[Message], Awaitable[None]], loop: Any, most_bytes: int) -> None:
        """Hold up to `most_bytes` and one message for the view: the server waits while that much is unread."""
        self.scope = scope
        self.loop = loop
        self.state = CONNECTING
        #: Whether the view, or a hook, raised an error.
        self.has_failed = False
        #: What the client, or the server in its place, ended the websocket with.
        self.close_code: int | None = None
        self.close_reason = ""
        #: Cancels the view, while an async one is running.
        self.cancel_view: Callable[[], object] | None = None
        #: When the last message came or went, on the clock of the loop, and how many are being sent.
        self.active_at: float = loop.time()
        self.sending = 0
        self.received: BoundedQueue[Data] = BoundedQueue(most_bytes)
        self._send = send

    # What the server tells.

    async def hear(self, message: Message) -> bool:
        """Keep a message of the server for the view; tell whether more may follow. Waits while too much is unread."""
        if message["type"] == "websocket.receive":
            data: Data | None = message.get("bytes")
            data = message["text"] if data is None else data
            self.active_at = self.loop.time()
            self.received.give(data, len(data) + OVERHEAD)
            await self.received.until_room()
            return True
        self.end(message.get("code") or ABNORMAL, message.get("reason") or "")
        return False

    def end(self, code: int, reason: str) -> None:
        """Note the end of the websocket; what was received before can still be read."""
        if self.state != ENDED:
            self.state, self.close_code, self.close_reason = ENDED, code, reason
            self.received.close()

    def cancel_waiting_view(self) -> None:
        """Cancel an async view that waits for something else than a message, at the end of the websocket."""
        if self.cancel_view is not None and not self.received.readers:
            self.cancel_view()

    # What the view does.

    async def accept(self, headers: Iterable[tuple[str, str]] = (), subprotocol: str | None = None) -> None:
        """Accept the websocket, unless it was accepted before."""
        if self.state == CONNECTING:
            self.state = OPEN
            pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
            await self._tell({"type": "websocket.accept", "subprotocol": subprotocol, "headers": pairs})

    async def receive(self) -> Data:
        """Wait for the next message of the client. Raises WebsocketClosed after the last one."""
        await self.accept()
        data = await self.received.take()
        if data is None:
            raise self._closed()
        return data

    async def send(self, data: Data) -> None:
        """Send a message; wait while the client reads too slowly. Raises WebsocketClosed after the end."""
        await self.accept()
        if self.state == ENDED:
            raise self._closed()
        await self._tell({"type": "websocket.send", "text" if isinstance(data, str) else "bytes": data})

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close the websocket; before it is accepted this refuses it. Nothing happens if it has ended.

        Raises ValueError for a code that may not be sent, and a reason that is too long.
        """
        if code not in SENDABLE:
            raise ValueError(f"A websocket cannot be closed with code {code}: use 1000, or one from 3000 to 4999.")
        if len(reason.encode()) > LONGEST_REASON:
            raise ValueError(f"The reason of a close is at most {LONGEST_REASON} bytes long: {reason!r}.")
        if self.state != ENDED:
            self.end(code, reason)
            await self._tell({"type": "websocket.close", "code": code, "reason": reason})

    async def refuse(self, status: int, headers: RawPairs, body: bytes) -> None:
        """Answer the handshake with an HTTP response, where the server can send one; else with its 403."""
        if "websocket.http.response" not in (self.scope.get("extensions") or ()):
            await self.close()
            return
        self.end(ABNORMAL, "")
        await self._tell({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await self._tell({"type": "websocket.http.response.body", "body": body, "more_body": False})

    async def _tell(self, message: Message) -> None:
        self.sending += 1
        try:
            await self._send(message)
        except OSError as error:  # the client has left (ASGI spec 2.4)
            self.end(ABNORMAL, "")
            raise self._closed() from error
        finally:
            self.sending -= 1
            self.active_at = self.loop.time()

    def _closed(self) -> WebsocketClosed:
        return WebsocketClosed(self.close_code or ABNORMAL, self.close_reason)
