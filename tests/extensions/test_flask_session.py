"""Flask-Session

Sessions kept in files and in Redis: written, read by the other entry and by Flask, cleared, renewed, expired, at the
same time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from cachelib.file import FileSystemCache
from flask_session import Session

from dualapp import DualApp, current_app, session

from ..conftest import Serve
from ..support.entry_driver import Ask, Client
from ..support.recolour import Build
from ..support.redis_server import redis_server


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(params=["files", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Build]:
    """What gives an app its store of sessions, which the app and its twin share."""
    if request.param == "files":

        def in_files(app: DualApp) -> None:
            app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=FileSystemCache(str(tmp_path)))
            Session(app)

        yield in_files
        return

    with redis.Redis.from_url(request.getfixturevalue("redis_url")) as connections:
        connections.flushdb()

        def in_redis(app: DualApp) -> None:
            app.config.update(SESSION_TYPE="redis", SESSION_REDIS=connections)
            Session(app)

        yield in_redis


def keeping(app: DualApp) -> None:
    app.config["SESSION_PERMANENT"] = False

    @app.post("/put/<value>")
    async def put(value):
        session["value"] = value
        return "put"

    @app.post("/append/<value>")
    async def append(value):
        session.setdefault("list", []).append(value)
        session.modified = True
        return {"list": session["list"]}

    @app.get("/get")
    async def get():
        await asyncio.sleep(0.001)
        return {"value": session.get("value")}

    @app.post("/clear")
    async def clear():
        session.clear()
        return "cleared"

    @app.post("/enter")
    async def enter():
        current_app.session_interface.regenerate(session)
        session["value"] = "entered"
        return "entered"

    @app.get("/untouched")
    async def untouched():
        return "untouched"


def test_a_session_is_kept_in_the_store_and_named_in_the_cookie(serve: Serve, store: Build) -> None:
    client = serve(store, keeping)
    kept = client.post("/put/secret-of-ada")
    assert "secret-of-ada" not in str(kept.headers)
    assert "HttpOnly" in (kept.header("set-cookie") or "")
    assert client.get("/get", [kept.cookie]).json() == {"value": "secret-of-ada"}
    assert client.get("/get").json() == {"value": None}


def test_changes_within_values_are_kept(serve: Serve, store: Build) -> None:
    client = serve(store, keeping)
    client.twin = None  # it has the same session, and would append as well
    cookie = client.post("/append/a").cookie
    client.post("/append/b", [cookie])
    assert client.post("/append/c", [cookie]).json() == {"list": ["a", "b", "c"]}


def test_a_session_of_one_entry_is_read_by_the_other_and_by_flask(serve: Serve, store: Build) -> None:
    client = serve(store, keeping)
    assert client.twin is not None
    readers = [client, Client(client.app, "asgi" if client.entry == "wsgi" else "wsgi"), client.twin]
    for writer in readers:
        cookie = writer.post("/put/shared").cookie
        assert [reader.get("/get", [cookie]).json()["value"] for reader in readers] == ["shared"] * 3


def test_a_cleared_session_is_gone_from_the_store(serve: Serve, store: Build) -> None:
    client = serve(store, keeping)
    cookie = client.post("/put/x").cookie
    cleared = Client(client.app, client.entry).post("/clear", [cookie])
    assert "Expires=Thu, 01 Jan 1970" in (cleared.header("set-cookie") or "")
    assert client.get("/get", [cookie]).json() == {"value": None}


def test_a_new_name_for_the_session_ends_the_old_one(serve: Serve, store: Build) -> None:
    client = serve(store, keeping)
    client.twin = None  # it has the same session, and cannot name it anew a second time
    before = client.post("/put/x").cookie
    after = client.post("/enter", [before]).cookie
    assert before != after
    assert client.get("/get", [before]).json() == {"value": None}
    assert client.get("/get", [after]).json() == {"value": "entered"}


def test_unknown_and_forged_names_start_an_empty_session(serve: Serve, store: Build) -> None:
    client = serve(store, keeping)
    for name in ("unknown", "../../etc/passwd", "%00", "x" * 2000):
        assert client.get("/get", [("Cookie", f"session={name}")]).json() == {"value": None}


def test_a_request_that_does_not_touch_the_session_sets_nothing(serve: Serve, store: Build) -> None:
    client = serve(store, keeping)
    assert client.get("/untouched").all("set-cookie") == []


def test_a_session_ends_with_its_lifetime(serve: Serve, store: Build) -> None:
    def briefly(app: DualApp) -> None:
        app.config.update(SESSION_PERMANENT=True, PERMANENT_SESSION_LIFETIME=1)

    client = serve(briefly, store, keeping)
    kept = client.post("/put/x")
    assert "Expires=" in (kept.header("set-cookie") or "")
    time.sleep(1.1)
    assert client.get("/get", [kept.cookie]).json() == {"value": None}


def test_sessions_at_the_same_time_are_kept_apart(serve: Serve, store: Build) -> None:
    client = serve(store, keeping)
    values = [f"value-{number}" for number in range(12)]
    cookies = [answer.cookie for answer in client.many([Ask("POST", f"/put/{value}") for value in values])]
    answers = client.many([Ask("GET", "/get", [cookie]) for cookie in cookies])
    assert [answer.json()["value"] for answer in answers] == values
