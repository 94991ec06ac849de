"""No framework under ASGI: the floor."""

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
