"""An app whose tasks raise what ends the loop of a main thread: SystemExit, KeyboardInterrupt; or stop it."""

import asyncio
import sys
from collections.abc import AsyncIterator

from dualapp import DualApp, EventStream

app = DualApp(__name__)


def leave() -> None:
    sys.exit("left")


async def leave_async() -> None:
    await asyncio.sleep(0)
    leave()


async def interrupt() -> None:
    raise KeyboardInterrupt


@app.while_serving
async def heartbeat() -> AsyncIterator[None]:
    app.extensions["beat"] = asyncio.Event()

    async def beat() -> None:
        await app.extensions["beat"].wait()
        leave()

    task = asyncio.create_task(beat())
    yield
    task.cancel()
    app.logger.warning("The shutdown ran.")


@app.get("/heartbeat")
async def end_heartbeat() -> str:
    app.extensions["beat"].set()
    return "done"


@app.get("/background")
async def background() -> str:
    app.add_background_task(leave_async)
    return "done"


@app.get("/background/def")
def background_def() -> str:
    app.add_background_task(leave)
    return "done"


@app.get("/task")
async def task() -> str:
    app.extensions["task"] = asyncio.create_task(interrupt())
    return "done"


@app.get("/waiting")
async def waiting() -> str:
    """A request that waits for the loop while a task of its own, and its callbacks, end."""
    task = asyncio.create_task(leave_async())
    await asyncio.wait([task, asyncio.create_task(asyncio.sleep(0.01))])
    return "done"


@app.get("/callback")
async def callback() -> str:
    asyncio.get_running_loop().call_soon(leave)
    await asyncio.sleep(0.01)
    return "done"


@app.get("/stop")
async def stop() -> str:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0.01)
    return "done"


@app.get("/gather")
async def gather() -> str:
    try:
        await asyncio.gather(interrupt(), asyncio.sleep(0.01))
    except KeyboardInterrupt:
        return "done"
    return "nobody was interrupted"


@app.get("/stream")
async def stream() -> EventStream:
    async def events() -> AsyncIterator[str]:
        yield "first"
        await leave_async()

    return EventStream(events())


@app.get("/fine")
async def fine() -> str:
    await asyncio.sleep(0.001)
    return "done"
