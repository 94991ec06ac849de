"""Channels of several processes, by Redis pub/sub.

Redis keeps no message for a process that has lost its connection. So when that happens, the members are told, and
closed: their clients connect again, and know that they may have missed something.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Self

from ..exchange.conversation import GOING_AWAY, Data, WebsocketClosed

try:
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as BrokenConnection
    from redis.exceptions import RedisError
except ModuleNotFoundError:
    raise ImportError("BROADCAST_URL needs: pip install 'dualapp[redis]'") from None

#: Seconds between two attempts to connect.
PAUSE = 1

logger = logging.getLogger("dualapp")


class RedisRelay:
    """The connection of one process, while a block lasts."""

    def __init__(
        self,
        url: str,
        prefix: str,
        deliver: Callable[[str, Data], None],
        lose: Callable[[Exception], None],
    ) -> None:
        # A connection may have broken since it was used last.
        once_more: dict[str, Any] = {"retry": Retry(NoBackoff(), 1), "retry_on_error": [BrokenConnection]}
        self._redis: Any = Redis.from_url(url, **once_more)
        # No retry: it would reconnect silently, although messages are missing.
        self._listening: Any = Redis.from_url(url, retry=Retry(NoBackoff(), 0))
        self._prefix = prefix
        self._deliver, self._lose = deliver, lose
        self._is_over = False
        self._connected = asyncio.Event()
        #: The channels subscribed to; each event is set when Redis has confirmed it.
        self._confirmed: dict[str, asyncio.Event] = {}

    async def __aenter__(self) -> Self:
        await self._redis.ping()
        self._listener = asyncio.create_task(self._keep_listening())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_over = True
        self._connected.set()  # for those who wait to subscribe
        self._listener.cancel()
        with suppress(asyncio.CancelledError):
            await self._listener
        await self._listening.aclose()
        await self._redis.aclose()

    async def publish(self, channel: str, data: Data) -> None:
        """Hand a message to all processes, this one among them."""
        await self._redis.publish(self._prefix + channel, content_of(data))

    async def subscribe(self, channel: str) -> None:
        """Wait until a channel's messages reach this process."""
        await self._connected.wait()
        if self._is_over:
            raise WebsocketClosed(GOING_AWAY)
        confirmed = self._confirmed.get(channel)
        if confirmed is None:
            confirmed = self._confirmed[channel] = asyncio.Event()
            await self._ask(self._pubsub.subscribe, channel)
        await confirmed.wait()

    async def unsubscribe(self, channel: str) -> None:
        """Stop receiving a channel's messages."""
        confirmed = self._confirmed.get(channel)
        # Keep an unconfirmed one: its confirmation would be taken for that of the next subscription.
        if confirmed is not None and confirmed.is_set():
            del self._confirmed[channel]
            await self._ask(self._pubsub.unsubscribe, channel)

    async def _ask(self, command: Callable[[str], Awaitable[None]], channel: str) -> None:
        """Send a command; if the connection has just broken, the listener is told so, and closes the members."""
        with suppress(RedisError, OSError):
            await command(self._prefix + channel)

    async def _keep_listening(self) -> None:
        while True:
            try:
                await self._listen()
            except (RedisError, OSError) as error:
                self._forget(error)
            await asyncio.sleep(PAUSE)

    async def _listen(self) -> None:
        async with self._listening.pubsub() as self._pubsub:
            # With no channel at all `listen` would end; the name of this one does not begin with the prefix.
            await self._pubsub.subscribe(self._prefix[:-1])
            self._connected.set()
            async for message in self._pubsub.listen():
                name = message["channel"].decode()
                if name.startswith(self._prefix):
                    self._hear(message["type"], name.removeprefix(self._prefix), message["data"])

    def _hear(self, kind: str, channel: str, content: Any) -> None:
        if kind == "message":
            try:
                data = data_of(content)
            except ValueError:
                logger.warning("Something else than Broadcast.publish has published %r: it is ignored", content[:100])
            else:
                self._deliver(channel, data)
        elif kind == "subscribe" and channel in self._confirmed:
            self._confirmed[channel].set()

    def _forget(self, error: Exception) -> None:
        """Forget all subscriptions; tasks that wait for a confirmation go on."""
        if self._connected.is_set():
            self._connected.clear()
            self._lose(error)
        for confirmed in self._confirmed.values():
            confirmed.set()
        self._confirmed.clear()


def content_of(data: Data) -> bytes:
    """Return a message as Redis carries it."""
    return b"t" + data.encode() if isinstance(data, str) else b"b" + data


def data_of(content: bytes) -> Data:
    """Return the message in `content`. Raises ValueError if that is not a message."""
    kind, data = content[:1], content[1:]
    if kind not in (b"t", b"b"):
        raise ValueError(f"no message begins with {kind!r}")
    return data.decode() if kind == b"t" else data
