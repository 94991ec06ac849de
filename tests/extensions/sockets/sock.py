"""Flask-Sock's views: in a DualApp, in a blueprint of it, and in a Flask app that is mounted."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask
from flask_sock import Sock

from dualapp import DualApp, websocket

app, legacy, blueprint = DualApp(__name__), Flask("legacy"), Blueprint("shop", __name__, url_prefix="/shop")
sock, legacy_sock = Sock(app), Sock(legacy)


def echo(ws: Any) -> None:
    while (message := ws.receive()) != "end":
        ws.send(message)


sock.route("/echo")(echo)
sock.route("/echo", bp=blueprint)(echo)
legacy_sock.route("/echo")(echo)
app.register_blueprint(blueprint)
app.mount("/legacy", legacy)


@app.websocket("/own")
async def own() -> None:
    async for message in websocket:
        await websocket.send(message)


@app.get("/")
async def index() -> str:
    return "here"
