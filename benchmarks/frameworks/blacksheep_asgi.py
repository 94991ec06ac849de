"""BlackSheep."""

import asyncio

from blacksheep import Application, Request, Response, json


def hello() -> Application:
    app = Application()

    @app.router.get("/")
    async def index() -> Response:
        return json({"hello": "world"})

    return app


def wait() -> Application:
    app = Application()

    @app.router.get("/")
    async def index() -> Response:
        await asyncio.sleep(0.001)
        return json({"hello": "world"})

    return app


def wait_json() -> Application:
    app = Application()

    @app.router.post("/")
    async def age(request: Request) -> Response:
        person = await request.json()
        await asyncio.sleep(0.001)
        return json({"person": person, "age": 1851 - person["born"]})

    return app
