"""A websocket as a conversation in ASGI messages (ASGI spec, "WebSocket"), whichever entry its client came through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

from ..crossing.coroutines import give_way, with_timeout
from ..crossing.inbox import Inbox
from ..crossing.outbox import Outbox
from .translation import Message, Scope

Data = str | bytes
RawPairs = list[tuple[bytes, bytes]]

CONNECTING, OPEN, ENDED = "connecting", "open", "ended"

#: Close codes (RFC 6455 section 7.4.1): all is well, an end goes away, the connection broke, the app failed.
NORMAL, GOING_AWAY, ABNORMAL, INTERNAL_ERROR = 1000, 1001, 1006, 1011
#: Codes that may be sent: registered ones, and those of libraries and apps (section 7.4.2).
SENDABLE = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}
#: Bytes of a reason, beside the code in a control frame (section 5.5).
LONGEST_REASON = 123
#: Bytes that each waiting message counts beside its content: a client may send any number of empty ones.
OVERHEAD = 128
#: The headers of a refusal that says in words why.
PLAIN_TEXT: RawPairs = [(b"content-type", b"text/plain; charset=utf-8")]
#: Seconds to wait, after a failed send, for the server to say how the client has left.
LINGER = 1
#: Most messages sent in a row before other tasks have a turn on the loop.
MOST_AT_ONCE = 64


class WebsocketClosed(Exception):
    """The websocket has ended: `receive` and `send` raise this, with the `code` and the `reason` of the end."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"The websocket has ended with code {code}" + (f": {reason}" if reason else "."))
        self.code = code
        self.reason = reason


class Conversation:
    """One websocket; its methods are awaited on the loop of its server."""

    def __init__(
        self,
        scope: Scope,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
        loop: Any,
        most_bytes: int,
        listen_later: Callable[[Inbox[Data]], None],
    ) -> None:
        """Hold up to `most_bytes` and one message for the view: the server waits while that much is unread.

        `listen_later(inbox)` schedules `inbox.listen()`.
        """
        self.scope = scope
        self.loop = loop
        self.state = CONNECTING
        #: Whether the view, or a hook, raised an error.
        self.has_failed = False
        #: What the client, or the server in its place, ended the websocket with.
        self.close_code: int | None = None
        self.close_reason = ""
        #: The task of an async view, or of a sync view that is blocked on anything but a message.
        self.view: Any = None
        #: Loop time of the last message either way, if `notes_activity`; the number being sent.
        self.active_at: float = loop.time()
        self.notes_activity = False
        self.sending = 0
        #: What the client sends.
        self.inbox: Inbox[Data] = Inbox(loop, receive, self._data_of, size_of, self.closed, most_bytes, listen_later)
        self.inbox.when_ended = self.cancel_waiting_view
        #: What threads send.
        self.outbox: Outbox[Message] | None = None
        self._send = send
        self._sent = 0
        self._gives_way = False
        #: Done when the server has been told that the websocket is closed.
        self._farewell: Any = None

    # What the server tells.

    def _data_of(self, message: Message) -> Data | None:
        """Return what the client sent, or note the end of the websocket and return None."""
        if message["type"] == "websocket.receive":
            if self.notes_activity:
                self.active_at = self.loop.time()
            data: Data | None = message.get("bytes")
            return message["text"] if data is None else data
        self.end(message.get("code") or ABNORMAL, message.get("reason") or "")
        return None

    def end(self, code: int, reason: str) -> None:
        """Note the end of the websocket; what was received before can still be read."""
        if self.state != ENDED:
            self.state, self.close_code, self.close_reason = ENDED, code, reason
            self.inbox.end()

    def cancel_waiting_view(self) -> None:
        """Cancel an async view, at the end of the websocket, unless it awaits a message directly.

        Within `gather(sending(), receiving())` it does not: `gather` ends all of its tasks if it is cancelled, and none
        if one of them fails.
        """
        if self.view is not None and not self._gives_way and not self.inbox.is_awaited_by(self.view):
            self.view.cancel()

    # What the view does.

    async def accept(self, headers: Iterable[tuple[str, str]] = (), subprotocol: str | None = None) -> None:
        """Accept the websocket, unless it was accepted before."""
        if self.state == CONNECTING:
            self.state = OPEN
            pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
            await self.tell({"type": "websocket.accept", "subprotocol": subprotocol, "headers": pairs})

    def receive(self) -> Coroutine[Any, Any, Data]:
        """Wait for the next message of the client. Raises WebsocketClosed after the last one."""
        return self.inbox.take() if self.state == OPEN else self._accept_and_receive()

    async def _accept_and_receive(self) -> Data:
        await self.accept()
        return await self.inbox.take()

    def send(self, data: Data) -> Coroutine[Any, Any, None]:
        """Send a message; wait while the client reads too slowly. Raises WebsocketClosed after the end."""
        message = message_of(data)
        return self.tell(message) if self.state == OPEN and self.outbox is None else self._tell_in_turn(message)

    async def _tell_in_turn(self, message: Message) -> None:
        """Accept the websocket, or send the threads' earlier messages; then send a message."""
        await self.accept()
        if self.outbox is not None:
            await self.outbox.until_sent()
        if self.state == ENDED:
            raise self.closed()
        await self.tell(message)

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close the websocket; before it is accepted this refuses it. Nothing happens if it has ended.

        If somebody else is closing it, wait until the server knows: the end of the view would be faster, since a server
        whose client does not read takes its time, and the client would never learn the code. Raises ValueError for a
        code that may not be sent, and a reason that is too long.
        """
        if code not in SENDABLE:
            raise ValueError(f"A websocket cannot be closed with code {code}: use 1000, or one from 3000 to 4999.")
        if len(reason.encode()) > LONGEST_REASON:
            raise ValueError(f"The reason of a close is at most {LONGEST_REASON} bytes long: {reason!r}.")
        if self.outbox is not None:
            await self.outbox.until_sent()
        if self.state != ENDED:
            self.end(code, reason)
            self._farewell = self.loop.create_future()
            try:
                await self.tell({"type": "websocket.close", "code": code, "reason": reason})
            finally:
                if not self._farewell.done():
                    self._farewell.set_result(None)
        elif self._farewell is not None:
            await self._farewell

    async def refuse(self, status: int, headers: RawPairs, body: bytes) -> None:
        """Answer the handshake with an HTTP response, where the server can send one; else with its 403."""
        self.end(ABNORMAL, "")
        for message in refusal(self.scope, status, headers, body):
            await self.tell(message)

    async def tell(self, message: Message) -> None:
        """Pass a message to the server. Raises WebsocketClosed if the client has left."""
        self.sending += 1
        try:
            await self._send(message)
        except OSError as error:  # the client has left (ASGI spec 2.4)
            await self._learn_end()
            raise self.closed() from error
        finally:
            self.sending -= 1
            if self.notes_activity:
                self.active_at = self.loop.time()
        self._sent += 1
        if not self._sent % MOST_AT_ONCE:
            self._gives_way = True  # the next `send` is told of an end
            try:
                await give_way()
            finally:
                self._gives_way = False

    async def _learn_end(self) -> None:
        """Read the server's messages to the last, which says how the client left."""
        with suppress(TimeoutError):
            await with_timeout(LINGER, self.inbox.until_ended())
        self.end(ABNORMAL, "")

    def closed(self) -> WebsocketClosed:
        """Return the error that tells of the end."""
        return WebsocketClosed(self.close_code or ABNORMAL, self.close_reason)


def refusal(scope: Scope, status: int, headers: RawPairs, body: bytes) -> list[Message]:
    """Make the messages that refuse a handshake: an HTTP response, where the server can send one, or its 403."""
    if "websocket.http.response" not in (scope.get("extensions") or ()):
        return [{"type": "websocket.close", "code": NORMAL, "reason": ""}]
    return [
        {"type": "websocket.http.response.start", "status": status, "headers": headers},
        {"type": "websocket.http.response.body", "body": body, "more_body": False},
    ]


def message_of(data: Data) -> Message:
    """Make the ASGI message with which an app sends."""
    return {"type": "websocket.send", "text" if isinstance(data, str) else "bytes": data}


def size_of(data: Data) -> int:
    """Return the bytes that a waiting message counts."""
    return len(data) + OVERHEAD
