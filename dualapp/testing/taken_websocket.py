"""A websocket through the WSGI entry: over a connection that the app takes over, as it does from a server.

The `websockets` library, which does no input or output, speaks for the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from socket import socketpair
from typing import TYPE_CHECKING, Any

from werkzeug.test import run_wsgi_app

from ..crossing.thread_pool import from_loop
from ..exchange.conversation import ABNORMAL, RawPairs
from ..exchange.handshake import Handshake
from ..exchange.translation import TOLD_OF_END, Message, Scope
from ..shortcuts.plain_response import raw_pairs
from .websocket import ClientWebsocket

try:
    from websockets.client import ClientProtocol
    from websockets.frames import Frame, Opcode
    from websockets.http11 import Response
    from websockets.uri import parse_uri
except ModuleNotFoundError:
    raise ImportError("A websocket through the WSGI entry needs: pip install 'dualapp[websockets]'") from None

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

CHUNK_SIZE = 64 * 1024
LEAVING = {"type": "websocket.disconnect", "code": ABNORMAL, "reason": ""}


class TakenClientWebsocket(ClientWebsocket):
    """The client's end of a websocket, with a socket between it and the app."""

    _has_left = False

    def __init__(self, app: Any, scope: Scope) -> None:
        super().__init__(app, scope)
        self._answered = asyncio.Event()

    async def _serve(self) -> None:
        """Play the server until it has lost its connection, and the client until the app has ended; raise its error."""
        offered: Any = self.scope.get("subprotocols") or None
        self._protocol = ClientProtocol(parse_uri("ws://localhost"), subprotocols=offered)
        self._protocol.send_request(self._protocol.connect())
        self._protocol.data_to_send()  # the server has received the handshake
        ended = asyncio.get_running_loop().create_future()
        servers, clients = socketpair()
        with servers, clients:
            environ = {**self._environ(), "werkzeug.socket": servers, TOLD_OF_END: settling(ended)}
            body, status, headers = await from_loop(run_wsgi_app, self.app.wsgi, environ, True)
            servers.close()
            if status.startswith("101 "):
                await self._talk(clients)
                await ended
            else:
                await self._hear_refusal(int(status.split()[0]), raw_pairs([*headers]), b"".join(body))

    def _environ(self) -> WSGIEnvironment:
        handshake: Any = Handshake(self.scope, self._to_app.get, None)
        environ = {name: value for name, value in handshake.environ.items() if name != "asgi.scope"}
        key = {"HTTP_SEC_WEBSOCKET_KEY": self._protocol.key, "HTTP_SEC_WEBSOCKET_VERSION": "13"}
        offered = ", ".join(self.scope.get("subprotocols") or ())
        return {**environ, **key, **({"HTTP_SEC_WEBSOCKET_PROTOCOL": offered} if offered else {})}

    async def _talk(self, socket: Any) -> None:
        socket.setblocking(False)
        reader, self._writer = await asyncio.open_connection(sock=socket)
        speaking = asyncio.create_task(self._speak())
        try:
            with suppress(OSError):  # the app has closed it with messages of ours unread
                while data := await reader.read(CHUNK_SIZE):
                    self._protocol.receive_data(data)
                    await self._hear_events()
                    self._flush()
        finally:
            speaking.cancel()
            self._writer.close()

    async def _speak(self) -> None:
        """Send what the test sends, once the app has answered; it may leave before that."""
        while (message := await self._to_app.get()) != LEAVING:
            if message["type"] != "websocket.connect":
                await self._answered.wait()
                self._say(message)
                self._flush()
        self._has_left = True
        self._writer.write_eof()  # the app reads what was sent before

    def _say(self, message: Message) -> None:
        match message:
            case {"text": text}:
                self._protocol.send_text(text.encode())
            case {"bytes": data}:
                self._protocol.send_binary(data)
            case {"code": code, "reason": reason}:
                self._protocol.send_close(code, reason)

    def _flush(self) -> None:
        if not self._has_left:
            self._writer.write(b"".join(self._protocol.data_to_send()))

    async def _hear_events(self) -> None:
        for event in self._protocol.events_received():
            match event:
                case Response(status_code=101, headers=headers):
                    subprotocol = self._protocol.subprotocol
                    message = {"type": "websocket.accept", "subprotocol": subprotocol, "headers": pairs_of(headers)}
                    await self._hear(message)
                    self._answered.set()
                case Response(status_code=status, headers=headers, body=body):
                    await self._hear_refusal(status, pairs_of(headers), bytes(body or b""))
                case Frame(opcode=Opcode.TEXT, data=data):
                    await self._hear({"type": "websocket.send", "text": bytes(data).decode()})
                case Frame(opcode=Opcode.BINARY, data=data):
                    await self._hear({"type": "websocket.send", "bytes": bytes(data)})
                case Frame(opcode=Opcode.CLOSE):
                    end = self._protocol.close_rcvd
                    if end is not None:
                        await self._hear({"type": "websocket.close", "code": end.code, "reason": end.reason})

    async def _hear_refusal(self, status: int, headers: RawPairs, body: bytes) -> None:
        await self._hear({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await self._hear({"type": "websocket.http.response.body", "body": body})


def pairs_of(headers: Any) -> RawPairs:
    return raw_pairs([*headers.raw_items()])


def settling(ended: asyncio.Future[None]) -> Callable[[Exception | None], None]:
    """Return a function that ends the wait for a future, from whichever thread."""

    def settle(error: Exception | None) -> None:
        if ended.done():
            return
        if error is None:
            ended.set_result(None)
        else:
            ended.set_exception(error)

    def tell(error: Exception | None) -> None:
        ended.get_loop().call_soon_threadsafe(settle, error)

    return tell
