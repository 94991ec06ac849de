"""A websocket's conversation for code in threads, whose methods block.

A thread takes messages from the queue that a listening task fills, and sends through a queue: neither waits for the
loop if it need not.
"""

from __future__ import annotations

from contextlib import suppress

from ..crossing.bridge import run_on_loop
from ..crossing.outbox import Outbox
from .conversation import CONNECTING, ENDED, Conversation, Data, WebsocketClosed, message_of, size_of
from .translation import Message


class BlockingConversation:
    """One websocket, for threads."""

    def __init__(self, conversation: Conversation, most_bytes: int) -> None:
        """Hold up to `most_bytes` and one message that are unsent."""
        self._conversation = conversation
        self.outbox = Outbox(conversation.loop, self._tell, most_bytes)

    def receive(self) -> Data:
        """Wait for the next message of the client. Raises WebsocketClosed after the last one."""
        conversation = self._conversation
        if conversation.state == CONNECTING:
            run_on_loop(conversation.accept)
        return conversation.inbox.take_blocking()

    def send(self, data: Data) -> None:
        """Send a message; wait while much is unsent. Raises WebsocketClosed after the end."""
        conversation = self._conversation
        if conversation.state == CONNECTING:
            run_on_loop(conversation.accept)
        if conversation.state == ENDED:
            raise conversation.closed()
        self.outbox.put(message_of(data), size_of(data))

    async def _tell(self, message: Message) -> None:
        if self._conversation.state != ENDED:
            with suppress(WebsocketClosed):  # the thread gets it from its next call
                await self._conversation.tell(message)
