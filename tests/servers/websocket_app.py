"""What the servers of test_websockets.py serve: an echo and its kin, in both colours."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from dualapp import DualApp, WebsocketClosed, websocket

app = DualApp(__name__)
app.config.update(WEBSOCKET_MAX_MESSAGE_SIZE=2 * 1024 * 1024)
ended: list[str] = []


@app.get("/")
def index() -> Any:
    return {"pid": os.getpid(), "ended": ended}


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
