"""Channels and their members, which websocket views join and any code publishes to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING, Any

from ..compat.upstream import request_context, running_loop
from ..crossing.bridge import run_on_loop
from ..exchange.conversation import Data
from .member import Member

if TYPE_CHECKING:
    from ..app import DualApp
    from .redis_relay import RedisRelay

#: In the registry of RFC 6455 section 11.7.
SERVICE_RESTART = 1012


class Broadcast:
    """Sends each message that is published in a channel to the websockets that have joined it.

    `BROADCAST_URL`, such as "redis://localhost:6379", has the processes of the app share their channels. A client that
    does not read what it is sent is closed with 1008 when more than `WEBSOCKET_MAX_QUEUE` bytes wait for it.
    """

    def __init__(self, app: DualApp | None = None) -> None:
        self._members: dict[str, set[Member]] = {}
        self._relay: RedisRelay | None = None
        if app is not None:
            self.init_app(app)

    def init_app(self, app: DualApp) -> None:
        """Serve this app."""
        self._app = app

        @app.while_serving
        async def connected() -> AsyncIterator[None]:
            if (url := app.config["BROADCAST_URL"]) is None:
                yield
                return
            from .redis_relay import RedisRelay  # redis is an extra

            async with RedisRelay(url, f"{app.name}:", self._deliver, self._lose) as self._relay:
                yield
            self._relay = None

    def join(self, channel: str) -> Member:
        """Return a context manager, `with` or `async with`, in which the current websocket is a member of a channel.

        It is sent what is published from then on, its own messages included. Accepts the websocket.
        """
        conversation = getattr(request_context(None), "conversation", None)
        if conversation is None:
            raise RuntimeError("Broadcast.join is for websocket views; any code may use Broadcast.publish.")
        most = self._app.config["WEBSOCKET_MAX_QUEUE"]
        return Member(conversation, most, partial(self._add, channel), partial(self._remove, channel))

    def publish(self, channel: str, data: Data) -> Any:
        """Send a message, text or binary, to all members of a channel; await it in `async def` code."""
        if not isinstance(data, str):
            data = bytes(data)
        if running_loop() is None:
            return run_on_loop(self._publish, channel, data)
        return self._publish(channel, data)

    async def _publish(self, channel: str, data: Data) -> None:
        if self._relay is not None:
            await self._relay.publish(channel, data)
        elif self._app.config["BROADCAST_URL"] is None:
            self._deliver(channel, data)
        else:
            raise RuntimeError("Broadcast.publish reaches other processes only while the app serves, and in commands.")

    async def _add(self, channel: str, member: Member) -> None:
        self._members.setdefault(channel, set()).add(member)
        if self._relay is not None:
            await self._relay.subscribe(channel)

    async def _remove(self, channel: str, member: Member) -> None:
        members = self._members[channel]
        members.discard(member)
        if not members:
            del self._members[channel]
            if self._relay is not None:
                await self._relay.unsubscribe(channel)

    def _deliver(self, channel: str, data: Data) -> None:
        for member in tuple(self._members.get(channel, ())):
            member.offer(data)

    def _lose(self, error: Exception) -> None:
        """Close all websockets, which have missed the messages published meanwhile."""
        self._app.logger.warning("The connection to Redis broke, and the members of all channels are closed: %s", error)
        for members in tuple(self._members.values()):
            for member in tuple(members):
                member.close(SERVICE_RESTART, "Connect again: messages may be missing.")
