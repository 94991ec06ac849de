"""Flask-SocketIO: in a DualApp, and in a Flask app that is mounted."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_socketio import SocketIO, emit

from dualapp import DualApp

app, legacy = DualApp(__name__), Flask("legacy")


def say(data: Any) -> Any:
    emit("said", data)
    return {"heard": data}


for each in (app, legacy):
    server = SocketIO(each, async_mode="threading")
    server.on_event("say", say)

app.mount("/legacy", legacy)


@app.get("/")
async def index() -> str:
    return "here"
