"""Apps of others that have a DualApp mounted, and start and stop it in their own lifespan."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from hypercorn.middleware import DispatcherMiddleware
from starlette.applications import Starlette
from starlette.routing import Mount

from dualapp import DualApp, redirect, request, url_for, websocket

dashboard = DualApp("dashboard")


@dashboard.while_serving
async def connection() -> AsyncIterator[None]:
    print("dashboard started", flush=True)
    dashboard.extensions["number"] = 7
    yield
    print("dashboard stopped", flush=True)


@dashboard.get("/async")
async def in_async_def():
    return {"here": url_for("in_async_def"), "number": dashboard.extensions["number"]}


@dashboard.get("/def")
def in_def():
    return {"here": url_for("in_def"), "number": dashboard.extensions["number"]}


@dashboard.get("/moved")
def moved():
    return redirect(url_for("in_def"))


@dashboard.post("/count")
async def count():
    size = 0
    async for chunk in request.body:
        size += len(chunk)
    return {"size": size}


@dashboard.websocket("/echo")
async def echo():
    await websocket.send(f"{websocket.root_path} {await websocket.receive()}")


@asynccontextmanager
async def lifespan(outer: object) -> AsyncIterator[None]:
    print("outer started", flush=True)
    async with dashboard.lifespan_context():
        yield
    print("outer stopped", flush=True)


in_starlette = Starlette(routes=[Mount("/in", dashboard)], lifespan=lifespan)
in_fastapi = FastAPI(lifespan=lifespan)
in_fastapi.mount("/in", dashboard)
#: It passes lifespan messages on.
in_hypercorn = DispatcherMiddleware({"/in": dashboard})
