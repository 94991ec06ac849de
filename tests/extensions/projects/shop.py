"""The app that these projects test."""

from __future__ import annotations

import asyncio

from dualapp import DualApp, request, session

from ...conftest import Serve

COLOURS = ["def", "async"]


def create_app(colour: str) -> DualApp:
    app = DualApp(__name__)
    app.testing = True
    Serve("", colour).paint(pages)(app)
    return app


def pages(app: DualApp) -> None:
    app.secret_key = "of these tests"
    app.extensions["started"] = started = []

    @app.before_serving
    async def start():
        started.append("once")

    @app.get("/")
    async def index():
        await asyncio.sleep(0)
        return "hello"

    @app.post("/json")
    async def sent_json():
        return {"got": await request.get_json(), "accepts": str(request.accept_mimetypes)}

    @app.get("/visits")
    async def visits():
        session["visits"] = session.get("visits", 0) + 1
        return str(session["visits"])
