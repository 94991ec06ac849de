"""An app that says where its code runs: in which process, in which thread, on which loop."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import flask
from asgiref.sync import async_to_sync, sync_to_async

from dualapp import DualApp
from dualapp.crossing.host_loop import host_loop, is_green
from tests.support.waiting import LIMIT

app = DualApp(__name__)
serve = app.wsgi_app


def noting_the_thread(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    environ["tests.thread"] = threading.get_ident()
    return serve(environ, start_response)


app.wsgi_app = noting_the_thread  # type: ignore[method-assign]  # as middleware is put around an app


async def loop_id() -> int:
    await asyncio.sleep(0)
    return id(asyncio.get_running_loop())


@app.get("/process")
def process() -> dict[str, Any]:
    return {"pid": os.getpid(), "has_loop": host_loop.current is not None}


@app.get("/loop")
async def loop() -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "loop": await loop_id(),
        # Under gevent the loop must not run in the main thread, where all requests are.
        "beside": not is_green() or threading.get_native_id() != os.getpid(),
    }


@app.get("/forth")
def forth() -> dict[str, Any]:
    return {"pid": os.getpid(), "loop": async_to_sync(loop_id)(), "beside": True}


@app.get("/back")
async def back() -> dict[str, Any]:
    await asyncio.sleep(0)
    return {"mine": flask.request.environ["tests.thread"], "thread": await thread_of_sync_code()}


@app.get("/forth/and/back")
def forth_and_back() -> dict[str, Any]:
    return {"mine": threading.get_ident(), "thread": async_to_sync(thread_of_sync_code)()}


async def thread_of_sync_code() -> int:
    return await sync_to_async(threading.get_ident)()


@app.get("/answer/<int:number>")
async def answer(number: int) -> dict[str, int]:
    await asyncio.sleep(0)
    number = await sync_to_async(abs)(-number)
    await asyncio.sleep(0.001)
    return {"number": number}


class Crowd:
    inside = peak = 0


@app.get("/crowd/<int:wanted>")
async def crowd(wanted: int) -> dict[str, int]:
    """Wait until so many requests are here at the same time."""
    Crowd.inside += 1
    Crowd.peak = max(Crowd.peak, Crowd.inside)
    async with asyncio.timeout(LIMIT):
        while Crowd.peak < wanted:
            await asyncio.sleep(0.001)
    Crowd.inside -= 1
    return {"pid": os.getpid(), "peak": Crowd.peak}


# With --preload this is gunicorn's master, whose loop no worker may take for its own.
AT_IMPORT = async_to_sync(loop_id)() if "LOOP_AT_IMPORT" in os.environ else None
