"""An app that notes what runs before, while and after a process serves. What FAIL names fails."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

from dualapp import DualApp, current_app

from .events import note

app = DualApp(__name__)
wanted_beats = asyncio.Queue[int]()


def note_or_fail(event: str) -> None:
    assert current_app.name == __name__  # there is an app context
    note(event)
    if os.environ.get("FAIL") == event:
        raise LookupError("nothing to connect to")


@app.before_serving
def prepare() -> None:
    note_or_fail("before, def")


@app.before_serving
async def connect() -> None:
    await asyncio.sleep(0.01)
    note_or_fail("before, async")


@app.while_serving
def hold() -> Iterator[None]:
    note_or_fail("while begins, def")
    yield
    note_or_fail("while ends, def")


@app.while_serving
async def live() -> AsyncIterator[None]:
    note_or_fail("while begins, async")
    heart = asyncio.create_task(beat())
    yield
    heart.cancel()
    note_or_fail("while ends, async")


async def beat() -> None:
    while True:
        for _ in range(await wanted_beats.get()):
            await asyncio.sleep(0.01)
            note("beat")


@app.after_serving
def tidy() -> None:
    note_or_fail("after, def")


@app.after_serving
async def disconnect() -> None:
    # Both need a thread: the process must still be able to make one.
    await asyncio.to_thread(note, "after, thread")
    await asyncio.sleep(0.01)
    note_or_fail("after, async")


@app.get("/")
def index() -> dict[str, int]:
    note("request")
    return {"pid": os.getpid()}


@app.get("/beat/<int:times>")
async def wish(times: int) -> dict[str, int]:
    wanted_beats.put_nowait(times)
    return {"beats": times}
