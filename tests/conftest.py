"""The one fixture of the behaviour tests: an app, served by one of two entries, written in one of two colours."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from zlib import crc32

import flask
import hypothesis
import pytest

import dualapp
from dualapp import DualApp
from dualapp.crossing.host_loop import host_loop

from .support.entry_driver import LOOP, Client
from .support.recolour import Build, recolour
from .support.roads import ROADS
from .support.waiting import wait_for

Paint = Callable[[Build], Build]
# A shell has the jobs that it starts in the background ignore SIGINT, and so would the servers that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Both entries serve in this process: the WSGI entry gets a loop of its own, not that of the ASGI requests before it.
host_loop.get()
# A busy machine takes its time for an example, and for making it.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")
#: Its templates/ and static/ are those beside the tests.
NAME = "tests.parity"
#: Each entry in each colour; the next but one is the other entry in the other colour.
WAYS = ("wsgi-def", "wsgi-async", "asgi-async", "asgi-def")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--road", choices=ROADS, default="short", help="general: serve apps that can take no shortcut")
    parser.addoption("--one-way", action="store_true", help="run each test on one entry and in one colour, not in all")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--one-way` leave out three of the four tests that differ in the entry and the colour alone."""
    if config.getoption("--one-way"):
        left_out = [item for item in items if not is_only_way(item)]
        items[:] = [item for item in items if is_only_way(item)]
        config.hook.pytest_deselected(items=left_out)


def is_only_way(item: pytest.Item) -> bool:
    """Tell whether a test is run with `--one-way`: which of the four it is depends on the rest of its name.

    It depends on Python's version too, so that several versions run several of the four.
    """
    values = item.callspec.params.values() if hasattr(item, "callspec") else ()
    way = next((value for value in values if value in WAYS), None)
    return way is None or WAYS[(crc32(item.nodeid.replace(way, "").encode()) + sys.version_info.minor) % 4] == way


class Serve:
    """`serve(build, ...)` gives a client of the app that the builds make; `twin` is the same app in plain Flask."""

    def __init__(self, entry: str, colour: str, road: str = "short") -> None:
        self.entry, self.colour, self.road = entry, colour, road

    def __call__(self, *builds: Build, twin: bool = True, mixin: type = object, **options: Any) -> Client:
        app = subclass(DualApp, mixin, *ROADS[self.road])(NAME, **options)
        for build in builds:
            self.paint(build)(app)
        return Client(app, self.entry, flask_twin(mixin, *builds, **options) if twin else None)

    def shared(self, build: Build) -> Client:
        """Give a client that the cases of one table share; their app must keep nothing from one case to the next."""
        return shared_client(self.entry, self.colour, self.road, build)

    def paint(self, build: Build) -> Build:
        return recolour(build) if self.colour == "def" and not getattr(build, "painted", False) else build

    def call(self, function: Build, *args: Any) -> Any:
        """Call a function of a test outside of any request, in the colour of the test."""
        return asyncio.run(function(*args)) if self.is_async else recolour(function)(*args)

    @property
    def is_async(self) -> bool:
        return self.colour == "async"


@cache
def shared_client(entry: str, colour: str, road: str, build: Build) -> Client:
    return Serve(entry, colour, road)(build)


def subclass(base: type[flask.Flask], *mixins: type) -> Any:
    own = [mixin for mixin in mixins if mixin is not object]
    return type("App", (*own, base), {}) if own else base


def flask_twin(mixin: type, *builds: Build, **options: Any) -> Client:
    app = subclass(flask.Flask, mixin)(NAME, **options)
    for build in builds:
        recolour(getattr(build, "source", build), everything=True, names=flask_names(build))(app)
    return Client(app, "wsgi_app")


def flask_names(build: Build) -> dict[str, Any]:
    """The names that a test took from dualapp, as Flask has them."""
    # By identity only: comparing proxies would ask for a request.
    mine = {id(value): name for name, value in vars(dualapp).items() if hasattr(flask, name)}
    scope: dict[str, Any] = getattr(build, "source", build).__globals__
    return {name: getattr(flask, mine[id(value)]) for name, value in scope.items() if id(value) in mine}


@pytest.fixture(params=WAYS)
def serve(request: pytest.FixtureRequest) -> Serve:
    return Serve(*request.param.split("-"), road=request.config.getoption("--road"))


@pytest.fixture(params=["def-hooks", "async-hooks"])
def paint(request: pytest.FixtureRequest) -> Paint:
    """Gives a build a colour that does not depend on the views': every mixture is served."""

    def paint(build: Build) -> Build:
        return painted(build, request.param.removesuffix("-hooks"))

    paint.param = request.param  # type: ignore[attr-defined]
    return paint


def painted(build: Build, colour: str) -> Build:
    """Give a build a colour of its own, whatever that of the views is."""

    def twin(app: Any) -> Any:
        return (recolour(build) if colour == "def" else build)(app)

    vars(twin).update(painted=True, source=build)
    return twin


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    """A task that outlives its request holds the request, and what the request holds."""
    before = LOOP.tasks()
    yield
    wait_for(
        lambda: not LOOP.tasks() - before, because=lambda: f"tasks left on the server's loop: {LOOP.tasks() - before}"
    )
    for loop in (host_loop.get(), LOOP.loop):
        loop.set_debug(False)  # an app in debug mode has set it
    sys.set_coroutine_origin_tracking_depth(0)
