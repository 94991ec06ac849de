"""Bottle."""

from bottle import Bottle


def hello() -> Bottle:
    app = Bottle()

    @app.get("/")
    def index() -> dict[str, str]:
        return {"hello": "world"}

    return app
