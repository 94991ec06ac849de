"""Broadcast within one process: what any code publishes reaches the websockets that have joined, of either colour.

Members that do not read are in tests/servers/test_broadcast.py, several processes in tests/deploy/test_broadcast.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dualapp import Broadcast, DualApp, websocket

from ..conftest import Serve
from ..support.waiting import wait_for
from .test_websockets import COLOURS, talk

__all__ = ["talk"]

Talk = Callable[..., None]


def rooms() -> tuple[DualApp, Broadcast]:
    app = DualApp(__name__)
    broadcast = Broadcast(app)

    @app.websocket("/async/<room>")
    async def async_talk(room):
        async with broadcast.join(room):
            await websocket.send("joined")
            async for message in websocket:
                await broadcast.publish(room, message)

    @app.websocket("/sync/<room>")
    def sync_talk(room):
        with broadcast.join(room):
            websocket.send("joined")
            for message in websocket:
                broadcast.publish(room, message)

    @app.post("/async/<room>")
    async def async_say(room):
        await broadcast.publish(room, "from async")
        return ""

    @app.post("/sync/<room>")
    def sync_say(room):
        broadcast.publish(room, "from sync")
        return ""

    return app, broadcast


@COLOURS
def test_each_member_gets_what_one_says_and_no_other_websocket(talk: Talk, colour: str) -> None:
    app, _ = rooms()

    async def client(ws: Any) -> None:
        assert await ws.receive() == "joined"
        async with app.test_client().websocket("/async/tea") as other, app.test_client().websocket("/sync/x") as far:
            assert [await other.receive(), await far.receive()] == ["joined", "joined"]
            for message in ("text", b"bytes", "", b""):
                await ws.send(message)
                assert [await ws.receive(), await other.receive()] == [message, message]
            await far.send("here")
            assert await far.receive() == "here"

    talk(app, f"/{colour}/tea", client)


@COLOURS
def test_requests_publish_too(talk: Talk, colour: str) -> None:
    app, _ = rooms()

    async def client(ws: Any) -> None:
        assert await ws.receive() == "joined"
        for entry in ("wsgi", "asgi"):
            asking = app.test_client(entry=entry)
            for said in ("async", "sync"):
                assert (await asking.post(f"/{said}/tea")).status_code == 200
                assert await ws.receive() == f"from {said}"

    talk(app, f"/{colour}/tea", client)


@COLOURS
def test_a_member_that_leaves_is_forgotten(talk: Talk, colour: str) -> None:
    app, broadcast = rooms()

    async def client(ws: Any) -> None:
        assert await ws.receive() == "joined"
        assert list(broadcast._members) == ["tea"]

    talk(app, f"/{colour}/tea", client)
    wait_for(lambda: not broadcast._members)


def test_only_websockets_can_join(serve: Serve) -> None:
    broadcast = Broadcast()

    def build(app: DualApp) -> None:
        broadcast.init_app(app)

        @app.get("/")
        async def index():
            with pytest.raises(RuntimeError, match=r"Broadcast\.join is for websocket views"):
                broadcast.join("tea")
            return "refused"

    assert serve(build, twin=False).get("/").text == "refused"


def test_a_message_for_other_processes_is_not_lost_in_silence() -> None:
    """Before the app serves there is no connection to Redis."""
    app, broadcast = rooms()
    app.config["BROADCAST_URL"] = "redis://127.0.0.1:1"
    with pytest.raises(RuntimeError, match="only while the app serves"):
        broadcast.publish("tea", "x")
