"""A Socket.IO server of python-socketio, mounted as its ASGI app."""

from __future__ import annotations

from typing import Any

import socketio

from dualapp import DualApp

server = socketio.AsyncServer(async_mode="asgi")
app = DualApp(__name__)
# Its path begins with that of the mount, as in Starlette.
app.mount("/chat", socketio.ASGIApp(server, socketio_path="chat/socket.io"))


@server.event
async def say(sid: str, data: Any) -> Any:
    await server.emit("said", data, to=sid)
    return {"heard": data}
