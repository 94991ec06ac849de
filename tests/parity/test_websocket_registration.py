"""Websocket views of every kind, on apps and on blueprints of both frameworks; hosts, proxies and signals."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import flask
import flask.views
import pytest
import quart
import quart.views
from quart.testing.connections import WebsocketResponseError

import dualapp
from dualapp import Blueprint, DualApp, ProxyFix, WebsocketClosed, url_for, websocket

from ..conftest import Serve
from .test_websockets import COLOURS, talk

__all__ = ["talk"]

Talk = Callable[..., None]


async def async_view(word: str = "heard") -> None:
    await websocket.send(f"{word} {await websocket.receive()}")


def sync_view(word: str = "heard") -> None:
    websocket.send(f"{word} {websocket.receive()}")


class AsyncMethod:
    async def view(self) -> None:
        await async_view()


class SyncMethod:
    def view(self) -> None:
        sync_view()


class SyncObject:
    def __call__(self) -> None:
        sync_view()


class AsyncFlaskView(flask.views.View):
    async def dispatch_request(self) -> Any:
        await async_view()


class SyncFlaskView(flask.views.View):
    def dispatch_request(self) -> Any:
        sync_view()


class AsyncFlaskMethodView(flask.views.MethodView):
    async def get(self) -> None:
        await async_view()


class SyncFlaskMethodView(flask.views.MethodView):
    def get(self) -> None:
        sync_view()


class AsyncQuartView(quart.views.View):
    async def dispatch_request(self, **_: Any) -> Any:
        await async_view()


class SyncQuartView(quart.views.View):
    def dispatch_request(self, **_: Any) -> Any:
        sync_view()


#: Views are made anew for each test, lest one be marked by another.
VIEWS: dict[str, Callable[[], Any]] = {
    "async function": lambda: partial(async_view, word="heard"),
    "sync function": lambda: partial(sync_view, word="heard"),
    "async method": lambda: AsyncMethod().view,
    "sync method": lambda: SyncMethod().view,
    "sync object": SyncObject,
    **{
        cls.__name__: partial(cls.as_view, "view")
        for cls in (
            *(AsyncFlaskView, SyncFlaskView, AsyncFlaskMethodView, SyncFlaskMethodView),
            *(AsyncQuartView, SyncQuartView),
        )
    },
}


@pytest.mark.parametrize("place", [None, quart.Blueprint, Blueprint])
@pytest.mark.parametrize("kind", VIEWS)
def test_a_view_of_any_kind_is_answered(talk: Talk, kind: str, place: Any) -> None:
    app = DualApp(__name__)
    if place is None:
        app.add_websocket("/ws", "view", VIEWS[kind]())
    else:
        blueprint = place("pages", __name__)
        blueprint.add_websocket("/ws", "view", VIEWS[kind]())
        app.register_blueprint(blueprint)

    async def client(ws: Any) -> None:
        await ws.send("hello")
        assert await ws.receive() == "heard hello"

    talk(app, "/ws", client)


@pytest.mark.parametrize("kind", VIEWS)
def test_a_request_to_upgrade_that_is_no_handshake_is_refused(serve: Serve, kind: str) -> None:
    """An ASGI server that speaks no websockets hands it on as a request; a WSGI server must give its socket."""

    def build(app: DualApp) -> None:
        app.add_websocket("/ws", "view", VIEWS[kind]())

    client = serve(build, twin=False)
    status = client.get("/ws", [("Connection", "Upgrade"), ("Upgrade", "websocket")]).status
    assert status == (501 if client.entry == "wsgi" else 400)


HOOKS = {f"{when}_{what}" for when in ("before", "after", "teardown") for what in ("websocket", "app_websocket")}


@pytest.mark.parametrize("cls", [Blueprint, quart.Blueprint])
def test_a_blueprint_has_hooks_prefixes_and_error_handlers(talk: Talk, cls: Any) -> None:
    app, order = DualApp(__name__), []
    pages = cls("pages", __name__, url_prefix="/pages")

    def noting(name: str) -> Callable[..., Any]:
        def hook(*response: Any) -> Any:
            order.append(name)
            return response[0] if name.startswith("after") else None

        return hook

    for name in HOOKS:
        getattr(pages, name)(noting(name))

    @pages.url_value_preprocessor
    def take_language(endpoint, values):
        order.append(values.pop("language"))

    @pages.url_defaults
    def add_language(endpoint, values):
        values.setdefault("language", "en")

    @pages.errorhandler(LookupError)
    async def handle(error):
        return "lost", 410

    @pages.websocket("/<language>/ws")
    async def ws():
        await websocket.send(url_for(".ws"))

    @pages.websocket("/<language>/lost")
    def lost():
        raise LookupError

    app.register_blueprint(pages)

    async def client(ws: Any) -> None:
        assert await ws.receive() == "ws://localhost/pages/en/ws"

    async def refused(ws: Any) -> None:
        with pytest.raises(WebsocketResponseError) as refusal:
            await ws.receive()
        assert refusal.value.response.status_code == 410

    talk(app, "/pages/de/ws", client)
    # Quart's own blueprint loses its teardown functions before 0.23.
    assert HOOKS - ({"teardown_websocket"} if cls is quart.Blueprint else set()) <= {*order}
    assert "de" in order
    talk(app, "/pages/de/lost", refused)


def test_a_host_matches(talk: Talk) -> None:
    app = DualApp(__name__, host_matching=True, static_host="files.test")

    @app.websocket("/ws", host="<name>.shop.test")
    async def ws(name):
        await websocket.send(name)

    async def client(ws: Any) -> None:
        assert await ws.receive() == "ann"

    async def refused(ws: Any) -> None:
        with pytest.raises(WebsocketResponseError) as refusal:
            await ws.receive()
        assert refusal.value.response.status_code == 404

    talk(app, "/ws", client, headers={"Host": "ann.shop.test"})
    talk(app, "/ws", refused, headers={"Host": "files.test"})


@pytest.mark.parametrize(
    ("origin", "opens"), [("https://shop.test", True), ("https://inside", False), ("http://shop.test:8080", False)]
)
def test_behind_a_proxy_the_host_and_the_scheme_are_those_of_the_page(talk: Talk, origin: str, opens: bool) -> None:
    app = DualApp(__name__)
    ProxyFix(app, x_host=1)

    @app.websocket("/ws")
    async def ws():
        await websocket.send(f"{websocket.remote_addr} {websocket.url} {url_for('ws', _external=True)}")

    async def client(ws: Any) -> None:
        if opens:
            assert await ws.receive() == "192.0.2.7 wss://shop.test/ws wss://shop.test/ws"
        else:
            with pytest.raises(WebsocketResponseError) as refusal:
                await ws.receive()
            assert refusal.value.response.status_code == 403

    forwarded = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.test"}
    talk(app, "/ws", client, headers={"Host": "inside", "Origin": origin, **forwarded})


@COLOURS
def test_signals_of_both_frameworks_are_sent(talk: Talk, colour: str) -> None:
    """Quart's websocket signals, and the signals of app contexts that both have; none of those of requests."""
    app, seen = DualApp(__name__), []
    receivers = []

    def connect(module: Any, name: str) -> None:
        def receive(sender: Any, **arguments: Any) -> None:
            seen.append(f"{name} {module.__name__}")

        async def receive_async(sender: Any, **arguments: Any) -> None:
            receive(sender)

        receivers.append(receive if module is flask or colour == "sync" else receive_async)
        getattr(module, name).connect(receivers[-1], app)

    own = ["websocket_started", "websocket_finished", "websocket_tearing_down", "got_websocket_exception"]
    of_contexts = ["appcontext_pushed", "appcontext_tearing_down", "appcontext_popped"]
    of_requests = ["request_started", "request_finished", "request_tearing_down", "got_request_exception"]
    for module, names in [
        (quart, own),
        (dualapp, own),
        *((each, of_contexts + of_requests) for each in (flask, quart)),
    ]:
        for name in names:
            connect(module, name)

    @app.websocket("/async/<word>")
    async def async_said(word):
        await websocket.send(word)
        if word == "lost":
            raise LookupError

    @app.websocket("/sync/<word>")
    def sync_said(word):
        websocket.send(word)
        if word == "lost":
            raise LookupError

    async def client(ws: Any) -> None:
        await ws.receive()
        with pytest.raises(WebsocketClosed):
            await ws.receive()

    for word, end in [("kept", "websocket_finished"), ("lost", "got_websocket_exception")]:
        talk(app, f"/{colour}/{word}", client)
        expected = ["appcontext_pushed", "websocket_started", end, "websocket_tearing_down", *of_contexts[1:]]
        assert list(dict.fromkeys(line.split()[0] for line in seen)) == expected
        assert len(seen) == 2 * len(expected)  # one receiver by each framework
        seen.clear()
