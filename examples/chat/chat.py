"""A chat with rooms: open http://127.0.0.1:8000 in two windows.

gunicorn --threads 4 chat:app
uvicorn chat:app

With FLASK_BROADCAST_URL=redis://127.0.0.1:6379 any number of processes, on any number of machines, are one chat.
"""

import os
from typing import Any
from uuid import uuid4

from asgiref.sync import async_to_sync
from history import History, RedisHistory

from dualapp import Broadcast, DualApp, abort, json, render_template, websocket

ROOMS = ("tea", "coffee", "kitchen")

app = DualApp(__name__)
app.config.from_prefixed_env()
broadcast = Broadcast(app)
history = RedisHistory(url) if (url := app.config["BROADCAST_URL"]) else History()
app.after_serving(history.close)


@app.url_value_preprocessor
def know_room(endpoint: str | None, values: dict[str, Any] | None) -> None:
    if values and values.get("room", "tea") not in ROOMS:
        abort(404, "There is no such room.")


@app.get("/")
def index() -> str:
    return render_template("index.html", rooms=ROOMS)


@app.get("/room/<room>")
async def show(room: str) -> str:
    return await render_template("room.html", room=room, path=f"/ws/{room}")


@app.websocket("/ws/<room>")
async def talk(room: str) -> None:
    # Join first, then read what was said before: nothing is missed, and the page knows by its id what comes twice.
    async with broadcast.join(room):
        await websocket.send_json(pid=os.getpid(), messages=await history.of(room))
        async for line in websocket:
            message = received(line)
            await history.add(room, message)
            await broadcast.publish(room, json.dumps(message))


# The same rooms with `def` views.


@app.get("/sync/room/<room>")
def show_sync(room: str) -> str:
    return render_template("room.html", room=room, path=f"/sync/ws/{room}")


@app.websocket("/sync/ws/<room>")
def talk_sync(room: str) -> None:
    with broadcast.join(room):
        websocket.send_json(pid=os.getpid(), messages=async_to_sync(history.of)(room))
        for line in websocket:
            message = received(line)
            async_to_sync(history.add)(room, message)
            broadcast.publish(room, json.dumps(message))


def received(line: str | bytes) -> dict[str, str]:
    said = json.loads(line)
    return {"id": uuid4().hex, "name": str(said["name"])[:40], "text": str(said["text"])[:1000]}


if __name__ == "__main__":
    app.run()
