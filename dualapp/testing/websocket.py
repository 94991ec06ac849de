"""A websocket to an app in this process, with the methods of Quart's for tests."""

from __future__ import annotations

import asyncio
from typing import Any, Self

from quart.json import dumps, loads
from quart.testing.connections import WebsocketResponseError

from ..exchange.conversation import ABNORMAL, Data, WebsocketClosed
from ..exchange.translation import Message, Scope
from .asgi_call import headers_from


class ClientWebsocket:
    """The client's end of a websocket.

    `receive` raises WebsocketClosed when the app has closed it, and Quart's WebsocketResponseError, with the response,
    when the app has refused it.
    """

    accepted = False
    subprotocol: str | None = None
    close_code: int | None = None
    close_reason = ""
    #: Seconds that `receive` may wait before it raises TimeoutError; None for no limit.
    timeout: float | None = None

    def __init__(self, app: Any, scope: Scope) -> None:
        self.app = app
        self.scope = scope
        #: Those of the accepted handshake, or of the response that refuses it.
        self.headers: Any = None
        self.status_code: int | None = None
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Data | Exception] = asyncio.Queue()
        self._refusal = bytearray()

    async def __aenter__(self) -> Self:
        self._to_app.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.ensure_future(self._serve())
        self._task.add_done_callback(self._note_end)
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.disconnect()
        await self._task  # raises what the app raises

    async def _serve(self) -> None:
        await self.app(self.scope, self._to_app.get, self._hear)

    def _note_end(self, task: asyncio.Future[None]) -> None:
        error: Any = None if task.cancelled() else task.exception()
        self._from_app.put_nowait(error or WebsocketClosed(self.close_code or ABNORMAL, self.close_reason))

    async def receive(self) -> Data:
        """Wait for the app's next message."""
        async with asyncio.timeout(self.timeout):
            message = await self._from_app.get()
        if isinstance(message, Exception):
            raise message
        return message

    async def send(self, data: Data) -> None:
        """Send a message to the app."""
        kind = "text" if isinstance(data, str) else "bytes"
        self._to_app.put_nowait({"type": "websocket.receive", kind: data})

    async def receive_json(self) -> Any:
        """Wait for the app's next message, and parse it as JSON."""
        return loads(await self.receive())

    async def send_json(self, data: Any) -> None:
        """Send a value as JSON."""
        await self.send(dumps(data))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the websocket, as a client does."""
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})

    async def disconnect(self) -> None:
        """Leave without closing the websocket."""
        await self.close(ABNORMAL)

    async def _hear(self, message: Message) -> None:
        match message["type"]:
            case "websocket.accept":
                self.accepted, self.subprotocol = True, message.get("subprotocol")
                self.headers = headers_from(message.get("headers", ()))
            case "websocket.send":
                data = message.get("bytes")
                self._from_app.put_nowait(message["text"] if data is None else data)
            case "websocket.close":
                self.close_code, self.close_reason = message.get("code", 1000), message.get("reason") or ""
            case "websocket.http.response.start":
                self.status_code, self.headers = message["status"], headers_from(message["headers"])
            case "websocket.http.response.body":
                self._refusal += message.get("body", b"")
                if not message.get("more_body", False):
                    response = self.app.response_class(bytes(self._refusal), self.status_code, self.headers)
                    self._from_app.put_nowait(WebsocketResponseError(response))
