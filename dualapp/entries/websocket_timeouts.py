"""End a websocket, on either entry, when its handshake or its idle time takes too long."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..exchange.conversation import CONNECTING, GOING_AWAY, OPEN, PLAIN_TEXT, Conversation, WebsocketClosed

if TYPE_CHECKING:
    from flask import Config


class WebsocketTimeouts:
    """Both timeouts of one websocket, by one timer."""

    def __init__(self, conversation: Conversation, config: Config) -> None:
        self._conversation = conversation
        self._handshake: float = config["WEBSOCKET_HANDSHAKE_TIMEOUT"] or math.inf
        self._idle: float = config["WEBSOCKET_IDLE_TIMEOUT"] or math.inf
        self._timer: asyncio.TimerHandle | None = None
        conversation.notes_activity = self._idle != math.inf
        self._look_later()

    def cancel(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _look_later(self) -> None:
        conversation, loop = self._conversation, self._conversation.loop
        due = conversation.active_at + self._idle
        if conversation.state == CONNECTING:  # whenever it is accepted, the next look comes before it can be idle
            due = min(conversation.active_at + self._handshake, loop.time() + self._idle)
        elif conversation.sending:
            due = loop.time() + self._idle
        if due != math.inf:
            self._timer = loop.call_at(due, self._look)

    def _look(self) -> None:
        conversation = self._conversation
        quiet = conversation.loop.time() - conversation.active_at
        if conversation.state == CONNECTING and quiet >= self._handshake:
            self._end(conversation.refuse(503, PLAIN_TEXT, b"The app has not answered the handshake in time."))
        elif conversation.state == OPEN and quiet >= self._idle and not conversation.sending:
            self._end(conversation.close(GOING_AWAY, "idle"))
        else:
            self._look_later()

    def _end(self, ending: Coroutine[Any, Any, None]) -> None:
        self._task = self._conversation.loop.create_task(end_for_view(self._conversation, ending))


async def end_for_view(conversation: Conversation, ending: Coroutine[Any, Any, None]) -> None:
    """End a websocket in place of its view."""
    with suppress(WebsocketClosed):
        await ending
    conversation.cancel_waiting_view()
