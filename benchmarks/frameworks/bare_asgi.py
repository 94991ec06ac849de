"""No framework under ASGI: the floor."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

BODY = b'{"hello":"world"}\n'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]


async def app(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
    if scope["type"] == "lifespan":
        raise NotImplementedError  # the way to tell a server that there is no lifespan here
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY, "more_body": False})


def hello() -> Callable[..., Awaitable[None]]:
    return app


async def waiting_app(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
    if scope["type"] == "http":
        await asyncio.sleep(0.001)
    await app(scope, receive, send)


def wait() -> Callable[..., Awaitable[None]]:
    return waiting_app
