"""The contexts that a client keeps for the code that asks, which may be steps of several `contextvars.Context`s.

pytest-asyncio runs a fixture and its test in two; a task has one of its own, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextvars import Context, copy_context
from typing import Any

import flask
import pytest

from dualapp import DualApp, g, has_request_context, request, session
from dualapp.crossing.colour import is_async
from dualapp.testing import DualClient

from ..conftest import Serve
from ..support.recolour import recolour

Step = Callable[..., Any]
Run = Callable[..., Any]


def build(app: DualApp) -> None:
    app.secret_key = "secret"
    app.extensions["torn"] = []

    @app.teardown_request
    async def tear_down(error):
        app.extensions["torn"].append(g.name)

    @app.get("/<name>")
    async def index(name):
        g.name = session["name"] = name
        return ""


@pytest.fixture
def client(serve: Serve) -> DualClient:
    client: DualClient = serve(build, twin=False).app.test_client(entry=serve.entry)
    return client


@pytest.fixture
def run() -> Iterator[Run]:
    """`run(step, context, ...)` calls a function within that context, the async ones all on one loop."""

    def run(step: Step, variables: Context, *args: Any) -> Any:
        if is_async(step):
            return runner.run(step(*args), context=variables)
        return variables.run(step, *args)

    with asyncio.Runner() as runner:
        yield run


async def block(client):
    """What a fixture does: its first step opens the block, its second ends it."""
    async with client:
        yield


def steps_of(serve: Serve, client: DualClient) -> Step:
    """The next step of a block."""
    steps: Any = block(client) if serve.is_async else recolour(block)(client)

    async def async_step() -> None:
        await anext(steps, None)

    return async_step if serve.is_async else lambda: next(steps, None)


async def ask(client, name):
    await client.get(f"/{name}")


async def seen():
    return [g.name, session["name"], request.path] if has_request_context() else None


def of(name: str) -> list[str]:
    return [name, name, f"/{name}"]


def test_a_fixture_has_the_block_and_the_test_asks(serve: Serve, client: DualClient, run: Run) -> None:
    fixture, step = copy_context(), steps_of(serve, client)
    run(step, fixture)
    test = fixture.copy()
    for name in ("ann", "bob"):
        run(serve.paint(ask), test, client, name)
        assert run(serve.paint(seen), test) == of(name)
    run(step, fixture)
    assert run(serve.paint(seen), fixture) is None
    # As Flask does: at the answer, and when the context is let go of.
    assert client.application.extensions["torn"] == ["ann", "ann", "bob", "bob"]


def test_fixture_and_test_ask(serve: Serve, client: DualClient, run: Run) -> None:
    """pytest-asyncio lets the test see what the fixture has set."""
    fixture, step = copy_context(), steps_of(serve, client)
    run(step, fixture)
    run(serve.paint(ask), fixture, client, "fixture")
    test = fixture.copy()
    assert run(serve.paint(seen), test) == of("fixture")
    run(serve.paint(ask), test, client, "test")
    assert run(serve.paint(seen), test) == of("test")
    run(step, fixture)
    assert run(serve.paint(seen), fixture) is None
    assert client.application.extensions["torn"] == ["fixture", "fixture", "test", "test"]


def test_a_fixture_of_the_other_colour_has_the_block(serve: Serve, client: DualClient, run: Run) -> None:
    """A `def` fixture for an `async def` test, and the other way round."""
    other = Serve(serve.entry, "def" if serve.is_async else "async")
    step, fixture, test = steps_of(other, client), copy_context(), copy_context()
    run(step, fixture)
    run(serve.paint(ask), test, client, "ann")
    assert run(serve.paint(seen), test) == of("ann")
    run(step, fixture)
    assert client.application.extensions["torn"] == ["ann", "ann"]


def test_each_of_several_tasks_sees_its_own_request(serve: Serve, client: DualClient) -> None:
    async def ask_and_see(name: str) -> Any:
        await ask(client, name)
        return await seen()

    async def test() -> Any:
        async with client:
            answers = await asyncio.gather(*map(ask_and_see, "abcdef"))
            return answers, has_request_context()

    answers, is_left = asyncio.run(test())
    assert answers == [of(name) for name in "abcdef"]
    assert not is_left
    assert sorted(client.application.extensions["torn"]) == sorted("abcdef" * 2)


def test_of_requests_that_are_redirected_the_last_is_kept(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/<name>")
        async def index(name):
            g.name = name
            return flask.redirect("/last") if name == "first" else name

    async def ask_and_see(client):
        async with client:
            await client.get("/first", follow_redirects=True)
            return g.name, request.path

    assert serve.call(ask_and_see, serve(build, twin=False).app.test_client(entry=serve.entry)) == ("last", "/last")


def test_with_in_async_code_leaves_nothing_behind(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            g.name = "ann"
            return ""

    app = serve(build, twin=False).app

    async def test() -> Any:
        with app.test_client(entry=serve.entry) as client:
            await client.get("/")
            kept = g.name
        return kept, has_request_context()

    assert asyncio.run(test()) == ("ann", False)


def test_what_fails_in_a_teardown_function_is_raised_and_nothing_is_left(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.teardown_request
        async def tear_down(error):
            if hasattr(g, "answered"):
                raise LookupError
            g.answered = True

        app.add_url_rule("/", view_func=lambda: "")

    async def test(client):
        try:
            async with client:
                await client.get("/")
        except LookupError:
            return has_request_context()

    assert serve.call(test, serve(build, twin=False).app.test_client(entry=serve.entry)) is False
