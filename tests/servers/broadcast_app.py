"""A channel that websocket views of both colours join; what one member says goes to all."""

from __future__ import annotations

from typing import Any

from dualapp import Broadcast, DualApp, WebsocketClosed, websocket

app = DualApp(__name__)
app.config.from_prefixed_env()
broadcast = Broadcast(app)
#: The codes that websockets have ended with.
ended: list[int] = []


@app.get("/")
def index() -> Any:
    return {"ended": ended}


@app.websocket("/async/<room>")
async def async_talk(room: str) -> Any:
    async with broadcast.join(room):
        await websocket.send("joined")
        try:
            while True:
                await broadcast.publish(room, await websocket.receive())
        except WebsocketClosed as end:
            ended.append(end.code)


@app.websocket("/sync/<room>")
def sync_talk(room: str) -> Any:
    with broadcast.join(room):
        websocket.send("joined")
        try:
            while True:
                broadcast.publish(room, websocket.receive())
        except WebsocketClosed as end:
            ended.append(end.code)
