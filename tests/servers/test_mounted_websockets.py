"""Websockets of mounted apps of each kind, on each server, with a client over a socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.server_command import started_by
from tests.support.server_process import Server
from tests.support.waiting import LIMIT, wait_for
from tests.support.workers import one_worker_each

from .websocket_servers import APP as OTHER
from .websocket_servers import ASGI, SERVERS

APP = "tests.servers.mounted_websockets_app:app"


def line_of(name: str, app: str = APP) -> tuple[str, str]:
    line, needs = SERVERS[name]
    return line.replace(OTHER, app), needs


@pytest.fixture(scope="module", params=one_worker_each(SERVERS))
def name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def server(name: str) -> Iterator[Server]:
    with started_by(*line_of(name)) as server:
        yield server


def opened(server: Server, path: str, **options: Any) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{server.port}{path}", open_timeout=LIMIT, close_timeout=LIMIT, **options)


def status_of_refusal(server: Server, path: str) -> int:
    with pytest.raises(InvalidStatus) as refusal, opened(server, path):
        pass
    return refusal.value.response.status_code


@pytest.mark.parametrize(
    ("path", "greeting"),
    [
        ("/asgi/x%20y?a=1", "ws /asgi /x y a=1 lives"),
        ("/asgi", "ws /asgi   lives"),
        ("/dual/echo", "/dual /echo"),
        ("/dual/asgi/x", "ws /dual/asgi /x  lives"),
        ("/quart/echo", "/quart /echo"),
    ],
)
def test_messages_come_back(server: Server, path: str, greeting: str) -> None:
    with opened(server, path, max_size=None) as ws:
        assert ws.recv(LIMIT) == greeting
        for message in ("text", b"bytes", "\u00fc" * 100_000):
            ws.send(message)
            assert ws.recv(LIMIT) == message


def test_own_routes_win_as_for_requests(server: Server) -> None:
    for path, greeting in (
        ("/asgi/own", "own"),
        ("/other/x", "rest other/x"),
        ("/asgi/other", "ws /asgi /other  lives"),
    ):
        with opened(server, path) as ws:
            assert ws.recv(LIMIT) == greeting


def test_an_app_learns_the_clients_code(name: str, server: Server) -> None:
    with opened(server, "/asgi/x", subprotocols=["a", "b"]) as ws:
        assert (ws.subprotocol, ws.recv(LIMIT)) == ("a", "ws /asgi /x  lives")
        ws.close(4321)
    told = {"hypercorn": "1006"}.get(name, "4321")  # hypercorn keeps the code
    wait_for(lambda: told in json.loads(asked(server, "/events")), because=lambda: asked(server, "/events"))


def asked(server: Server, path: str) -> bytes:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=LIMIT)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()


@pytest.mark.parametrize(("path", "status"), [("/asgi/refuses", 403), ("/asgi/fails", 500), ("/asgi/returns", 500)])
def test_a_refusal_is_an_http_response(name: str, server: Server, path: str, status: int) -> None:
    if name in ASGI and status == 500:
        pytest.skip("what an app is answered for that sends nothing is the server's matter")
    assert status_of_refusal(server, path) == status


def test_an_app_that_ends_leaves_no_connection_open(name: str, server: Server) -> None:
    for path, message, code in (("/asgi/x", "end", 1000), ("/asgi/fails-late", "", 1011)):
        with opened(server, path) as ws:
            if message:
                assert ws.recv(LIMIT)
                ws.send(message)
            with pytest.raises(ConnectionClosed) as end:
                ws.recv(LIMIT)
        if name not in ASGI:  # theirs is the code
            assert end.value.rcvd is not None
            assert end.value.rcvd.code == code
    if name not in ASGI:
        wait_for(lambda: "LookupError: meant, after it was accepted" in server.output)


def test_a_wsgi_app_gets_the_handshake_of_a_wsgi_server(name: str, server: Server) -> None:
    with pytest.raises(InvalidStatus) as refusal, opened(server, "/wsgi/x"):
        pass
    response = refusal.value.response
    if name == "gunicorn-asgi":  # it has no `websocket.http.response`
        assert (response.status_code, response.body) == (403, b"")
    elif name in ASGI:
        assert (response.status_code, response.body.startswith(b"This is a WSGI app")) == (501, True)
    else:
        assert (response.status_code, response.body) == (426, b"websocket /wsgi /x")


def test_a_bad_handshake_is_answered_once(name: str, server: Server) -> None:
    if name in ASGI:
        pytest.skip("the server's matter")
    with server.connect() as connection:
        connection.sendall(b"GET /asgi/x HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("name", ["gunicorn-gthread", "gunicorn-gevent", "waitress"], indirect=True)
def test_an_adapter_without_a_dualapp_passes_websockets_on(name: str) -> None:
    line, needs = line_of(name, APP.replace(":app", ":adapted"))
    with started_by(line.replace(":adapted.wsgi", ":adapted"), needs) as server, opened(server, "/x") as ws:
        assert ws.recv(LIMIT) == "ws  /x  lives"
        ws.send("text")
        assert ws.recv(LIMIT) == "text"


@pytest.mark.parametrize("name", ["gunicorn-gthread", "werkzeug", "uvicorn"], indirect=True)
def test_asgi_middleware_is_around_websockets_of_both_entries(name: str) -> None:
    line, needs = line_of(name, APP.replace(":app", ":wrapped"))
    with started_by(line, needs) as server, opened(server, "/echo") as ws:
        assert ws.response is not None
        assert ws.response.headers["X-Mark"] == "1"
        ws.send("text")
        assert ws.recv(LIMIT) == "text"


def test_the_log_is_clean(server: Server) -> None:
    """After all of the above, as in test_websockets.py."""
    for complaint in ("Bad file descriptor", "EBADF", "EPIPE", "Broken pipe", "Task exception was never retrieved"):
        assert complaint not in server.output


@pytest.mark.parametrize("name", ["gunicorn-sync", "gunicorn-gthread", "gunicorn-gevent", "uvicorn"], indirect=True)
def test_a_server_that_ends_closes_them(name: str) -> None:
    with started_by(*line_of(name)) as server, opened(server, "/asgi/x") as ws, opened(server, "/dual/echo") as other:
        assert ws.recv(LIMIT) == "ws /asgi /x  lives"
        assert other.recv(LIMIT) == "/dual /echo"
        server.stop()
        for each in (ws, other):
            with pytest.raises(ConnectionClosed) as end:
                each.recv(LIMIT)
            assert end.value.rcvd is not None
            assert end.value.rcvd.code in (1001, 1012)
