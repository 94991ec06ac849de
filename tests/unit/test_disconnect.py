"""The watch for the client that leaves: one timer for all requests that wait, and nothing else before it is over."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import flask
import pytest

from dualapp import DualApp, request, websocket
from dualapp.entries import disconnect
from tests.support.entry_driver import Ask, scope_of
from tests.support.waiting import LIMIT


class Exchange:
    """A server's side of one request: it gives the messages of a list, then waits."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages = list(messages)
        self.sent: list[dict[str, Any]] = []
        self.asked = 0

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        while not self.messages:
            await asyncio.sleep(0.001)
        return self.messages.pop(0)

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    async def run(self, app: DualApp, ask: Ask, version: str = "1.1") -> None:
        scope = {**scope_of(ask), "http_version": version}
        if self.messages[:1] == [CONNECT]:
            scope["type"] = "websocket"
        async with asyncio.timeout(LIMIT):
            await app(scope, self.receive, self.send)


def piece(body: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


LEFT = {"type": "http.disconnect"}
CONNECT = {"type": "websocket.connect"}


def test_requests_that_wait_a_little_share_one_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disconnect, "PATIENCE", LIMIT)
    app, timers, exchanges = DualApp(__name__), [], [Exchange() for _ in range(50)]

    @app.get("/")
    async def index() -> Any:
        await asyncio.sleep(0.001)
        assert len(asyncio.all_tasks()) <= 51
        return "waited"

    async def main() -> None:
        loop = asyncio.get_running_loop()
        call_later = loop.call_later
        monkeypatch.setattr(
            loop, "call_later", lambda delay, *args, **how: timers.append(delay) or call_later(delay, *args, **how)
        )
        await asyncio.gather(*(exchange.run(app, Ask()) for exchange in exchanges))
        await asyncio.gather(*(exchange.run(app, Ask()) for exchange in exchanges))

    asyncio.run(main())
    assert [exchange.asked for exchange in exchanges] == [0] * 50
    assert timers.count(LIMIT) == 1
    assert exchanges[0].sent[-1]["body"] == b"waited"


@pytest.mark.parametrize("path", ["/async", "/sync", "/stream", "/websocket"])
def test_a_request_that_has_ended_is_not_held(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """The timer, which outlives requests that wait, holds neither them nor their context variables."""
    monkeypatch.setattr(disconnect, "PATIENCE", 10 * LIMIT)
    app, served = DualApp(__name__), ContextVar[Exchange]("served")

    @app.get("/async")
    async def waits() -> Any:
        await asyncio.sleep(0)
        return "waited"

    @app.get("/sync")
    def blocks() -> Any:
        return "blocked"

    @app.get("/stream")
    async def streams() -> Any:
        async def chunks() -> AsyncIterator[str]:
            yield "a"
            await asyncio.sleep(0)
            yield "b"

        return chunks()

    @app.websocket("/websocket")
    async def converses() -> None:
        await websocket.accept()

    async def answer() -> weakref.ref[Exchange]:
        exchange = Exchange(CONNECT) if path == "/websocket" else Exchange()
        served.set(exchange)
        await exchange.run(app, Ask(target=path))
        assert exchange.sent
        return weakref.ref(exchange)

    async def main() -> None:
        held = await asyncio.create_task(answer())
        async with asyncio.timeout(LIMIT):
            while held() is not None:  # until the pool's thread is done with it, and a task has been cancelled
                await asyncio.sleep(0.001)
                gc.collect()

    asyncio.run(main())


@pytest.mark.parametrize("reads", [True, False])
def test_a_client_that_leaves_while_its_body_arrives(reads: bool) -> None:
    """The reader gets an error of its own; who does not read is cancelled."""
    app, ends = DualApp(__name__), []

    @app.post("/")
    async def index() -> Any:
        try:
            if reads:
                await asyncio.sleep(2.5 * disconnect.PATIENCE)
                await request.get_data()
            await asyncio.Event().wait()
        except BaseException as error:
            ends.append(type(error).__name__)
            raise

    async def main() -> None:
        exchange = Exchange(piece(b"a"), piece(b"b"))
        running = asyncio.create_task(exchange.run(app, Ask("POST", body=[b""])))
        while exchange.asked < 3:
            await asyncio.sleep(0.001)
        if reads:
            await asyncio.sleep(3 * disconnect.PATIENCE)
        exchange.messages.append(LEFT)
        await running

    asyncio.run(main())
    assert ends == ["ClientDisconnected" if reads else "CancelledError"]


def test_a_get_of_http_2_has_ended_before_its_view_runs() -> None:
    app, exchange = DualApp(__name__), Exchange(piece(b"", more=False))

    @app.get("/")
    async def index() -> Any:
        return {"data": flask.request.get_data().decode(), "form": flask.request.form}

    asyncio.run(exchange.run(app, Ask(), version="2"))
    assert exchange.asked == 1
    assert exchange.sent[0]["status"] == 200
