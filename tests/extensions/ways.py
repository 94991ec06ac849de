"""The ways in which libraries of others call an app: clients for tests, adapters between WSGI and ASGI, mounts.

Each way opens a client with the methods of httpx, so that the same test goes through all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from a2wsgi import ASGIMiddleware, WSGIMiddleware
from asgi_lifespan import LifespanManager
from asgiref.wsgi import WsgiToAsgi
from fastapi import FastAPI
from hypercorn.middleware import AsyncioWSGIMiddleware
from hypercorn.middleware import DispatcherMiddleware as ASGIDispatcher
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Mount
from starlette.testclient import TestClient
from webtest.lint import middleware as lint
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from ..support.entry_driver import LOOP

HOST = "http://localhost"
MOUNT = "/below"


@dataclass
class Way:
    """One way to call an entry of an app."""

    #: Opens a client of an app, or of one of its entries.
    opens: Callable[[Any], AbstractContextManager[Any]]
    entry: str
    #: The path at which the app is mounted.
    mount: str = ""
    #: Whether the app is told when to start and to stop; else it starts with the first request.
    has_lifespan: bool = False
    #: Whether the loop of one request serves the next.
    keeps_loop: bool = True
    #: Whether a response can be read while it is made, and left before its end.
    can_leave: bool = True


class Awaiting(httpx.BaseTransport):
    """Sends the requests of a client in `def` code through a transport that is awaited, on the server's loop."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self.transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()  # the chunks of an upload come from an iterator that cannot be awaited
        return LOOP.run(self.respond(request))

    async def respond(self, request: httpx.Request) -> httpx.Response:
        response = await self.transport.handle_async_request(request)
        stream = httpx.ByteStream(await response.aread())
        return httpx.Response(response.status_code, headers=response.headers, stream=stream)


def over_wsgi(app: Any, mount: str = "") -> httpx.Client:
    return httpx.Client(transport=httpx.WSGITransport(app), base_url=HOST + mount)


def over_asgi(app: Any) -> httpx.Client:
    return httpx.Client(transport=Awaiting(httpx.ASGITransport(app)), base_url=HOST)


def over_starlette(app: Any, mount: str = "") -> TestClient:
    return TestClient(app, base_url=HOST + mount)


@contextmanager
def over_asgi_lifespan(app: Any) -> Iterator[httpx.Client]:
    manager = LOOP.run(enter(app))
    with over_asgi(manager.app) as client:
        yield client
    LOOP.run(manager.__aexit__())


async def enter(app: Any) -> LifespanManager:
    # Its deadlines of 5 seconds are for machines that have nothing else to do.
    return await LifespanManager(app, startup_timeout=None, shutdown_timeout=None).__aenter__()


def in_werkzeug(app: Any) -> httpx.Client:
    return over_wsgi(DispatcherMiddleware(NotFound(), {MOUNT: app}), MOUNT)


def in_starlette(app: Any) -> TestClient:
    return over_starlette(Starlette(routes=[Mount(MOUNT, app)]), MOUNT)


def in_fastapi(app: Any) -> TestClient:
    outer = FastAPI()
    outer.mount(MOUNT, app)
    return over_starlette(outer, MOUNT)


def in_hypercorn(app: Any) -> TestClient:
    return over_starlette(ASGIDispatcher({MOUNT: app}), MOUNT)


def below_middleware(app: Any) -> TestClient:
    return over_starlette(BaseHTTPMiddleware(app, passes_on))


async def passes_on(request: Any, call_next: Any) -> Any:
    return await call_next(request)


WAYS = {
    # Clients.
    "httpx_wsgi": Way(over_wsgi, "wsgi"),
    # It collects a response before it gives any of it.
    "httpx_asgi": Way(over_asgi, "asgi", can_leave=False),
    "webtest_lint": Way(lambda app: over_wsgi(lint(app)), "wsgi"),
    # Without `with` it runs a loop for each request, and sends no lifespan messages.
    "starlette": Way(lambda app: closing(over_starlette(app)), "asgi", keeps_loop=False),
    "starlette_lifespan": Way(over_starlette, "asgi", has_lifespan=True),
    "asgi_lifespan": Way(over_asgi_lifespan, "asgi", has_lifespan=True, can_leave=False),
    # Adapters. When a client leaves, a2wsgi closes nothing: its thread or task waits for ever to pass a chunk on.
    "a2wsgi_to_asgi": Way(lambda app: over_starlette(WSGIMiddleware(app)), "wsgi", can_leave=False),
    "a2wsgi_to_wsgi": Way(lambda app: over_wsgi(ASGIMiddleware(app, loop=LOOP.loop)), "asgi", can_leave=False),
    "hypercorn_to_asgi": Way(lambda app: in_starlette(AsyncioWSGIMiddleware(app, 2**20)), "wsgi", MOUNT),
    "asgiref_to_asgi": Way(lambda app: in_starlette(WsgiToAsgi(app)), "wsgi", MOUNT),
    # Mounts.
    "in_werkzeug": Way(in_werkzeug, "wsgi", MOUNT),
    "in_starlette": Way(in_starlette, "asgi", MOUNT),
    "in_fastapi": Way(in_fastapi, "asgi", MOUNT),
    "in_fastapi_by_a2wsgi": Way(lambda app: in_fastapi(WSGIMiddleware(app)), "wsgi", MOUNT, can_leave=False),
    "in_hypercorn": Way(in_hypercorn, "asgi", MOUNT, has_lifespan=True),
    "below_middleware": Way(below_middleware, "asgi", has_lifespan=True),
}


def each_way(only: Callable[[Way], bool] = lambda way: True, **faults: str) -> pytest.MarkDecorator:
    """Send a test through each way, in both colours; `faults` says where another library is known to fail it."""
    return pytest.mark.parametrize(
        "contract",
        [
            pytest.param(
                (name, colour),
                id=f"{name}-{colour}",
                marks=[pytest.mark.xfail(reason=faults[name], strict=True)] if name in faults else [],
            )
            for name, way in WAYS.items()
            if only(way)
            for colour in ("def", "async")
        ],
        indirect=True,
    )
