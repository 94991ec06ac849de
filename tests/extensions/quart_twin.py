"""A DualApp and the same app in plain Quart: each request is asked of both, and their answers must be the same."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Container, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from importlib.metadata import version
from operator import itemgetter
from types import FunctionType
from typing import Any

import quart

import dualapp
from dualapp import DualApp

from ..conftest import NAME, Serve
from ..support.entry_driver import LOOP, Answer, Ask, Client, Headers
from ..support.recolour import Build


class ServeBesideQuart(Serve):
    """`serve(build, ...)` gives a client of the app that the builds make, beside plain Quart and served for its life.

    Plain Quart runs the builds as they are written, in `async def`, whatever the colour of the test. `chance` names the
    headers whose values depend on the time; `twin=False` is for what plain Quart cannot do itself.
    """

    def __init__(self, entry: str, colour: str, ends: ExitStack) -> None:
        super().__init__(entry, colour)
        self.ends = ends

    def __call__(self, *builds: Build, twin: bool = True, chance: Container[str] = (), **options: Any) -> Client:  # type: ignore[override]  # it has no mixin
        app = DualApp(NAME, **options)
        for build in builds:
            self.paint(build)(app)
        if self.entry == "asgi":
            self.serve_until_the_end(app)
        else:
            self.ends.callback(app._lifespan.stop)  # WSGI servers tell of no start: the first request does
        return Pair(app, self.entry, self.plain_quart(*builds, **options), chance) if twin else Client(app, self.entry)

    def plain_quart(self, *builds: Build, **options: Any) -> Client:
        app = quart.Quart(NAME, **options)
        for build in builds:
            with_names_of_quart(build)(app)
        self.serve_until_the_end(app)
        return Client(app, "asgi_app")

    def serve_until_the_end(self, app: Any) -> None:
        life = served(app)
        LOOP.run(life.__aenter__())
        self.ends.callback(lambda: LOOP.run(life.__aexit__(None, None, None)))


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[None]:
    """Tell an app, as an ASGI server does, that it starts, and after the block that it stops."""
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    outbox: asyncio.Queue[Any] = asyncio.Queue()

    async def tell(event: str) -> None:
        await inbox.put({"type": f"lifespan.{event}"})
        answer = await outbox.get()
        assert answer["type"] == f"lifespan.{event}.complete", answer

    scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
    task = asyncio.create_task(app.asgi_app(scope, inbox.get, outbox.put))
    await tell("startup")
    yield
    await tell("shutdown")
    await task


def with_names_of_quart(build: Build) -> Build:
    """Give the names that a test took from dualapp the meaning they have in Quart."""
    assert isinstance(build, FunctionType)
    # By identity only: comparing proxies would ask for a request.
    mine = {id(value): name for name, value in vars(dualapp).items() if hasattr(quart, name)}
    names = {name: getattr(quart, mine[id(value)]) for name, value in build.__globals__.items() if id(value) in mine}
    return FunctionType(
        build.__code__, {**build.__globals__, **names}, build.__name__, build.__defaults__, build.__closure__
    )


class Pair(Client):
    """Speaks to one entry of a DualApp and to plain Quart."""

    def __init__(self, app: Any, entry: str, plain: Client, chance: Container[str]) -> None:
        super().__init__(app, entry)
        self.plain, self.chance = plain, chance
        #: The values of cookies, which are signed or made by chance: ours, and what plain Quart gave in their place.
        self.cookies: dict[str, str] = {}

    def speak(self, ask: Ask) -> Answer:
        answer = super().speak(ask)
        plain = self.plain.speak(replace(ask, headers=self.headers_for_quart(ask.headers)))
        ours, quarts = self.comparable(answer), self.comparable(plain)
        assert ours == quarts, f"not what plain Quart answers:\n  {ours}\n  {quarts}"
        cookies = zip(answer.all("set-cookie"), plain.all("set-cookie"), strict=True)
        self.cookies |= {value_of(mine): value_of(its) for mine, its in cookies if value_of(mine)}
        return answer

    def headers_for_quart(self, headers: Any) -> Headers:
        known = re.compile("|".join(map(re.escape, self.cookies)) or "(?!)")
        return [(name, known.sub(lambda found: self.cookies[found[0]], value)) for name, value in headers]

    def many(self, asks: Sequence[Ask], threads: int = 32) -> list[Answer]:
        """Ask for all at once; not of plain Quart too, since which comes first is chance."""
        return Client(self.app, self.entry).many(asks, threads)

    def comparable(self, answer: Answer) -> tuple[Any, ...]:
        status, headers, *rest = answer.comparable()
        # The order of fields of different names means nothing (RFC 9110 section 5.3); ours is Flask's.
        fields = sorted((self.without_chance(*header) for header in headers), key=itemgetter(0))
        return status, [field for field in fields if field != NEEDLESS], *rest

    def without_chance(self, name: str, value: str) -> tuple[str, str]:
        if name == "set-cookie":
            value = re.sub("=[^;]+", "=...", value, count=1)
        return (name, "...") if name in self.chance else (name, value)


# Quart 0.23 looks at each session itself, and takes that for a use of it.
NEEDLESS = ("vary", "Cookie") if version("quart") >= "0.23" else None


def value_of(header: str) -> str:
    return header.partition(";")[0].partition("=")[2]
