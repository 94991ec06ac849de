"""Signals: sent at the same moments as in Flask, to receivers of both colours."""

from __future__ import annotations

import asyncio

import pytest
from flask import signals

from dualapp import DualApp, flash, render_template_string

from ..conftest import Paint, Serve

NAMES = [
    "appcontext_pushed",
    "request_started",
    "before_render_template",
    "template_rendered",
    "message_flashed",
    "got_request_exception",
    "request_finished",
    "request_tearing_down",
    "appcontext_tearing_down",
    "appcontext_popped",
]


def build(app: DualApp) -> None:
    app.secret_key = "secret"

    @app.get("/")
    async def index():
        await flash("hello")
        return await render_template_string("rendered")

    @app.get("/fail")
    async def fail():
        raise LookupError

    @app.get("/plain")
    async def plain():
        return {"plain": True}


def receivers(app: DualApp) -> None:
    seen = app.extensions["seen"] = []
    keep = app.extensions["keep"] = []

    def connect(name):
        def receive(sender, **extra):
            seen.append((name, sender is app, *sorted(extra)))

        keep.append(receive)
        getattr(signals, name).connect(receive, app)

    for name in NAMES:
        connect(name)


@pytest.mark.parametrize("path", ["/", "/fail", "/plain", "/nowhere"])
def test_signals_come_in_flasks_order(serve: Serve, path: str) -> None:
    client = serve(build, receivers)
    client.get(path)
    seen = client.app.extensions["seen"]
    assert client.twin is not None
    assert seen == client.twin.app.extensions["seen"]
    names = [name for name, *_ in seen]
    assert ("request_started" in names, "request_finished" in names) == (True, True)
    assert ("got_request_exception" in names) == (path == "/fail")
    assert ("template_rendered" in names) == ("message_flashed" in names) == (path == "/")


def test_receivers_of_both_colours(serve: Serve, paint: Paint) -> None:
    @paint
    def receivers(app: DualApp) -> None:
        seen = app.extensions["seen"] = []

        async def started(sender, **extra):
            await asyncio.sleep(0)
            seen.append("started")

        async def finished(sender, response, **extra):
            await asyncio.sleep(0)
            seen.append(f"finished {response.status_code}")

        async def failed(sender, exception, **extra):
            seen.append(f"failed {type(exception).__name__}")

        async def tearing_down(sender, exc=None, **extra):
            seen.append(f"tearing down {type(exc).__name__}")

        app.extensions["keep"] = [started, finished, failed, tearing_down]
        signals.request_started.connect(started, app)
        signals.request_finished.connect(finished, app)
        signals.got_request_exception.connect(failed, app)
        signals.request_tearing_down.connect(tearing_down, app)

    client = serve(build, receivers)
    client.get("/plain")
    client.get("/fail")
    assert client.twin is not None
    assert client.app.extensions["seen"] == client.twin.app.extensions["seen"]
    assert client.app.extensions["seen"] == [
        *("started", "finished 200", "tearing down NoneType"),
        *("started", "failed LookupError", "finished 500", "tearing down LookupError"),
    ]


def test_a_receiver_for_one_request_only(serve: Serve) -> None:
    """Receivers may come after the first request: tests connect and disconnect them as they go."""
    client = serve(build, twin=False)
    client.get("/plain")
    seen: list[int] = []

    def finished(sender: object, response: object, **extra: object) -> None:
        seen.append(response.status_code)  # type: ignore[attr-defined]

    with signals.request_finished.connected_to(finished, client.app):
        client.get("/plain")
    client.get("/plain")
    assert seen == [200]
