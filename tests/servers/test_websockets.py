"""Websockets on each server, with a client over a socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from signal import SIGINT, SIGTERM
from socket import SHUT_RDWR
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.server_command import started_by
from tests.support.server_process import Server
from tests.support.waiting import LIMIT, wait_for
from tests.support.websocket_wire import HANDSHAKE
from tests.support.workers import one_worker_each

from .websocket_app import app
from .websocket_servers import APP, SERVERS, WSGI

#: These do not handle SIGTERM, which kills them.
ENDED_BY = dict.fromkeys(("waitress", "cheroot", "werkzeug", "pywsgi"), SIGINT)
COLOURS = pytest.mark.parametrize("colour", ["async", "sync"])


@pytest.fixture(scope="module", params=one_worker_each(SERVERS))
def name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def server(name: str) -> Iterator[Server]:
    with started_by(*SERVERS[name]) as server:
        yield server


def opened(server: Server, path: str, **options: Any) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{server.port}{path}", open_timeout=LIMIT, close_timeout=LIMIT, **options)


def asked(server: Server) -> Any:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=LIMIT)
    try:
        connection.request("GET", "/")
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


@COLOURS
def test_messages_come_back(server: Server, colour: str) -> None:
    with opened(server, f"/{colour}/echo", max_size=None) as ws:
        for message in ("text", b"bytes", "", b"", "ü" * 100_000, bytes(1024 * 1024)):
            ws.send(message)
            assert ws.recv(LIMIT) == message
        ws.send(["frag", "ment", "ed"])
        assert ws.recv(LIMIT) == "fragmented"


@COLOURS
def test_a_close_has_a_code_a_reason_and_the_handshake_its_headers(name: str, server: Server, colour: str) -> None:
    with opened(server, f"/{colour}/close", subprotocols=["a", "b"]) as ws:
        told = ws.response.headers.get("X-Told")  # type: ignore[union-attr]  # there is one
        assert (ws.subprotocol, told) == ("b", None if name == "granian" else "yes")  # granian drops them
        with pytest.raises(ConnectionClosed) as end:
            ws.recv(LIMIT)
    assert end.value.rcvd is not None
    assert (end.value.rcvd.code, end.value.rcvd.reason) == (4001, "enough")


@pytest.mark.parametrize(
    ("path", "status"), [("/async/refuse", 403), ("/sync/refuse", 403), ("/nowhere", 404), ("/", 400)]
)
def test_a_refusal_is_an_http_response(name: str, server: Server, path: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as refusal, opened(server, path):
        pass
    if name == "gunicorn-asgi":  # it has no `websocket.http.response`
        assert (refusal.value.response.status_code, refusal.value.response.body) == (403, b"")
        return
    assert refusal.value.response.status_code == status
    if path.endswith("refuse"):
        assert refusal.value.response.body == b"not you"


@COLOURS
def test_an_error_closes_with_1011(server: Server, colour: str) -> None:
    with opened(server, f"/{colour}/error") as ws, pytest.raises(ConnectionClosed) as end:
        ws.recv(LIMIT)
    assert end.value.rcvd is not None
    assert end.value.rcvd.code == 1011
    wait_for(lambda: "LookupError: meant" in server.output)


@COLOURS
def test_a_view_learns_that_its_client_has_left(server: Server, colour: str) -> None:
    before = asked(server)["ended"].count(colour)
    with opened(server, f"/{colour}/leave") as ws:
        assert ws.recv(LIMIT) == "there"
        ws.socket.shutdown(SHUT_RDWR)
    wait_for(lambda: asked(server)["ended"].count(colour) == before + 1)


@COLOURS
def test_websockets_take_no_thread_from_requests(server: Server, colour: str) -> None:
    with ExitStack() as stack:
        websockets = [stack.enter_context(opened(server, f"/{colour}/echo")) for _ in range(20)]
        assert asked(server)["pid"]
        for number, ws in enumerate(websockets):
            ws.send(str(number))
        assert [ws.recv(LIMIT) for ws in websockets] == [str(number) for number in range(20)]


def test_the_log_is_clean(server: Server) -> None:
    """After all of the above: nothing of descriptors and pipes that the server finds closed."""
    for complaint in ("Bad file descriptor", "EBADF", "EPIPE", "Broken pipe", "Task exception was never retrieved"):
        assert complaint not in server.output


@pytest.mark.parametrize("name", [*WSGI, "uvicorn"])  # the others break or wait
def test_a_server_that_ends_closes_them(name: str) -> None:
    with started_by(*SERVERS[name]) as server, opened(server, "/async/echo") as ws:
        ws.send("x")
        assert ws.recv(LIMIT) == "x"
        server.process.send_signal(ENDED_BY.get(name, SIGTERM))
        with pytest.raises(ConnectionClosed) as end:
            ws.recv(LIMIT)
    assert end.value.rcvd is not None
    assert end.value.rcvd.code == (1012 if name == "uvicorn" else 1001)


def test_a_server_that_gives_no_socket_is_named() -> None:
    with started_by(f"granian --host {{host}} --port {{port}} --interface wsgi {APP}", "granian") as server:
        with pytest.raises(InvalidStatus) as refusal, opened(server, "/async/echo"):
            pass
        assert refusal.value.response.status_code == 501
        assert b"does not give connections away" in (refusal.value.response.body or b"")


def test_wsgiref_gives_no_socket_either() -> None:
    """It speaks HTTP/1.0, so that it is asked without a client for websockets."""
    with make_server("127.0.0.1", 0, app.wsgi, handler_class=Silent) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        with closing(HTTPConnection("127.0.0.1", server.server_port, timeout=LIMIT)) as connection:
            connection.request("GET", "/async/echo", headers=dict(HANDSHAKE))
            answer = connection.getresponse()
            assert answer.status == 501
            assert b"WSGIServer/" in (page := answer.read())
            assert b"does not give connections away" in page
        thread.join(LIMIT)


class Silent(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Log no request."""


def test_hypercorns_wsgi_side_refuses_websockets_itself() -> None:
    with started_by(f"hypercorn -b {{bind}} wsgi:{APP}", "hypercorn") as server:
        with pytest.raises(InvalidStatus) as refusal, opened(server, "/async/echo"):
            pass
        assert refusal.value.response.status_code == 403
