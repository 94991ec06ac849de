"""A fuzzer that finds nothing proves nothing: these faults are planted, and it must find them and make them small."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from dualapp import DualApp, request

from ..support import waiting
from . import endings, generator, search
from .comparison import Difference, differences
from .generator import block_of
from .known import KNOWN
from .parts import PARTS
from .parts.registry import part
from .report import program, source
from .shrink import shrunk
from .visits import Visit
from .worlds import EVERY_WAY, World

ROOT = Path(__file__).parents[2]


@pytest.fixture
def plant() -> Iterator[None]:
    """Parts that a test registers are there in that test only."""
    before = dict(PARTS)
    yield
    PARTS.clear()
    PARTS.update(before)


def ways(found: list[Difference]) -> set[str]:
    return {difference.way for difference in found}


@pytest.mark.usefixtures("plant")
def test_what_differs_between_the_entries_is_found() -> None:
    @part("/planted")
    def planted(app: DualApp) -> None:
        @app.get("/planted")
        async def index():
            return {"scope": "asgi.scope" in request.environ}

    found = [*differences(World(parts=("planted",)), [Visit(target="/planted")])]
    assert ways(found) == {"asgi-def", "asgi-async"}
    assert found[0].facts == ["body", "headers"]


@pytest.mark.usefixtures("plant")
def test_what_differs_between_the_colours_and_from_flask_is_found() -> None:
    @part("/planted")
    def planted(app: DualApp) -> None:
        @app.get("/planted")
        async def index():
            return {"request": request._get_current_object().__class__.__module__}

    found = [*differences(World(parts=("planted",)), [Visit(target="/planted")])]
    assert ways(found) == {"wsgi-async", "asgi-async", "flask"}


@pytest.mark.usefixtures("plant")
def test_what_only_the_hooks_or_the_log_tell_is_found() -> None:
    @part("/planted")
    def planted(app: DualApp) -> None:
        log = app.extensions["log"]

        @app.get("/planted")
        async def index():
            if "asgi.scope" in request.environ:
                log.append("asgi")
            else:
                app.logger.error("wsgi")
            return "planted"

    found = [*differences(World(parts=("planted",)), [Visit(target="/planted")])]
    assert (ways(found), found[0].facts) == ({"asgi-def", "asgi-async"}, ["notes", "log"])


@pytest.mark.usefixtures("plant")
def test_what_stays_behind_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LIMIT", 0.2)

    @part("/planted")
    def planted(app: DualApp) -> None:
        log = app.extensions["log"]

        @app.get("/planted")
        async def index():
            log.append("stream opened")
            return "planted"

    found = [*differences(World(parts=("planted",)), [Visit(target="/planted", end="leave", leave=0)])]
    assert ways(found) == {*EVERY_WAY} - {"flask"}
    assert all(difference.facts == ["left behind"] and difference.has_hung for difference in found)


@pytest.mark.usefixtures("plant")
def test_what_hangs_is_found_and_hangs_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "LIMIT", 0.2)

    @part("/planted")
    def planted(app: DualApp) -> None:
        @app.get("/planted")
        async def async_index():
            if "asgi.scope" in request.environ:
                await asyncio.Event().wait()
            return "planted"

    visits = [Visit(target="/planted")] * 3
    found = [*differences(World(parts=("planted",)), visits, EVERY_WAY[:4])]
    assert ways(found) == {"asgi-def", "asgi-async"}
    assert {difference.number for difference in found} == {0}
    assert not [*differences(World(parts=("plain",)), [Visit(target="/plain")])]


@pytest.mark.usefixtures("plant")
def test_a_difference_is_told_as_a_small_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault needs a request before it, a header and one of the settings."""

    @part("/planted/{int}")
    def planted(app: DualApp) -> None:
        @app.route("/planted/<int:number>", methods=["GET", "POST"])
        async def index(number):
            is_armed = app.config["DEBUG"] and "X-Odd" in request.headers
            app.extensions["armed"] = is_armed or app.extensions.get("armed")
            return {"fault": number == 7 and bool(app.extensions["armed"]) and "asgi.scope" in request.environ}

    world = World(parts=("plain", "planted", "after"), config={"DEBUG": True, "MAX_COOKIE_SIZE": 0}, hooks="async")
    arms = Visit("POST", "/planted/1?a=b", [("Cookie", "a=1"), ("X-Odd", "1")], b"body")
    visits = [Visit(target="/plain"), arms, Visit(target="/empty"), Visit("GET", "/planted/7?c=d", [("Cookie", "a=1")])]
    monkeypatch.setattr(search, "block_of", lambda seed, block: (world, visits))
    (told,) = search.search(3, 2)
    assert told.startswith(f"# Run it in the root of the project: request {2 * generator.BLOCK + 3} of seed 3\n")
    assert "World(parts=('planted',), config={'DEBUG': True})," in told
    assert "Visit(target='/planted/1', headers=(('X-Odd', '1'),)),\n    Visit(target='/planted/7'),\n" in told


def test_a_program_runs() -> None:
    entry = KNOWN[0]
    run = subprocess.run(
        [sys.executable, "-c", program("one that is known", entry.world, entry.visits)],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=True,
    )
    assert run.stdout.startswith("flask, GET /words/fail\n  status      500\n         not 0\n"), run.stderr


def test_a_case_gets_as_small_as_it_can() -> None:
    def shows(world: World, visits: Any) -> bool:
        return "streams" in world.parts and any("a" in visit.query and b"xy" in visit.body for visit in visits)

    visits = [Visit(target="/other")] * 5 + [Visit("POST", "/x/y?a=1&b=2", [("A", "1")], b"12xy34", root="/x")]
    world = World(parts=("plain", "streams", "after"), config={"DEBUG": True}, road="general", hooks="def")
    assert shrunk(world, visits, shows) == (World(parts=("streams",)), (Visit(target="/?a", body=b"xy"),))


@pytest.mark.usefixtures("plant")
def test_a_difference_that_does_not_come_again_is_told_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    @part("/planted")
    def planted(app: DualApp) -> None:
        @app.get("/planted")
        async def index():
            seen.append(1)
            return {"first": len(seen) == 1}

    monkeypatch.setattr(search, "block_of", lambda seed, block: (World(("planted",)), [Visit(target="/planted")]))
    (told,) = search.search(3, 2)
    where = f"request {2 * generator.BLOCK} of seed 3: --seed 3 --first {2 * generator.BLOCK} --requests 1"
    assert told.startswith(f"# It did not come again, {where}\nwsgi-async, GET /planted\n  body  ")


def test_a_seed_says_everything() -> None:
    assert block_of(5, 7) == block_of(5, 7)
    assert block_of(5, 7) != block_of(5, 8) != block_of(6, 8)
    world, visits = block_of(5, 7)
    names = {"World": World, "Visit": Visit}
    assert eval(source(world), names) == world
    assert [eval(source(visit), names) for visit in visits] == visits


def test_everything_is_asked_for() -> None:
    blocks = [block_of(0, number) for number in range(60)]
    assert {name for world, _ in blocks for name in world.parts} == {*PARTS}
    visits = [*chain.from_iterable(visits for _, visits in blocks)]
    assert {visit.end for visit in visits} == {"", "leave", "broken", "gone", "cancel"}
    assert {type(visit.body) for visit in visits} == {bytes, tuple}
    assert {visit.root for visit in visits} == {"", "/app"}
    assert {visit.truncated for visit in visits} == {True, False}


def test_the_command(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.fuzz",
        "--requests",
        "1",
        "--first",
        "401",
        "--processes",
        "1",
        "--seed",
        "9",
    ]
    run = subprocess.run(command, cwd=ROOT, text=True, capture_output=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("200 requests, 0 differences")
    assert run.stdout.endswith("--seed 9 --first 600\n")
