"""An echo on `/`, where Autobahn's cases expect one; some of their messages have 16 MiB."""

from __future__ import annotations

from typing import Any

from dualapp import DualApp, websocket

app = DualApp(__name__)
app.config.update(WEBSOCKET_MAX_MESSAGE_SIZE=16 * 1024 * 1024)


@app.websocket("/")
async def echo() -> Any:
    async for message in websocket:
        await websocket.send(message)
