"""What the servers of test_mounted_websockets.py serve: apps of each kind that talk over websockets, mounted in one."""

from __future__ import annotations

from typing import Any

import quart

from dualapp import DualApp, as_wsgi, websocket

app, inner, quart_app = DualApp(__name__), DualApp("inner"), quart.Quart("quart")
events: list[str] = []


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    """Tells what it was asked for, then sends what it hears; it does not close what it accepted."""
    if scope["type"] == "lifespan":
        await receive()
        scope["state"]["life"] = "lives"
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    assert scope["type"] == "websocket", scope
    assert (await receive())["type"] == "websocket.connect"
    below = scope["path"].removeprefix(scope["root_path"])
    match below:
        case "/returns":
            return
        case "/fails":
            raise LookupError("meant, before it is accepted")
        case "/refuses":
            await send({"type": "websocket.close"})
            return
    await send({"type": "websocket.accept", "subprotocol": (scope["subprotocols"] or [None])[0]})
    if below == "/fails-late":
        raise LookupError("meant, after it was accepted")
    query = scope["query_string"].decode()
    text = f"{scope['scheme']} {scope['root_path']} {below} {query} {scope.get('state', {}).get('life')}"
    await send({"type": "websocket.send", "text": text})
    while (message := await receive())["type"] == "websocket.receive" and message.get("text") != "end":
        await send({**message, "type": "websocket.send"})
    events.append(str(message.get("code", "end")))


@inner.websocket("/echo")
async def inner_echo() -> None:
    await websocket.send(f"{websocket.root_path} {websocket.path}")
    async for message in websocket:
        await websocket.send(message)


@quart_app.websocket("/echo")
async def quart_echo() -> None:
    await quart.websocket.send(f"{quart.websocket.root_path} {quart.websocket.path}")
    while True:
        await quart.websocket.send(await quart.websocket.receive())


def wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    start_response("426 Upgrade Required", [("Content-Type", "text/plain")])
    return [f"{environ['HTTP_UPGRADE']} {environ['SCRIPT_NAME']} {environ['PATH_INFO']}".encode()]


inner.mount("/asgi", asgi_app)
app.mount("/asgi", asgi_app)
app.mount("/dual", inner)
app.mount("/quart", quart_app)
app.mount("/wsgi", wsgi_app)


@app.get("/events")
def told() -> Any:
    return events


@app.websocket("/asgi/own")
async def own() -> None:
    await websocket.send("own")


@app.websocket("/<path:path>")
async def rest(path: str) -> None:
    await websocket.send(f"rest {path}")


#: Without a DualApp around it.
adapted = as_wsgi(asgi_app)


class Marking:
    """ASGI middleware, which is around the websockets of both entries."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def marked(message: Any) -> None:
            if message["type"] == "websocket.accept":
                message["headers"] = [*message.get("headers", ()), (b"x-mark", b"1")]
            await send(message)

        await self.app(scope, receive, marked)


wrapped = DualApp("wrapped")
wrapped.add_middleware(Marking)


@wrapped.websocket("/echo")
async def wrapped_echo() -> None:
    async for message in websocket:
        await websocket.send(message)
