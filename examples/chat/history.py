"""The last messages of each room: those of this process, or those of all, in Redis."""

import json
from collections import defaultdict, deque
from typing import Any

from redis.asyncio import Redis

Message = dict[str, Any]
#: How many messages of a room are kept.
KEPT = 50


class History:
    """Keeps them in this process."""

    def __init__(self) -> None:
        self._rooms: dict[str, deque[Message]] = defaultdict(lambda: deque(maxlen=KEPT))

    async def of(self, room: str) -> list[Message]:
        return [*self._rooms[room]]

    async def add(self, room: str, message: Message) -> None:
        self._rooms[room].append(message)

    async def close(self) -> None:
        pass


class RedisHistory:
    """Keeps them in Redis, a list for each room."""

    def __init__(self, url: str) -> None:
        self._redis: Any = Redis.from_url(url)

    async def of(self, room: str) -> list[Message]:
        return [json.loads(line) for line in await self._redis.lrange(f"chat:{room}", 0, -1)]

    async def add(self, room: str, message: Message) -> None:
        async with self._redis.pipeline() as both:
            await both.rpush(f"chat:{room}", json.dumps(message)).ltrim(f"chat:{room}", -KEPT, -1).execute()

    async def close(self) -> None:
        await self._redis.aclose()
