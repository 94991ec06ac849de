"""A member that does not read what it is sent: it is closed with 1008, and holds up no other member meanwhile."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.support.http_client import ask
from tests.support.server_command import started_by
from tests.support.server_process import Server
from tests.support.waiting import LIMIT, wait_for
from tests.support.workers import one_worker_each

from .test_websockets import COLOURS, opened
from .websocket_servers import APP as USUAL_APP
from .websocket_servers import SERVERS

APP = "tests.servers.broadcast_app:app"
MESSAGE = os.urandom(256 * 1024)


@pytest.fixture(scope="module", params=one_worker_each(["gunicorn-gthread", "gunicorn-gevent", "uvicorn"]))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    command, needs = SERVERS[request.param]
    with started_by(command.replace(USUAL_APP, APP), needs) as server:
        yield server


def read_on(ws: ClientConnection) -> None:
    while True:
        ws.recv(LIMIT)


@COLOURS
def test_a_slow_member_is_closed_and_the_others_get_everything(server: Server, colour: str) -> None:
    def ended() -> list[int]:
        codes: list[int] = json.loads(ask(server.url, "/").body)["ended"]
        return codes

    before = len(ended())
    with opened(server, f"/{colour}/tea") as slow, opened(server, f"/{colour}/tea") as quick:
        assert [slow.recv(LIMIT), quick.recv(LIMIT)] == ["joined", "joined"]

        def say() -> bool:
            quick.send(MESSAGE)
            assert quick.recv(LIMIT) == MESSAGE
            return 1008 in ended()[before:]  # others that a test before this has opened may end late, too

        wait_for(say)
        with pytest.raises(ConnectionClosed) as end:
            read_on(slow)
        assert end.value.rcvd is not None
        assert (end.value.rcvd.code, end.value.rcvd.reason) == (1008, "You read too slowly.")
        quick.send("still here")
        assert quick.recv(LIMIT) == "still here"
