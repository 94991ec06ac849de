"""The websocket as views see it: Quart's class, whose methods are awaited on a loop and block in a thread."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import quart
from werkzeug.datastructures import Headers

from ..compat.upstream import running_loop
from ..crossing.bridge import await_on, run_on_loop
from ..exchange.blocking_conversation import BlockingConversation
from ..exchange.conversation import NORMAL, Conversation, Data, WebsocketClosed
from ..exchange.translation import address_of_client
from .head import checked_header

if TYPE_CHECKING:
    from ..exchange.handshake import Handshake

#: Most bytes that wait in the outbox of threads.
MOST_UNSENT = 64 * 1024


class Websocket(quart.Websocket):
    """One websocket. In `async def` code its methods are awaited, in `def` code they block.

    `receive` and `send` raise WebsocketClosed when it has ended; a loop over the websocket ends with it.
    """

    def __init__(self, handshake: Handshake, conversation: Conversation) -> None:
        scope = handshake.scope
        # Quart's own constructors, which differ between its versions, take functions that these methods replace.
        super(quart.Websocket, self).__init__(
            "GET",
            scope.get("scheme", "ws"),
            handshake.path,
            handshake.query_string,
            handshake.headers,
            scope.get("root_path", ""),
            scope["http_version"],
            scope,  # type: ignore[arg-type]  # a dict
        )
        self.remote_addr = address_of_client(scope)
        self._conversation = conversation

    @property
    def requested_subprotocols(self) -> list[str]:
        """The subprotocols that the client offers."""
        subprotocols: Any = self.scope.get("subprotocols") or ()
        return [*subprotocols]

    @property
    def close_code(self) -> int | None:
        """The close code (RFC 6455 section 7.4), None while the websocket is open."""
        return self._conversation.close_code

    @property
    def close_reason(self) -> str:
        """The reason that was given with the close code."""
        return self._conversation.close_reason

    def accept(self, headers: Any = None, subprotocol: str | None = None) -> Any:
        """Accept the websocket, with more headers and one of the offered subprotocols; a second time does nothing."""
        pairs = [checked_header(*pair) for pair in Headers(headers or ()).items()]
        return self._do(self._conversation.accept, pairs, subprotocol)

    def receive(self) -> Any:
        """Wait for the next message, `str` or `bytes`. Accepts the websocket; raises WebsocketClosed at its end."""
        conversation = self._conversation
        if running_loop() is conversation.loop:
            return conversation.receive()
        return self._blocking.receive() if running_loop() is None else self._do(conversation.receive)

    def send(self, data: Data) -> Any:
        """Send a message, text or binary. Accepts the websocket; raises WebsocketClosed if it has ended."""
        if not isinstance(data, str):
            data = bytes(data)
        conversation = self._conversation
        if running_loop() is conversation.loop:
            return conversation.send(data)
        return self._blocking.send(data) if running_loop() is None else self._do(conversation.send, data)

    def receive_json(self) -> Any:
        """Wait for the next message, and parse it as JSON."""
        return self.json_module.loads(self.receive()) if running_loop() is None else self._do(self._receive_json)

    async def _receive_json(self) -> Any:
        return self.json_module.loads(await self._conversation.receive())

    def send_json(self, *args: Any, **kwargs: Any) -> Any:
        """Send a value as JSON: the argument, a list of several, or a dict of keyword arguments."""
        if args and kwargs:
            raise TypeError("send_json takes positional or keyword arguments, not both.")
        value = (args[0] if len(args) == 1 else [*args]) if args else kwargs
        return self.send(self.json_module.dumps(value))

    def close(self, code: int = NORMAL, reason: str = "") -> Any:
        """Close the websocket; one that was not accepted is refused."""
        return self._do(self._conversation.close, code, reason)

    @cached_property
    def _blocking(self) -> BlockingConversation:
        # Two threads at once both get the first one's.
        blocking = vars(self).setdefault("_blocking", BlockingConversation(self._conversation, MOST_UNSENT))
        self._conversation.outbox = blocking.outbox
        return blocking  # type: ignore[no-any-return]  # it is one

    def _do(self, func: Callable[..., Any], *args: Any) -> Any:
        """Await a method of the conversation: on its loop, from another loop, or from a thread."""
        loop = running_loop()
        if loop is None:
            return run_on_loop(func, *args)
        return func(*args) if loop is self._conversation.loop else await_on(self._conversation.loop, func, *args)

    def __aiter__(self) -> AsyncIterator[Data]:
        return self._messages()

    async def _messages(self) -> AsyncIterator[Data]:
        try:
            while True:
                message: Awaitable[Data] = self.receive()
                yield await message
        except WebsocketClosed:
            pass

    def __iter__(self) -> Iterator[Data]:
        try:
            while True:
                yield self.receive()
        except WebsocketClosed:
            pass
