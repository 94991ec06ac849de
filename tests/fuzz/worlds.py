"""An app of some parts, in five ways to be served: on each entry in each colour, and as plain Flask."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from dualapp import DualApp
from dualapp.crossing.host_loop import host_loop

from ..conftest import Serve, flask_twin, painted
from ..support.entry_driver import Client
from ..support.recolour import Build
from .endings import server_loop
from .parts import PARTS
from .parts.waits import Gate

#: The ways that must agree; the others are compared with the first one.
FIRST = "wsgi-def"
FLASK = "flask"
EVERY_WAY = (FIRST, "wsgi-async", "asgi-def", "asgi-async", FLASK)
#: What hooks may be: in the colour of the views, or in one of their own.
HOOK_COLOURS = ("same", "def", "async")


@dataclass(frozen=True)
class World:
    """What an app is made of."""

    parts: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    road: str = "short"
    hooks: str = "same"

    @property
    def builds(self) -> list[Build]:
        chosen = [PARTS[name] for name in self.parts]
        return [
            configured(self.config),
            *(self.coloured(part.build) if part.is_hook else part.build for part in chosen),
        ]

    @property
    def options(self) -> dict[str, Any]:
        return dict(option for name in self.parts for option in PARTS[name].options)

    def coloured(self, build: Build) -> Build:
        return build if self.hooks == "same" else painted(build, self.hooks)


def configured(config: Mapping[str, Any]) -> Build:
    def build(app: DualApp) -> None:
        app.secret_key = "secret"
        app.config.update(config)
        if app.debug and app.config["PROPAGATE_EXCEPTIONS"] is None:
            app.config["PROPAGATE_EXCEPTIONS"] = True  # as Flask has it in debug mode; else the debugger shows errors
        app.extensions.update(log=[], receivers=[], gate=Gate())

    return build


@contextmanager
def served(world: World, ways: Sequence[str]) -> Iterator[dict[str, Client]]:
    """Make the clients of a world; when it is left, nobody listens to signals any more."""
    clients = {way: client_of(world, way) for way in ways}
    try:
        yield clients
    finally:
        for client in clients.values():
            for signal, receiver in client.app.extensions["receivers"]:
                signal.disconnect(receiver)
        for loop in (host_loop.get(), server_loop()):
            loop.set_debug(False)  # a world in debug mode has set it
        sys.set_coroutine_origin_tracking_depth(0)


def client_of(world: World, way: str) -> Client:
    if way == FLASK:
        return flask_twin(object, *world.builds, **world.options)
    return Serve(*way.split("-"), world.road)(*world.builds, twin=False, **world.options)
