"""What test_as_wsgi.py serves: an ASGI app without any framework, in an adapter and nothing else."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from dualapp import DualApp, as_wsgi

FILE = Path(__file__).parents[2] / "dualapp" / "app.py"
state = {"may go on": False, "gone on": False}


def start(status: int = 200, *headers: tuple[bytes, bytes]) -> Any:
    return {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain"), *headers]}


def body(chunk: bytes, more: bool = False) -> Any:
    return {"type": "http.response.body", "body": chunk, "more_body": more}


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        raise NotImplementedError  # the way to tell a server that there is no lifespan here
    path = scope["path"].removeprefix(scope["root_path"])
    headers = dict(scope["headers"])
    match path.split("/")[1:]:
        case ["scope", *_]:
            told = {name: scope[name] for name in ("method", "path", "root_path", "scheme", "http_version")}
            raw = (scope["raw_path"] or b"").decode(), scope["query_string"].decode()
            await send(start())
            await send(
                body(json.dumps(told | {"raw": raw, "state": state, "extensions": [*scope["extensions"]]}).encode())
            )
        case ["count"]:
            size, more = 0, True
            while more:
                message = await receive()
                size, more = size + len(message["body"]), message["more_body"]
            await send(start())
            await send(body(str(size).encode()))
        case ["headers"]:
            cookies = (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")
            hop_by_hop = (b"transfer-encoding", b"chunked"), (b"keep-alive", b"timeout=5")
            await send(start(201, (b"x-echo", headers[b"x-name"]), *cookies, *hop_by_hop))
            await send(body(b"created"))
        case ["status", status]:
            await send(start(int(status)))
            await send(body(b"x" * 100_000, more=True))
            await send(body(b"y"))
        case ["file"]:
            await send(start(200, (b"content-length", str(FILE.stat().st_size).encode())))
            by_path = {"type": "http.response.pathsend", "path": str(FILE)}
            is_known = "http.response.pathsend" in scope["extensions"]
            await send(by_path if is_known else body(FILE.read_bytes()))
        case ["early"]:
            await send(start())
            raise LookupError("meant, early")
        case ["late"]:
            await send(start())
            await send(body(b"begun", more=True))
            await asyncio.sleep(0)
            raise LookupError("meant, late")
        case ["background"]:
            await send(start())
            await send(body(b"sent"))
            while not state["may go on"]:
                await asyncio.sleep(0.01)
            state["gone on"] = True
        case ["wait"]:
            await send(start())
            await send(body(b"first ", more=True))
            while not state["may go on"]:
                await asyncio.sleep(0.01)
            await send(body(b"last"))
        case ["go-on", word]:
            state["may go on"] = word == "yes"
            await send(start())
            await send(body(b"gone on"))


app = as_wsgi(asgi_app)
mounted = DualApp("mounted")
mounted.mount("/in", asgi_app)
