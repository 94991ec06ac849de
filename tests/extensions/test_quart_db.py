"""quart-db

A connection for each request and connections of one's own, transactions that are kept or rolled back, all ways to
fetch, migrations and first data before serving, on SQLite and on a pool of PostgreSQL connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import flask
import pytest
from quart_db import MultipleRowsError, QuartDB, UndefinedParameterError

from dualapp import DualApp, g, request

from ..support.entry_driver import Ask
from ..support.postgres_server import postgres
from ..support.recolour import Build
from ..support.waiting import LIMIT
from .quart_twin import ServeBesideQuart

MIGRATION = """
async def migrate(connection):
    await connection.execute("CREATE TABLE todo (id INTEGER PRIMARY KEY, task VARCHAR(20) NOT NULL)")


async def valid_migration(connection):
    return await connection.fetch_val("SELECT count(*) FROM todo") == 0
"""
DATA = """
async def execute(connection):
    await connection.execute_many(
        "INSERT INTO todo (id, task) VALUES (:id, :task)", [{"id": 1, "task": "wash"}, {"id": 2, "task": "dry"}]
    )
"""
MakeUrl = Callable[[], str]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as url:
        asyncio.run(until_it_has_started(url))
        yield url


async def until_it_has_started(url: str) -> None:
    """Wait: PostgreSQL listens while it is still starting, and turns clients away."""
    async with asyncio.timeout(LIMIT):
        while True:
            try:
                connection = await asyncpg.connect(url)
            except asyncpg.CannotConnectNowError:
                await asyncio.sleep(0.05)
            else:
                return await connection.close()


async def make_database(server: str, name: str) -> str:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return server.removesuffix("postgres") + name


@pytest.fixture(params=["sqlite", "postgres"])
def make_url(request: pytest.FixtureRequest, tmp_path: Path) -> MakeUrl:
    """Makes an empty database for each app."""
    if request.param == "sqlite":
        files = (f"sqlite:///{tmp_path}/{number}.db" for number in count())
        return lambda: next(files)
    server = request.getfixturevalue("server")
    return lambda: asyncio.run(make_database(server, f"todos_{next(DATABASES)}"))


DATABASES = count()


def in_this_colour(func: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of the database as views call it: a `def` view cannot await, and has the app do so."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return flask.current_app.ensure_sync(func)
    return func


@pytest.fixture
def todos(make_url: MakeUrl, tmp_path: Path) -> Build:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "0.py").write_text(MIGRATION)
    (tmp_path / "data.py").write_text(DATA)

    def build(app: DualApp) -> None:
        db = QuartDB(app, url=make_url(), migrations_folder=f"{tmp_path}/migrations", data_path=f"{tmp_path}/data.py")

        async def async_each(connection):
            return [row["task"] async for row in connection.iterate("SELECT task FROM todo ORDER BY id")]

        async def async_rename(connection, names):
            async with connection.transaction():
                for number, name in names.items():
                    values = {"task": name, "id": int(number)}
                    await connection.execute("UPDATE todo SET task = :task WHERE id = :id", values)
                    if name == "":
                        raise ValueError("A todo needs a name.")

        async def async_try_out(connection, names):
            async with connection.transaction(force_rollback=True):
                await async_rename(connection, names)
                return await async_each(connection)

        async def async_own_connection():
            async with db.connection() as connection:
                return await connection.fetch_val("SELECT count(*) FROM todo")

        @app.get("/todos")
        async def show_all():
            todos = await in_this_colour(g.connection.fetch_all)("SELECT * FROM todo ORDER BY id")
            return [dict(todo) for todo in todos]

        @app.get("/each")
        async def each():
            return await in_this_colour(async_each)(g.connection)

        @app.get("/todos/<int:number>")
        async def show(number):
            fetch = in_this_colour(g.connection.fetch_first)
            todo = await fetch("SELECT * FROM todo WHERE id = :id", {"id": number})
            return dict(todo) if todo else ("no such todo", 404)

        @app.post("/todos")
        async def create():
            todo = await request.get_json()
            await in_this_colour(g.connection.execute)("INSERT INTO todo (id, task) VALUES (:id, :task)", todo)
            return todo, 201

        @app.patch("/todos")
        async def rename():
            await in_this_colour(async_rename)(g.connection, await request.get_json())
            return "renamed"

        @app.post("/dry-run")
        async def try_out():
            return await in_this_colour(async_try_out)(g.connection, await request.get_json())

        @app.get("/count")
        async def count_all():
            return {"count": await in_this_colour(async_own_connection)()}

        @app.get("/sole")
        async def sole():
            return await in_this_colour(g.connection.fetch_sole)("SELECT * FROM todo")

        @app.get("/undefined")
        async def undefined():
            return await in_this_colour(g.connection.fetch_val)("SELECT :nothing", {"something": 1})

        @app.errorhandler(ValueError)
        @app.errorhandler(MultipleRowsError)
        @app.errorhandler(UndefinedParameterError)
        async def conflict(error):
            return {"error": type(error).__name__}, 409

    return build


def test_migrations_and_first_data_come_before_serving(serve_beside_quart: ServeBesideQuart, todos: Build) -> None:
    client = serve_beside_quart(todos)
    assert client.get("/todos").json() == [{"id": 1, "task": "wash"}, {"id": 2, "task": "dry"}]
    assert client.get("/count").json() == {"count": 2}


def test_each_request_has_a_connection(serve_beside_quart: ServeBesideQuart, todos: Build) -> None:
    client = serve_beside_quart(todos)
    assert client.post("/todos", json={"id": 3, "task": "iron"}).status == 201
    assert client.get("/todos/3").json() == {"id": 3, "task": "iron"}
    assert client.get("/todos/4").status == 404
    assert client.get("/each").json() == ["wash", "dry", "iron"]
    assert client.get("/sole").json() == {"error": "MultipleRowsError"}
    assert client.get("/undefined").json() == {"error": "UndefinedParameterError"}
    assert client.post("/todos", json={"id": 3, "task": "twice"}).status == 500
    assert client.get("/count").json() == {"count": 3}


def test_transactions_are_kept_or_rolled_back(serve_beside_quart: ServeBesideQuart, todos: Build) -> None:
    client = serve_beside_quart(todos)
    assert client.patch("/todos", json={"1": "rinse", "2": "fold"}).text == "renamed"
    assert client.get("/each").json() == ["rinse", "fold"]
    assert client.patch("/todos", json={"1": "lost", "2": ""}).json() == {"error": "ValueError"}
    assert client.get("/each").json() == ["rinse", "fold"]
    assert client.post("/dry-run", json={"1": "tried"}).json() == ["tried", "fold"]
    assert client.get("/each").json() == ["rinse", "fold"]


def test_many_requests_share_the_database(serve_beside_quart: ServeBesideQuart, todos: Build) -> None:
    client = serve_beside_quart(todos)
    answers = client.many([Ask(target="/each")] * 40, threads=20)
    assert [answer.json() for answer in answers] == [["wash", "dry"]] * 40
