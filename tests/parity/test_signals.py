"""Signals: sent at the same moments as in Flask, to receivers of both colours."""

from __future__ import annotations

import asyncio

import blinker
import flask
import flask.views
import pytest
import quart
import quart.signals
import quart.views
from flask import signals

from dualapp import (
    DualApp,
    flash,
    got_background_exception,
    render_template_string,
)

from ..conftest import NAME, Paint, Serve
from ..support.waiting import wait_for
from .apps import Own

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


SIGNALS = (
    *("appcontext_pushed", "request_started", "before_render_template", "template_rendered", "message_flashed"),
    *("got_request_exception", "request_finished", "request_tearing_down", "appcontext_tearing_down"),
    "appcontext_popped",
)


def signalling(app: DualApp) -> None:
    app.secret_key = "secret"

    @app.get("/flask")
    async def by_flask():
        flask.flash("hello")
        return flask.render_template_string("rendered")

    @app.get("/quart")
    async def async_by_quart():
        await quart.flash("hello")
        return await quart.render_template_string("rendered")

    @app.get("/fail")
    async def fail():
        raise LookupError

    @app.get("/plain")
    async def plain():
        return {"plain": True}


def listen(app: DualApp, module: object, seen: list[object], is_async: bool) -> list[object]:
    kept = []
    for name in SIGNALS:

        def receive(sender, _name=name, **extra):
            seen.append((_name, sender is app, *sorted(extra)))

        async def receive_async(sender, _name=name, **extra):
            seen.append((_name, sender is app, *sorted(extra)))

        kept.append(receive_async if is_async else receive)
        getattr(module, name).connect(kept[-1], app)
    return kept


@pytest.mark.parametrize("path", ["/flask", "/quart", "/fail", "/plain", "/nowhere"])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync-receivers", "async-receivers"])
def test_both_frameworks_receivers_hear_each_event_once(serve: Serve, path: str, is_async: bool) -> None:
    client = serve(signalling, twin=False)
    by_flask: list[object] = []
    by_quart: list[object] = []
    kept = listen(client.app, flask.signals, by_flask, is_async), listen(client.app, quart.signals, by_quart, is_async)
    client.get(path)
    heard = [name for name, *_ in by_flask]
    del kept
    assert by_flask == by_quart
    assert all(is_app for _, is_app, *_ in by_flask)
    assert len(heard) == len(set(heard))
    assert ("template_rendered" in heard) == ("message_flashed" in heard) == (path in ("/flask", "/quart"))
    assert ("got_request_exception" in heard) == (path == "/fail")
    assert {"appcontext_pushed", "request_started", "request_finished", "appcontext_popped"} <= set(heard)


def test_errors_beside_requests_reach_receivers_of_quarts_signals(serve: Serve) -> None:
    seen: list[object] = []

    async def receive(sender, exception, **extra):
        seen.append((sender is app, str(exception)))

    def build(app: DualApp) -> None:
        @app.after_serving
        async def fail():
            raise LookupError("serving")

        @app.get("/")
        async def index():
            async def work():
                raise LookupError("background")

            quart.current_app.add_background_task(work)
            return "x"

    app = serve(build, twin=False).app

    async def live():
        async with app.test_app() as test_app:
            await test_app.test_client().get("/")

    quart.signals.got_background_exception.connect(receive, app)
    quart.signals.got_serving_exception.connect(receive, app)
    with pytest.raises(Exception, match=r"fail failed: LookupError\('serving'\)"):
        asyncio.run(live())
    assert seen == [(True, "background"), (True, "serving")]


def test_signals_are_silent_while_nobody_listens(serve: Serve) -> None:
    """A signal with receivers costs each request something."""
    client = serve(signalling, twin=False)
    client.get("/quart")
    assert not any(signal_of(flask, name).has_receivers_for(client.app) for name in SIGNALS)
    with signal_of(quart, "request_started").connected_to(bool, client.app):
        heard = [name for name in SIGNALS if signal_of(flask, name).has_receivers_for(client.app)]
    assert heard == ["request_started"]


def signal_of(framework: object, name: str) -> blinker.Signal:
    signal: blinker.Signal = getattr(framework.signals, name)  # type: ignore[attr-defined]  # it is flask or quart
    return signal


def test_apps_of_the_frameworks_themselves_keep_to_their_own_signals() -> None:
    seen: list[object] = []

    def receive(sender, **extra):
        seen.append(sender)

    app = flask.Flask(NAME)
    with quart.signals.appcontext_pushed.connected_to(receiver=receive, sender=blinker.ANY), app.app_context():
        assert seen == []
    mine = DualApp(NAME)
    with quart.signals.appcontext_pushed.connected_to(receiver=receive, sender=blinker.ANY), mine.app_context():
        assert seen == [mine]


def test_an_error_in_the_background_is_told_to_receivers_of_both_colours(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.extensions["seen"] = []

        async def sync_or_async(sender, exception):
            app.extensions["seen"].append(str(exception))

        app.extensions["receiver"] = sync_or_async
        got_background_exception.connect(sync_or_async, app)

        async def fail():
            raise Own("behind")

        @app.get("/")
        async def index():
            app.add_background_task(fail)
            return "index"

    client = serve(build, twin=False)
    assert client.get("/").text == "index"
    wait_for(lambda: client.app.extensions["seen"])
    assert client.app.extensions["seen"] == ["behind"]
