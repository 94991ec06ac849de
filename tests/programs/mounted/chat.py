"""A Socket.IO server, which answers over polling and over websockets."""

from __future__ import annotations

from typing import Any

import socketio

server = socketio.AsyncServer(async_mode="asgi")
app = socketio.ASGIApp(
    server, socketio_path="chat/socket.io"
)  # its path begins with that of the mount, as in Starlette


@server.event
async def say(sid: str, data: Any) -> Any:
    await server.emit("said", data, to=sid)
    return {"heard": data}


@server.event
async def leave(sid: str) -> None:
    await server.disconnect(sid)
