"""A database behind async views: sqlite in memory, or PostgreSQL if DATABASE_URL names one.

DATABASE_URL=postgresql://user@localhost/notes gunicorn examples.database:app.wsgi

The connection is made once in each process, and serves all its requests, under WSGI as under ASGI.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from dualapp import DualApp, current_app, request

app = DualApp(__name__)
app.config["DATABASE_URL"] = os.environ.get("DATABASE_URL", "")

TABLE = "create table if not exists notes (text text not null)"


@app.while_serving
async def connect() -> AsyncIterator[None]:
    url = app.config["DATABASE_URL"]
    async with postgres(url) if url else sqlite() as database:
        await database.execute(TABLE)
        app.extensions["database"] = database
        yield


@asynccontextmanager
async def postgres(url: str) -> AsyncIterator[Any]:
    import asyncpg

    async with asyncpg.create_pool(url) as pool:
        yield pool


@asynccontextmanager
async def sqlite() -> AsyncIterator[Any]:
    import aiosqlite

    async with aiosqlite.connect(":memory:", isolation_level=None) as connection:
        yield Sqlite(connection)


class Sqlite:
    """An aiosqlite connection with the two methods of asyncpg's pool that are used here."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def fetch(self, query: str, *values: Any) -> Any:
        # To sqlite $1 is a name.
        named = {str(number): value for number, value in enumerate(values, 1)}
        return await self.connection.execute_fetchall(query, named)

    async def execute(self, query: str, *values: Any) -> None:
        await self.fetch(query, *values)


@app.get("/notes")
async def notes() -> list[str]:
    return [text for (text,) in await database().fetch("select text from notes order by text")]


@app.post("/notes")
async def add() -> tuple[dict[str, str], int]:
    note = await request.get_json()
    await database().execute("insert into notes (text) values ($1)", note["text"])
    return {"added": note["text"]}, 201


def database() -> Any:
    return current_app.extensions["database"]


if __name__ == "__main__":
    app.run()
