"""Tests in `async def` with pytest-asyncio, which gives each test a loop: with Quart's fixtures, and with httpx."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from asgi_lifespan import LifespanManager

from dualapp import DualApp

from .shop import COLOURS, create_app

APPS = {colour: create_app(colour) for colour in COLOURS}
each_colour = pytest.mark.parametrize("colour", COLOURS)
HOST = "http://localhost"


@pytest_asyncio.fixture(params=COLOURS)
async def app(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    async with create_app(request.param).test_app() as test_app:
        yield test_app


@pytest_asyncio.fixture
async def client(app: Any) -> Any:
    return app.test_client()


@pytest_asyncio.fixture
async def within_app_context(app: Any) -> AsyncIterator[None]:
    async with app.app.app_context():
        yield


@pytest.fixture(params=COLOURS)
def pushed_outside_of_the_loop(request: pytest.FixtureRequest) -> Iterator[DualApp]:
    app = create_app(request.param)
    with app.app_context():
        yield app


@pytest_asyncio.fixture(params=COLOURS)
async def httpx_client(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        LifespanManager(create_app(request.param), startup_timeout=None, shutdown_timeout=None) as manager,
        httpx.AsyncClient(transport=httpx.ASGITransport(manager.app), base_url=HOST) as client,
    ):
        yield client


@pytest.mark.asyncio
async def test_quarts_fixtures(client: Any, app: Any) -> None:
    answer = await client.post("/json", json=[1])
    assert (await answer.get_json())["got"] == [1]
    assert [await (await client.get("/visits")).get_data(as_text=True) for _ in range(2)] == ["1", "2"]
    assert app.app.extensions["started"] == ["once"]


@pytest.mark.asyncio
@pytest.mark.usefixtures("within_app_context")
async def test_a_context_of_a_fixture(client: Any) -> None:
    assert await (await client.get("/")).get_data() == b"hello"


@pytest.mark.asyncio
async def test_a_context_of_a_def_fixture(pushed_outside_of_the_loop: DualApp) -> None:
    answer = await pushed_outside_of_the_loop.test_client().get("/")
    assert await answer.get_data() == b"hello"


@pytest.mark.asyncio
async def test_httpx_within_a_lifespan(httpx_client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*[httpx_client.get("/") for _ in range(20)])
    assert {answer.text for answer in answers} == {"hello"}


@pytest.mark.asyncio
@each_colour
@pytest.mark.parametrize("loop", range(3))
async def test_one_app_on_one_loop_after_the_other(colour: str, loop: int) -> None:
    app = APPS[colour]
    assert await (await app.test_client().get("/")).get_data() == b"hello"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HOST) as client:
        assert (await client.get("/")).text == "hello"


@each_colour
def test_the_same_app_without_a_loop(colour: str) -> None:
    assert APPS[colour].test_client().get("/").text == "hello"
