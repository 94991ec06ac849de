"""Quart-Session

Sessions kept in Redis: written, cleared, signed, bound to the client's address, given a lifetime, at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import redis
from quart_session import Session

from dualapp import DualApp, session

from ..support.entry_driver import Ask
from ..support.recolour import Build
from ..support.redis_server import redis_server
from .quart_twin import ServeBesideQuart

# The extension calls SETEX by a method that the client of Redis would have called otherwise.
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture
def keeping(redis_url: str) -> Iterator[Build]:
    def build(app: DualApp) -> None:
        app.secret_key = "secret"
        app.config.update(SESSION_TYPE="redis", SESSION_URI=redis_url)
        Session(app)

        @app.after_serving
        async def async_close():
            await app.session_interface.backend.aclose()

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

        @app.get("/untouched")
        async def untouched():
            return "untouched"

    yield build
    with redis.Redis.from_url(redis_url) as connection:
        connection.flushdb()


def configured(**settings):
    """What sets the app's configuration before the extension reads it."""

    def configure(app: DualApp) -> None:
        app.config.update(settings)

    return configure


def test_a_session_is_kept_in_the_store_and_named_in_the_cookie(
    serve_beside_quart: ServeBesideQuart, keeping: Build
) -> None:
    client = serve_beside_quart(keeping)
    kept = client.post("/put/secret-of-ada")
    assert "secret-of-ada" not in str(kept.headers)
    assert client.get("/get", [kept.cookie]).json() == {"value": "secret-of-ada"}
    assert client.get("/get").json() == {"value": None}


def test_changes_within_values_are_kept(serve_beside_quart: ServeBesideQuart, keeping: Build) -> None:
    client = serve_beside_quart(keeping)
    cookie = client.post("/append/a").cookie
    client.post("/append/b", [cookie])
    assert client.post("/append/c", [cookie]).json() == {"list": ["a", "b", "c"]}


def test_a_cleared_session_is_empty(serve_beside_quart: ServeBesideQuart, keeping: Build) -> None:
    client = serve_beside_quart(keeping)
    cookie = client.post("/put/x").cookie
    client.post("/clear", [cookie])
    assert client.get("/get", [cookie]).json() == {"value": None}


def test_unknown_names_start_an_empty_session(serve_beside_quart: ServeBesideQuart, keeping: Build) -> None:
    client = serve_beside_quart(keeping)
    for name in ("unknown", "../../etc/passwd", "%00", "x" * 2000):
        assert client.get("/get", [("Cookie", f"session={name}")]).json() == {"value": None}


@pytest.mark.xfail(strict=True, reason="it hands bytes to set_cookie, which Werkzeug 3 refuses: in plain Quart too")
def test_names_are_signed(serve_beside_quart: ServeBesideQuart, keeping: Build) -> None:
    client = serve_beside_quart(configured(SESSION_USE_SIGNER=True), keeping)
    name, value = client.post("/put/x").cookie
    assert value.count(".") == 1
    assert client.get("/get", [(name, value)]).json() == {"value": "x"}
    assert client.get("/get", [(name, value.partition(".")[0])]).json() == {"value": None}


def test_a_session_is_bound_to_the_address(serve_beside_quart: ServeBesideQuart, keeping: Build) -> None:
    client = serve_beside_quart(configured(SESSION_PROTECTION=True, SESSION_REVERSE_PROXY=True), keeping)
    here, elsewhere = ("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-For", "192.0.2.2")
    cookie = client.post("/put/x", [here]).cookie
    assert client.get("/get", [here, cookie]).json() == {"value": "x"}
    assert client.get("/get", [elsewhere, cookie]).json() == {"value": None}
    assert client.get("/get", [here, cookie]).json() == {"value": None}


def test_a_session_has_a_lifetime(serve_beside_quart: ServeBesideQuart, keeping: Build, redis_url: str) -> None:
    kept = serve_beside_quart(configured(PERMANENT_SESSION_LIFETIME=60), keeping).post("/put/x")
    assert "Expires=" in str(kept.header("set-cookie"))
    with redis.Redis.from_url(redis_url) as connection:
        assert 50 < connection.ttl(kept.cookie[1].replace("session=", "session:")) <= 60


def test_a_request_that_does_not_change_the_session_sets_nothing(
    serve_beside_quart: ServeBesideQuart, keeping: Build
) -> None:
    client = serve_beside_quart(configured(SESSION_PERMANENT=False), keeping)
    assert client.get("/untouched").all("set-cookie") == []


def test_sessions_at_the_same_time_are_kept_apart(serve_beside_quart: ServeBesideQuart, keeping: Build) -> None:
    client = serve_beside_quart(keeping)
    values = [f"value-{number}" for number in range(12)]
    cookies = [answer.cookie for answer in client.many([Ask("POST", f"/put/{value}") for value in values])]
    answers = client.many([Ask("GET", "/get", [cookie]) for cookie in cookies])
    assert [answer.json()["value"] for answer in answers] == values
