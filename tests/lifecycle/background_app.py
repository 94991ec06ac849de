"""An app whose views, of either colour, leave tasks of either colour to the background."""

import asyncio
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from dualapp import DualApp, current_app, got_background_exception, has_request_context
from tests.support.waiting import LONG

from .events import note

app = DualApp(__name__)
app.config.from_prefixed_env()  # FLASK_BACKGROUND_TASK_SHUTDOWN_TIMEOUT
gate = threading.Event()
CITY = ContextVar("CITY", default="nowhere")


def wait_sync() -> None:
    note_place("begins")
    while not gate.is_set():  # gevent's events are not for two threads
        time.sleep(0.01)
    note("ends")


async def wait_async() -> None:
    note_place("begins")
    while not gate.is_set():
        await asyncio.sleep(0.01)
    note("ends")


def note_place(event: str) -> None:
    request = "with" if has_request_context() else "without"
    note(f"{event} in {current_app.name}, {CITY.get()}, {request} a request")
    CITY.set("elsewhere")


def fail_sync() -> None:
    raise LookupError("sync")


async def fail_async() -> None:
    raise LookupError("async")


def last_sync(seconds: float) -> None:
    note("begins")
    time.sleep(seconds)
    note("ends")


async def last_async(seconds: float) -> None:
    note("begins")
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        note("cancelled")
        raise
    note("ends")


def hang_sync() -> None:
    note("begins")
    while True:
        time.sleep(0.01)


async def hang_async() -> None:
    note("begins")
    while True:
        try:
            await asyncio.sleep(LONG)
        except BaseException as error:
            note(f"swallows {type(error).__name__}")


TASKS: dict[str, Callable[..., Any]] = {
    name: func for name, func in globals().items() if name.endswith(("_sync", "_async")) and callable(func)
}


@app.get("/def/<task>")
@app.get("/def/<task>/<float:seconds>")
def plain(task: str, **options: float) -> dict[str, str]:
    CITY.set("Paris")
    app.add_background_task(TASKS[task], **options)
    return {"answered": task}


@app.get("/async/<task>")
@app.get("/async/<task>/<float:seconds>")
async def coroutine(task: str, **options: float) -> dict[str, str]:
    CITY.set("Paris")
    app.add_background_task(TASKS[task], **options)
    return {"answered": task}


@app.get("/open")
def open_gate() -> dict[str, str]:
    gate.set()
    return {"city": CITY.get()}


@got_background_exception.connect_via(app)
def note_signal(sender: DualApp, exception: Exception) -> None:
    note(f"logged {exception!r} in {sender.name}")
