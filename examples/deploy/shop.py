"""A shop to deploy: sessions in Redis, behind a proxy, with orders, events, websockets, uploads and a health page."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from typing import Any

from flask_session import Session
from redis import Redis

from dualapp import DualApp, Event, EventStream, ProxyFix, request, session, websocket

app = DualApp(__name__)
redis = Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
app.config.update(
    SESSION_TYPE="redis",
    SESSION_REDIS=redis,
    SESSION_COOKIE_SECURE=True,
    MAX_CONTENT_LENGTH=100 * 1024 * 1024,
)
Session(app)
# There is one proxy, and it sets these three headers itself.
ProxyFix(app, x_for=1, x_proto=1, x_host=1)


@app.before_serving
def connect() -> None:
    redis.ping()


@app.get("/healthz")
def healthz() -> dict[str, str]:
    # On both entries a request is answered once all `before_serving` functions have succeeded, and not before.
    return {"status": "ok"}


@app.get("/where")
def where() -> dict[str, Any]:
    return {"url": request.url, "client": request.remote_addr}


@app.post("/basket/<item>")
def put(item: str) -> dict[str, list[str]]:
    session["basket"] = [*session.get("basket", []), item]
    return {"basket": session["basket"]}


@app.post("/orders/<int:number>")
def order(number: int) -> tuple[dict[str, Any], int]:
    return {"times": redis.hincrby("orders", str(number), 1)}, 201


@app.post("/later/orders/<int:number>")
async def order_later(number: int) -> tuple[dict[str, Any], int]:
    await asyncio.sleep(0.005)
    return {"times": await asyncio.to_thread(redis.hincrby, "orders", str(number), 1)}, 201


@app.get("/events")
async def events() -> EventStream:
    seen = request.headers.get("Last-Event-ID", 0, type=int)

    async def count() -> AsyncIterator[Event]:
        for number in range(seen + 1, 1_000_000):
            yield Event(number, id=number)
            await asyncio.sleep(0.1)

    return EventStream(count())


@app.websocket("/prices/<product>")
async def prices(product: str) -> None:
    async for count in websocket:
        await websocket.send_json(product=product, total=int(count) * 4.5)


@app.post("/upload/<name>")
def upload(name: str) -> dict[str, str]:
    digest = hashlib.sha256()
    for chunk in iter(lambda: request.stream.read(65536), b""):
        digest.update(chunk)
        redis.hincrby("uploaded", name, len(chunk))
    return {"sha256": digest.hexdigest()}


@app.get("/uploaded/<name>")
def uploaded(name: str) -> dict[str, int]:
    return {"bytes": int(redis.hget("uploaded", name) or 0)}
