"""Flask-Sock, python-socketio and Flask-SocketIO over websockets, with real clients on real servers."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import socketio
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from ..support.server_command import started_by
from ..support.server_process import Server
from ..support.waiting import LIMIT, wait_for

HERE = "tests.extensions.sockets"
LINES = {
    "gthread": "gunicorn -b {bind} -k gthread --threads 16 {app}",
    "gevent": "gunicorn -b {bind} -k gevent {app}",
    "werkzeug": "python -m tests.support.development_server {port} {app}",
    "uvicorn": "uvicorn --port {port} {app}",
}
WSGI, ASGI = ["gthread", "gevent", "werkzeug"], ["uvicorn"]
COMPLAINTS = ("Traceback", "Bad file descriptor", "Broken pipe", "Error handling request")


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    name, module = request.param
    with started_by(LINES[name].replace("{app}", f"{HERE}.{module}:app"), "websockets") as server:
        yield server
    for complaint in COMPLAINTS:
        assert complaint not in server.output


def on(names: list[str], module: str) -> pytest.MarkDecorator:
    """Have a test use each of these servers, with the app of a module."""
    return pytest.mark.parametrize("server", [(name, module) for name in names], indirect=True, ids=names)


@on(WSGI, "sock")
@pytest.mark.parametrize("path", ["/echo", "/shop/echo", "/legacy/echo", "/own"])
def test_flask_socks_views_take_the_socket_of_a_wsgi_server(server: Server, path: str) -> None:
    # Its server may wait for another request of the connection, and does not close it: so the client does.
    with connect(f"ws://127.0.0.1:{server.port}{path}", open_timeout=LIMIT, close_timeout=1) as ws:
        for message in ("text", b"bytes", "x" * 100_000):
            ws.send(message)
            assert ws.recv(LIMIT) == message
        if path != "/own":
            ws.send("end")
            with pytest.raises(ConnectionClosed):
                ws.recv(LIMIT)
    assert httpx.get(server.url, trust_env=False).text == "here"


@on(ASGI, "sock")
@pytest.mark.parametrize(
    ("path", "reason"), [("/echo", "takes the socket of a WSGI server"), ("/legacy/echo", "This is a WSGI app")]
)
def test_flask_socks_views_say_under_asgi_why_they_cannot(server: Server, path: str, reason: str) -> None:
    with pytest.raises(InvalidStatus) as refusal, connect(f"ws://127.0.0.1:{server.port}{path}", open_timeout=LIMIT):
        pass
    response = refusal.value.response
    assert response.status_code == 501
    assert reason in response.body.decode()
    with connect(f"ws://127.0.0.1:{server.port}/own", open_timeout=LIMIT) as ws:
        ws.send("x")
        assert ws.recv(LIMIT) == "x"


TRANSPORTS = pytest.mark.parametrize(
    "transports", [["websocket"], ["polling", "websocket"]], ids=["websocket", "upgrade"]
)


def talk(server: Server, path: str, transports: list[str]) -> str:
    """Say something, and wait until it is said; return by which transport."""
    with socketio.SimpleClient(request_timeout=int(LIMIT)) as client:
        client.connect(server.url, socketio_path=path, transports=transports, wait_timeout=int(LIMIT))
        for word in ("hello", "again"):
            assert client.call("say", word, timeout=int(LIMIT)) == {"heard": word}
            assert client.receive(timeout=LIMIT) == ["said", word]
        transport: str = client.client.eio.current_transport
    return transport


@on([*WSGI, *ASGI], "chat")
@TRANSPORTS
def test_python_socketio_mounted(server: Server, transports: list[str]) -> None:
    assert talk(server, "chat/socket.io", transports) == "websocket"


@on(WSGI, "flask_chat")
@TRANSPORTS
@pytest.mark.parametrize("path", ["socket.io", "legacy/socket.io"])
def test_flask_socketio_takes_the_socket_of_a_wsgi_server(server: Server, transports: list[str], path: str) -> None:
    assert talk(server, path, transports) == "websocket"
    assert httpx.get(server.url, trust_env=False).text == "here"


@on(ASGI, "flask_chat")
def test_flask_socketio_mounted_polls_under_asgi(server: Server) -> None:
    assert talk(server, "legacy/socket.io", ["polling"]) == "polling"
    wait_for(lambda: httpx.get(server.url, trust_env=False).text == "here")
