"""An ASGI app, served to WSGI servers by `as_wsgi`, that prints when it starts and stops."""

from __future__ import annotations

from typing import Any

from dualapp import as_wsgi


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        for event in ("startup", "shutdown"):
            await receive()
            print(f"{event} of the ASGI app", flush=True)
            await send({"type": f"lifespan.{event}.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"here"})


app = as_wsgi(asgi_app)
