"""A websocket that has joined a channel, with a queue of its own: a slow client holds up no other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context as Variables
from typing import Self

from ..crossing.bounded_queue import BoundedQueue
from ..crossing.bridge import run_on_loop
from ..exchange.conversation import OVERHEAD, Conversation, Data, WebsocketClosed

#: The client does not read what it is sent (RFC 6455 section 7.4.1).
POLICY_VIOLATION = 1008


class Member:
    """A websocket within a channel, for as long as a `with` block, or an `async with` block, lasts."""

    def __init__(
        self,
        conversation: Conversation,
        most_bytes: int,
        join: Callable[[Member], Awaitable[None]],
        leave: Callable[[Member], Awaitable[None]],
    ) -> None:
        """Close the websocket when more than `most_bytes` wait for its client."""
        self._conversation = conversation
        self._join, self._leave = join, leave
        self._waiting = BoundedQueue[Data](most_bytes)

    async def __aenter__(self) -> Self:
        await self._conversation.accept()
        try:
            await self._join(self)
        except BaseException:
            await self._leave(self)
            raise
        # None of the view's context variables: the task is not part of the view.
        self._sender = asyncio.create_task(self._send_what_comes(), context=Variables())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sender.cancel()
        await self._leave(self)

    def __enter__(self) -> Self:
        return run_on_loop(self._enter_for_thread)

    async def _enter_for_thread(self) -> Self:
        """Join for a `def` view; stop waiting if its client leaves."""
        conversation = self._conversation
        conversation.view = asyncio.current_task()
        try:
            return await self.__aenter__()
        except asyncio.CancelledError:
            if conversation.close_code is None:
                raise
            raise WebsocketClosed(conversation.close_code, conversation.close_reason) from None
        finally:
            conversation.view = None

    def __exit__(self, *error: object) -> None:
        run_on_loop(self.__aexit__, *error)

    def offer(self, data: Data) -> None:
        """Send a message as soon as the client has taken those before it."""
        if self._waiting.has_room():
            self._waiting.give(data, len(data) + OVERHEAD)
        else:
            self._waiting.discard()  # with all that follows
            self.close(POLICY_VIOLATION, "You read too slowly.")

    def close(self, code: int, reason: str) -> None:
        """Close the websocket, from whichever thread."""
        asyncio.run_coroutine_threadsafe(self._close(code, reason), self._conversation.loop)

    async def _close(self, code: int, reason: str) -> None:
        with suppress(WebsocketClosed):
            await self._conversation.close(code, reason)

    async def _send_what_comes(self) -> None:
        with suppress(WebsocketClosed):
            while (data := await self._waiting.take()) is not None:
                await self._conversation.send(data)
