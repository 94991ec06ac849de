"""A request leaves nothing for the garbage collector: its context is freed with the last reference to it.

Not that of an error without a handler: its traceback, which reports of it may keep, holds the frames of the request.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any
from weakref import ref

import pytest

from dualapp import DualApp, Response, abort, g, redirect, render_template_string, request, session
from dualapp.pipeline.context import Context

from ..conftest import Serve
from ..support.waiting import wait_for

JSON = [("Content-Type", "application/json")]
REQUESTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a dict": ("GET", "/dict", {}),
    "a view that waits": ("GET", "/waits", {}),
    "a JSON body": ("POST", "/json", {"json": [1]}),
    "a JSON body that cannot be parsed": ("POST", "/json", {"headers": JSON, "body": b"{"}),
    "a form": ("POST", "/form", {"form": {"a": "1"}}),
    "a session": ("GET", "/session", {}),
    "a template": ("GET", "/template", {}),
    "a redirect": ("GET", "/redirect", {}),
    "a stream": ("GET", "/stream", {}),
    "no rule": ("GET", "/nowhere", {}),
    "another method": ("POST", "/dict", {}),
    "an HTTPException": ("GET", "/abort", {}),
    "an error with a handler": ("GET", "/handled", {}),
}


def build(app: DualApp) -> None:
    app.secret_key = "secret"

    @app.get("/dict")
    async def a_dict():
        return {"a": 1}

    @app.get("/waits")
    async def waits():
        await asyncio.sleep(0.001)
        return {"a": 1}

    @app.post("/json")
    async def parsed():
        return {"body": await request.get_json()}

    @app.post("/form")
    async def form():
        return dict(await request.form)

    @app.get("/session")
    async def with_session():
        session["n"] = session.get("n", 0) + 1
        return {"n": session["n"]}

    @app.get("/template")
    async def template():
        g.name = "ann"
        return await render_template_string("{{ g.name }} {{ request.path }}")

    @app.get("/redirect")
    async def to_dict():
        return redirect("/dict")

    @app.get("/stream")
    async def stream():
        def chunks() -> Iterator[str]:
            yield "a"
            yield "b"

        return Response(chunks())

    @app.get("/abort")
    async def aborts():
        abort(403)

    @app.get("/handled")
    async def handled():
        raise LookupError("no such thing")

    @app.errorhandler(LookupError)
    async def answer(error):
        return str(error), 404


def build_with_hooks(app: DualApp) -> None:
    build(app)

    @app.before_request
    async def before():
        g.path = request.path

    @app.after_request
    async def after(response):
        response.headers["X-Path"] = g.path
        return response

    @app.teardown_request
    async def teardown(error):
        g.pop("path")


@pytest.fixture
def contexts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ref[Context]]]:
    """The contexts of all requests; the garbage collector is off."""
    made: list[ref[Context]] = []
    make = Context.__init__

    def noting(self: Context, *args: Any) -> None:
        make(self, *args)
        made.append(ref(self))

    monkeypatch.setattr(Context, "__init__", noting)
    gc.disable()
    yield made
    gc.enable()


@pytest.mark.usefixtures("without_log")
@pytest.mark.parametrize("hooks", [False, True], ids=["bare", "hooks"])
@pytest.mark.parametrize("kind", REQUESTS)
def test_no_request_leaves_a_cycle(serve: Serve, contexts: list[ref[Context]], kind: str, hooks: bool) -> None:
    if serve.road == "general":
        pytest.skip("Werkzeug's matcher, which matches all requests there, leaves cycles of its own")
    client = serve(build_with_hooks if hooks else build, twin=False)
    method, target, how = REQUESTS[kind]
    client.get("/dict")  # Werkzeug matches the first request of a host
    contexts.clear()
    for _ in range(3):
        client.request(method, target, **how)
    client.get("/dict")  # drivers and threads may hold what belongs to the last request
    contexts.pop()
    wait_for(lambda: not any(context() for context in contexts), because=lambda: [context() for context in contexts])
