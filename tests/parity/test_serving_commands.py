"""Commands around which the app starts and stops: `@app.cli.command(serving=True)`, on apps, groups and blueprints."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import click
import flask
import pytest
from click.testing import Result
from flask.cli import AppGroup

from dualapp import Blueprint, DualApp, current_app, g

from ..conftest import Serve
from ..support.recolour import Build

EVENTS = ["before", "while", "command", "while ends", "after"]


def on_app(app: DualApp) -> AppGroup:
    return app.cli


def on_group(app: DualApp) -> AppGroup:
    @app.cli.group()
    def data() -> None: ...

    assert isinstance(data, AppGroup)
    return data


def on_blueprint(app: DualApp) -> AppGroup:
    return app.extensions.setdefault("shop", Blueprint("shop", "shop")).cli  # type: ignore[no-any-return]  # it is untyped


#: Where a command is registered, and the words before its name.
PLACES: dict[str, tuple[Callable[[DualApp], AppGroup], list[str]]] = {
    "app": (on_app, []),
    "group": (on_group, ["data"]),
    "blueprint": (on_blueprint, ["shop"]),
}


def running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class World:
    """An app in the colour of the test, and what happened to it."""

    def __init__(self, serve: Serve, place: str = "app") -> None:
        self.events: list[str] = []
        self._find, self._words = PLACES[place]
        self.app: DualApp = serve(self._build(), twin=False).app
        if blueprint := self.app.extensions.get("shop"):
            self.app.register_blueprint(blueprint)

    def invoke(self, *words: str) -> Result:
        return self.app.test_cli_runner().invoke(args=[*self._words, *words])

    def _build(self) -> Build:
        events, find = self.events, self._find

        def build(app: DualApp) -> None:
            @app.before_serving
            async def connect():
                events.append("before")
                app.extensions["loop"] = running_loop()

            @app.while_serving
            async def beat():
                events.append("while")
                yield
                events.append("while ends")

            @app.after_serving
            async def close():
                events.append("after")

            command: Any = find(app).command

            @command("fill", serving=True)
            @click.option("--times", default=1)
            @click.argument("name")
            async def fill(times, name):
                """Fill the shop."""
                events.append("command")
                g.name = name
                assert current_app.extensions["loop"] is running_loop()
                assert click.get_current_context().params == {"times": times, "name": name}
                click.echo(" ".join([g.name] * times))

            @command("bare", serving=True, with_appcontext=False)
            async def bare():
                click.echo(current_app.name)

            @command("fail", serving=True)
            async def fail():
                raise LookupError("nothing there")

            @command("leave", serving=True)
            async def leave():
                raise click.exceptions.Exit(3)

            @command("exit", serving=True)
            async def exit_python():
                sys.exit(4)

            @command("plain")
            async def plain():
                events.append("command")

        return build


@pytest.mark.parametrize("place", PLACES)
def test_the_app_starts_before_the_command_and_stops_after_it(place: str, serve: Serve) -> None:
    world = World(serve, place)
    result = world.invoke("fill", "--times", "2", "tea")
    assert (result.exit_code, result.output) == (0, "tea tea\n"), result.exception
    assert world.events == EVENTS
    assert "Fill the shop." in world.invoke("fill", "--help").output
    assert world.events == EVENTS
    assert world.invoke("fill", "tea").exit_code == 0  # and again
    assert world.events == EVENTS * 2


def test_another_command_starts_nothing(serve: Serve) -> None:
    world = World(serve)
    assert world.invoke("plain").exit_code == 0
    assert world.events == ["command"]


def test_the_command_has_an_app_context_whatever_it_says(serve: Serve) -> None:
    world = World(serve)
    assert world.invoke("bare").output == f"{world.app.name}\n"


@pytest.mark.parametrize(("name", "code"), [("fail", 1), ("leave", 3), ("exit", 4)])
def test_the_app_stops_when_the_command_fails(name: str, code: int, serve: Serve) -> None:
    world = World(serve)
    assert world.invoke(name).exit_code == code
    assert world.events == [event for event in EVENTS if event != "command"]


def test_a_startup_that_fails_is_said_in_one_line(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    world = World(serve)

    def sync_broken() -> None:
        raise LookupError("no database")

    world.app.before_serving(sync_broken)
    result = world.invoke("fill", "tea")
    assert result.exit_code == 1
    assert "Error: The app did not start: " in result.output
    assert "sync_broken failed: LookupError('no database')" in result.output
    assert "command" not in world.events
    assert "no database" in caplog.text


def test_an_app_that_serves_goes_on_serving(serve: Serve) -> None:
    world = World(serve)
    world.app._lifespan.start()
    assert world.invoke("fill", "tea").exit_code == 0
    assert world.events == ["before", "while", "command"]
    world.app._lifespan.stop()
    assert world.events == EVENTS


def test_a_blueprint_of_flask_does_not_know_the_argument() -> None:
    with pytest.raises(TypeError, match="serving"):
        flask.Blueprint("shop", "shop").cli.command("fill", serving=True)(print)
