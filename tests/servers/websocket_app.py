"""What the servers of test_websockets.py serve: an echo and its kin, in both colours."""

from __future__ import annotations

import asyncio
import gc
import os
from resource import RUSAGE_SELF, getrusage
from typing import Any

from dualapp import DualApp, WebsocketClosed, websocket

CHUNK = bytes(64 * 1024)
app = DualApp(__name__)
app.config.update(WEBSOCKET_MAX_MESSAGE_SIZE=2 * 1024 * 1024)
app.config.from_prefixed_env("TEST")  # as TEST_WEBSOCKET_MAX=2
ended: list[str] = []
#: What a websocket of this name has received, and its end.
records: dict[str, list[Any]] = {}


@app.get("/")
def index() -> Any:
    return {"pid": os.getpid(), "ended": ended}


@app.get("/record/<name>")
def record(name: str) -> Any:
    return {"record": records.get(name, [])}


@app.get("/peak")
def peak() -> Any:
    """The most memory that this process has had, in KiB."""
    return {"peak": getrusage(RUSAGE_SELF).ru_maxrss}


@app.get("/held")
async def held() -> Any:
    """What this process holds."""
    gc.collect()
    folders = {"descriptors": "/proc/self/fd", "threads": "/proc/self/task"}
    return {name: len(os.listdir(path)) for name, path in folders.items()} | {"tasks": len(asyncio.all_tasks())}


@app.websocket("/async/record/<name>")
async def async_record(name: str) -> Any:
    records[name] = seen = []
    await websocket.accept()
    try:
        while True:
            seen.append(shown(await websocket.receive()))
    except WebsocketClosed as end:
        seen.append([end.code, end.reason])


@app.websocket("/sync/record/<name>")
def sync_record(name: str) -> Any:
    records[name] = seen = []
    websocket.accept()
    try:
        while True:
            seen.append(shown(websocket.receive()))
    except WebsocketClosed as end:
        seen.append([end.code, end.reason])


def shown(message: str | bytes) -> Any:
    return message if isinstance(message, str) else len(message)


@app.websocket("/async/stream/<name>/<int:count>")
async def async_stream(name: str, count: int) -> Any:
    for number in range(count):
        await websocket.send(CHUNK)
        records[name] = [number + 1]


@app.websocket("/sync/stream/<name>/<int:count>")
def sync_stream(name: str, count: int) -> Any:
    for number in range(count):
        websocket.send(CHUNK)
        records[name] = [number + 1]


@app.websocket("/async/echo")
async def async_echo() -> Any:
    async for message in websocket:
        await websocket.send(message)


@app.websocket("/sync/echo")
def sync_echo() -> Any:
    for message in websocket:
        websocket.send(message)


@app.websocket("/async/close")
async def async_close() -> Any:
    await websocket.accept({"X-Told": "yes"}, subprotocol="b")
    await websocket.close(4001, "enough")


@app.websocket("/sync/close")
def sync_close() -> Any:
    websocket.accept({"X-Told": "yes"}, subprotocol="b")
    websocket.close(4001, "enough")


@app.websocket("/async/refuse")
async def async_refuse() -> Any:
    return "not you", 403


@app.websocket("/sync/refuse")
def sync_refuse() -> Any:
    return "not you", 403


@app.websocket("/async/error")
async def async_error() -> Any:
    await websocket.accept()
    raise LookupError("meant")


@app.websocket("/sync/error")
def sync_error() -> Any:
    websocket.accept()
    raise LookupError("meant")


@app.websocket("/async/leave")
async def async_leave() -> Any:
    await websocket.send("there")
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("async")


@app.websocket("/sync/leave")
def sync_leave() -> Any:
    websocket.send("there")
    try:
        websocket.receive()
    except WebsocketClosed:
        ended.append("sync")


@app.websocket("/async/never")
async def async_never() -> Any:
    await asyncio.Event().wait()
