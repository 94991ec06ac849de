"""An app that makes what belongs to a loop before it serves, and shares it among all its requests."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import httpx

from dualapp import DualApp

POOL_SIZE = 5

app = DualApp(__name__)


@dataclass
class Shared:
    pool: asyncpg.Pool
    client: httpx.AsyncClient
    lock: asyncio.Lock
    count: int = 0


@app.while_serving
async def share() -> AsyncIterator[None]:
    url = os.environ["DATABASE_URL"]
    name = {"application_name": "tests"}
    async with (
        asyncpg.create_pool(url, min_size=POOL_SIZE, max_size=POOL_SIZE, server_settings=name) as pool,
        httpx.AsyncClient(base_url=os.environ["NEIGHBOUR_URL"]) as client,
    ):
        app.extensions["shared"] = Shared(pool, client, asyncio.Lock())
        yield


@app.get("/square/<int:number>")
async def square(number: int) -> dict[str, int]:
    pool = app.extensions["shared"].pool
    return {"pid": os.getpid(), "answer": await pool.fetchval("select $1::bigint * $1::bigint", number)}


@app.get("/neighbour/<int:number>")
async def ask_neighbour(number: int) -> dict[str, int]:
    response = await app.extensions["shared"].client.get(f"/square/{number}")
    return {"pid": os.getpid(), "answer": response.json()["square"]}


@app.get("/count/<int:_>")
async def count(_: int) -> dict[str, int]:
    """Read, let the others have a chance to, and write: the lock keeps each count from being lost."""
    shared = app.extensions["shared"]
    async with shared.lock:
        value = shared.count
        await asyncio.sleep(0)
        shared.count = value + 1
        return {"pid": os.getpid(), "answer": shared.count}
