"""The application of these tests, in which an ASGI app and a WSGI app are mounted that do the same."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

from dualapp import DualApp

from . import app as streams
from .app import BLOCK, seen


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    """Sends as many blocks as asked for, counts what it is sent, or sends blocks until it is left."""
    if scope["type"] == "lifespan":
        raise NotImplementedError  # the way to tell a server that there is no lifespan here
    path = scope["path"].removeprefix(scope["root_path"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if path == "/count":
        total = largest = 0
        more = True
        while more:
            message = await receive()
            total, largest = total + len(message["body"]), max(largest, len(message["body"]))
            more = message["more_body"]
        await send({"type": "http.response.body", "body": counted(total, largest)})
    elif path == "/endless":
        seen("asgi in")
        left = asyncio.create_task(until_left(receive))
        try:
            while not left.done():
                await send({"type": "http.response.body", "body": BLOCK[:1000], "more_body": True})
                await asyncio.sleep(0.01)
        finally:
            left.cancel()
            seen("asgi out")
    else:
        for _ in range(int(path[1:])):
            await send({"type": "http.response.body", "body": BLOCK, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def until_left(receive: Any) -> None:
    """ASGI servers tell the app that its client has left; the adapter under WSGI cancels it."""
    while (await receive())["type"] != "http.disconnect":
        pass


def wsgi_app(environ: Any, start_response: Any) -> Iterator[bytes]:
    """Does the same."""
    path = environ["PATH_INFO"]
    start_response("200 OK", [])
    if path == "/count":
        total = largest = 0
        while chunk := environ["wsgi.input"].read(65536):
            total, largest = total + len(chunk), max(largest, len(chunk))
        yield counted(total, largest)
    elif path == "/endless":
        yield from endless()
    else:
        for _ in range(int(path[1:])):
            yield BLOCK


def endless() -> Iterator[bytes]:
    seen("wsgi in")
    try:
        while True:
            yield BLOCK[:1000]
    finally:
        seen("wsgi out")


def counted(total: int, largest: int) -> bytes:
    return json.dumps({"total": total, "largest": largest}).encode()


app = DualApp(__name__)
app.mount("/", streams.app)  # it tells what the process has open
app.mount("/asgi", asgi_app)
app.mount("/wsgi", wsgi_app)
