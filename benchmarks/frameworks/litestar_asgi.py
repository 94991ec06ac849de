"""Litestar."""

from litestar import Litestar, get


@get("/")
async def index() -> dict[str, str]:
    return {"hello": "world"}


def hello() -> Litestar:
    return Litestar([index])
