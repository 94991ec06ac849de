"""A bare Starlette site: a lifespan with state, a form, files, middleware, an error handler, a mount of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

FILES = Path(__file__).parent / "files"
done: list[str] = []


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    yield {"greeting": "Hello"}


def hello(request: Request) -> Response:
    """Runs in a thread, as `def` endpoints do."""
    name = request.path_params["name"]
    text = f"{request.state.greeting} {name} {request.url_for('hello', name='x')}"
    return PlainTextResponse(text, background=BackgroundTask(done.append, name))


async def are_done(request: Request) -> Response:
    return JSONResponse(done)


class Forms(HTTPEndpoint):
    async def get(self, request: Request) -> Response:
        return RedirectResponse(request.url_for("hello", name="form"), 303)

    async def post(self, request: Request) -> Response:
        async with request.form() as form:
            file: Any = form["file"]
            return JSONResponse({"title": form["title"], "size": len(await file.read())})


async def file(request: Request) -> Response:
    return FileResponse(FILES / "file.txt")


async def fail(request: Request) -> Response:
    raise LookupError("meant")


async def handled(request: Request, error: Exception) -> Response:
    return PlainTextResponse(f"handled {error}", 410)


class Marking(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        response.headers["X-Mark"] = "1"
        return response


app = Starlette(
    routes=[
        Route("/hello/{name}", hello),
        Route("/done", are_done),
        Route("/forms", Forms),
        Route("/file", file),
        Route("/fail", fail),
        Mount("/static", StaticFiles(directory=FILES)),
    ],
    middleware=[Middleware(Marking), Middleware(GZipMiddleware, minimum_size=1000)],
    exception_handlers={LookupError: handled},
    lifespan=lifespan,
)
