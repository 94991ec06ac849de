"""FastAPI."""

from fastapi import FastAPI


def hello() -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def index() -> dict[str, str]:
        return {"hello": "world"}

    return app
