"""BlackSheep."""

from blacksheep import Application, Response, json


def hello() -> Application:
    app = Application()

    @app.router.get("/")
    async def index() -> Response:
        return json({"hello": "world"})

    return app
