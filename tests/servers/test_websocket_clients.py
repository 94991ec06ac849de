"""Clients that others have written: each of them makes the same walk, on each entry."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.browser import browsing
from tests.support.http_client import ask
from tests.support.server_command import started_by
from tests.support.server_process import Server
from tests.support.waiting import LIMIT, wait_for
from tests.support.workers import one_worker_each

from .test_websockets import opened
from .websocket_servers import APP as USUAL_APP
from .websocket_servers import SERVERS

APP = "tests.servers.clients_app:app"
MESSAGES = ["téxt", bytes([0, 1, 255])]
OFFERED = ["a", "b"]
#: What a client hears: its messages again, how `/close` ends with which subprotocol, and how `/refuse` answers.
HEARD = (MESSAGES, (4001, "enough", "b"), 403)


@pytest.fixture(scope="module", params=one_worker_each(["gunicorn-gthread", "uvicorn"]))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    command, needs = SERVERS[request.param]
    with started_by(command.replace(USUAL_APP, APP), needs) as server:
        yield server


def websockets(server: Server) -> Any:
    received = []
    with opened(server, "/async/echo") as ws:
        for message in MESSAGES:
            ws.send(message)
            received.append(ws.recv(LIMIT))
    with opened(server, "/async/close", subprotocols=OFFERED) as ws, pytest.raises(ConnectionClosed) as end:
        ws.recv(LIMIT)
    with pytest.raises(InvalidStatus) as refusal, opened(server, "/async/refuse"):
        pass
    closed: Any = end.value.rcvd
    return received, (closed.code, closed.reason, ws.subprotocol), refusal.value.response.status_code


def websocket_client(server: Server) -> Any:
    client = pytest.importorskip("websocket", reason="websocket-client is not installed here")
    url = f"ws://127.0.0.1:{server.port}/async"
    received = []
    # Sockets of ours: it does not close each of its own.
    with server.connect() as first, server.connect() as second, server.connect() as third:
        ws = client.create_connection(f"{url}/echo", socket=first)
        for message in MESSAGES:
            ws.send(message) if isinstance(message, str) else ws.send_binary(message)
            received.append(ws.recv())
        ws = client.create_connection(f"{url}/close", socket=second, subprotocols=OFFERED)
        opcode, frame = ws.recv_data()
        assert opcode == client.ABNF.OPCODE_CLOSE
        with pytest.raises(client.WebSocketBadStatusException) as refusal:
            client.create_connection(f"{url}/refuse", socket=third)
    return received, (int.from_bytes(frame[:2]), frame[2:].decode(), ws.subprotocol), refusal.value.status_code


def aiohttp(server: Server) -> Any:
    return asyncio.run(walk_with_aiohttp(f"http://127.0.0.1:{server.port}/async"))


async def walk_with_aiohttp(url: str) -> Any:
    client = pytest.importorskip("aiohttp", reason="aiohttp is not installed here")
    received: list[Any] = []
    async with client.ClientSession() as session:
        async with session.ws_connect(f"{url}/echo") as ws:
            for message in MESSAGES:
                await (ws.send_str(message) if isinstance(message, str) else ws.send_bytes(message))
                received.append((await ws.receive(LIMIT)).data)
        async with session.ws_connect(f"{url}/close", protocols=OFFERED) as ws:
            end = await ws.receive(LIMIT)
        with pytest.raises(client.WSServerHandshakeError) as refusal:
            await session.ws_connect(f"{url}/refuse")
    return received, (end.data, end.extra, ws.protocol), refusal.value.status


@pytest.mark.parametrize("client", [websockets, websocket_client, aiohttp])
def test_a_client_hears_what_it_should(server: Server, client: Callable[[Server], Any]) -> None:
    assert client(server) == HEARD


def test_a_browser_hears_what_it_should_but_why_it_was_refused(server: Server) -> None:
    with browsing(f"{server.url}/page"):
        (heard,) = wait_for(lambda: json.loads(ask(server.url, "/reports").body))
    assert heard == {
        "received": ["téxt", [0, 1, 255]],
        "left": [4000, "bye", ""],
        "closed": [4001, "enough", "b"],
        "refused": [1006, "", ""],
    }
