"""What test_mounts.py serves: a Flask app, mounted, whose async views call sync code that waits, as Flask's may."""

from __future__ import annotations

import threading
import time

import flask

from dualapp import DualApp

app, inner = DualApp(__name__), flask.Flask("inner")
inner.config["MAX_CONTENT_LENGTH"] = 1_000_000
is_blocked, is_released = threading.Event(), threading.Event()


@inner.post("/size")
async def size() -> str:
    return str(len(flask.request.get_data()))


@inner.get("/blocks")
async def blocks() -> str:
    is_blocked.set()
    while not is_released.is_set():
        time.sleep(0.01)
    return "released"


app.mount("/flask", inner)
app.mount("/hooked", inner, hooks=True)


@app.get("/release")
async def release() -> str:
    if is_blocked.is_set():
        is_released.set()
    return str(is_released.is_set())
