"""Have the same talks on both entries and in both colours, and find where their outcomes differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from dualapp import DualApp

from ..conftest import WAYS, Serve, painted
from ..support.entry_driver import Client
from . import talk_app
from .comparison import Facts, Record, recording
from .talk_drivers import talk_asgi, talk_wsgi
from .talks import ELSEWHERE, Talk, TalkWorld, block_of, simpler

FIRST = "asgi-async"


def search(seed: int, block: int) -> list[str]:
    """Have the talks of a block; tell of each that differs, as short as it gets."""
    world, talks = block_of(seed, block)
    found = [(talk, way) for talk, way in differences(world, talks)]
    return [told(world, shrunk(world, talk, way), way) for talk, way in found]


def differences(world: TalkWorld, talks: Sequence[Talk]) -> list[tuple[Talk, str]]:
    """Return the talks that differ from the first way of having them, and the ways."""
    clients = {way: client_of(world, way) for way in (FIRST, *WAYS)}
    found = []
    with recording() as records:
        for talk in talks:
            facts = {way: facts_of(client, talk, records) for way, client in clients.items()}
            found += [(talk, way) for way in WAYS if facts[way] != facts[FIRST]]
    return found


def client_of(world: TalkWorld, way: str) -> Client:
    def configure(app: DualApp) -> None:
        app.secret_key = "secret"
        app.config.update(world.config)
        app.extensions["log"] = []

    hooks = talk_app.hooks if world.hooks == "same" else painted(talk_app.hooks, world.hooks)
    return Serve(*way.split("-"))(configure, talk_app.views, hooks, twin=False)


def facts_of(client: Client, talk: Talk, records: list[Record]) -> Facts:
    outcome = talk_asgi(client, talk) if client.entry == "asgi" else talk_wsgi(client, talk)
    if client.entry == "wsgi" and records and records[-1][1].startswith("Exception on websocket"):
        outcome.error = records.pop()[2]  # logged in place of the server
    notes = client.app.extensions["log"]
    facts = {**asdict(outcome), "notes": [] if talk.target in ELSEWHERE else [*notes], "log": [*records]}
    notes.clear()
    records.clear()
    return facts


def shrunk(world: TalkWorld, talk: Talk, way: str) -> Talk:
    while (
        less := next((less for less in simpler(talk) if (less, way) in differences(world, [less])), None)
    ) is not None:
        talk = less
    return talk


def told(world: TalkWorld, talk: Talk, way: str) -> str:
    with recording() as records:
        first, other = (facts_of(client_of(world, each), talk, records) for each in (FIRST, way))
    lines: list[Any] = [f"{world}\n{talk}\n{way} differs from {FIRST}:"]
    lines += [f"  {name}: {other[name]!r}\n    not {first[name]!r}" for name in first if first[name] != other[name]]
    return "\n".join(lines)
