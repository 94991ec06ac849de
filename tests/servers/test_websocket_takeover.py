"""What a WSGI server notices of a connection that was taken from it: nothing, but for a 101 in its access log."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from signal import SIGHUP
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.server_command import started_by
from tests.support.server_process import HOST, Server
from tests.support.waiting import LIMIT, wait_for
from tests.support.websocket_wire import HANDSHAKE, TEXT, Wire, close_frame, frame
from tests.support.workers import one_worker_each, slow_after

from .websocket_servers import APP, WSGI

HERE = Path(__file__).parent
GUNICORNS = [name for name in WSGI if name.startswith(("gunicorn", "gevent"))]
COMPLAINTS = ("Bad file descriptor", "EBADF", "EPIPE", "Broken pipe", "Traceback", "never retrieved", "Exception")


@pytest.fixture(scope="module", params=one_worker_each(WSGI))
def name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def server(name: str) -> Iterator[Server]:
    with started_by(*logging_access(name)) as server:
        yield server


def logging_access(name: str, options: str = "") -> tuple[str, str]:
    """The command of a server that logs requests, where it can."""
    line, needs = WSGI[name]
    return f"{line} {'--access-logfile -' if name in GUNICORNS else ''} {options}", needs


def opened(server: Server, path: str = "/async/echo") -> ClientConnection:
    return connect(f"ws://{HOST}:{server.port}{path}", open_timeout=LIMIT, close_timeout=LIMIT)


def asked(server: Server, path: str = "/") -> Any:
    connection = HTTPConnection(HOST, server.port, timeout=LIMIT)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def echoes(ws: ClientConnection, message: str = "x") -> bool:
    ws.send(message)
    return ws.recv(LIMIT) == message


def test_the_access_log_shows_the_101(name: str, server: Server) -> None:
    if name in ("waitress", "cheroot"):
        pytest.skip("it has no access log")
    with opened(server, "/async/echo?logged"):
        pass
    lines = wait_for(lambda: [line for line in server.output.splitlines() if "/async/echo?logged" in line])
    assert len(lines) == 1
    assert " 101" in lines[0]


@pytest.mark.slow
def test_thousands_come_and_go_and_leave_nothing(name: str, server: Server) -> None:
    """A third of them leaves without a word: at the handshake, within a message, and with the answer unread."""
    total = 5000 if name == "gunicorn-gthread" else 300
    come_and_go(server, 100)  # threads and caches are there then
    settled(server)
    before = held(server)
    come_and_go(server, total)
    wait_for(lambda: is_within(held(server), before), because=lambda: (before, held(server)), pause=0.1)
    assert not [complaint for complaint in COMPLAINTS if complaint in server.output]


def come_and_go(server: Server, total: int) -> None:
    leave: list[Callable[[Wire], None]] = [close_politely, close_politely, Wire.vanish]
    for number in range(total):
        with suppress(ConnectionResetError), Wire(server.connect()).open("/async/echo") as wire:
            wire.socket.sendall(frame(TEXT, b"hello") if number % 2 else frame(TEXT, b"hello")[: number % 12])
            leave[number % 3](wire)


def close_politely(wire: Wire) -> None:
    wire.socket.sendall(frame(TEXT, b"") + close_frame(1000))
    wire.read_to_end()


def held(server: Server) -> dict[str, int]:
    counts: dict[str, int] = asked(server, "/held")
    return counts


def settled(server: Server) -> None:
    last: list[dict[str, int]] = [held(server)]

    def is_still() -> bool:
        last.append(held(server))
        return last[-1] == last[-2]

    wait_for(is_still, pause=0.1)


def is_within(now: dict[str, int], before: dict[str, int]) -> bool:
    """Whether there is no more than before; a pool may have started one more of the threads that it may have."""
    return all(now[name] <= before[name] + 4 for name in before)


@pytest.mark.parametrize("name", ["gunicorn-gthread", "gunicorn-gevent"])
def test_websockets_are_none_of_the_connections_that_a_worker_may_have(name: str) -> None:
    with started_by(*logging_access(name, "--worker-connections 5")) as server, ExitStack() as stack:
        websockets = [stack.enter_context(opened(server)) for _ in range(20)]
        connection = HTTPConnection(HOST, server.port, timeout=LIMIT)
        for _ in range(10):  # on one connection, which is kept alive
            connection.request("GET", "/")
            assert connection.getresponse().read()
        connection.close()
        assert all(map(echoes, websockets))


@pytest.mark.parametrize("name", [name for name in GUNICORNS if name != "gunicorn-pywsgi"])  # it does not count them
def test_a_worker_that_has_had_its_requests_closes_them(name: str) -> None:
    with started_by(*logging_access(name, "--max-requests 5")) as server, opened(server) as ws:
        assert echoes(ws)
        first = asked(server)["pid"]
        wait_for(lambda: asked_at_last(server) not in (None, first), pause=0.1)
        with pytest.raises(ConnectionClosed) as end:
            ws.recv(LIMIT)
        assert code_of(end.value) == 1001
        with opened(server) as another:
            assert echoes(another)


def asked_at_last(server: Server) -> int | None:
    with suppress(OSError):
        pid: int = asked(server)["pid"]
        return pid
    return None  # between two workers


def code_of(end: ConnectionClosed) -> int | None:
    return None if end.rcvd is None else end.rcvd.code


@pytest.mark.parametrize("path", ["/async/echo", "/sync/echo"])
@pytest.mark.parametrize("hooks", slow_after(1, ["", " -c python:dualapp.gunicorn"]))
@pytest.mark.parametrize("kind", ["sync", "gthread --threads 4", "gevent"])
def test_a_reload_and_a_stop_close_them(kind: str, hooks: str, path: str) -> None:
    needs = "gunicorn gevent" if kind == "gevent" else "gunicorn"
    with started_by(f"gunicorn -b {{bind}} -k {kind}{hooks} {APP}", needs) as server, opened(server, path) as ws:
        assert echoes(ws)
        server.process.send_signal(SIGHUP)
        with pytest.raises(ConnectionClosed) as end:
            ws.recv(LIMIT)
        assert code_of(end.value) == 1001
        with opened(server, path) as another:
            assert echoes(another)
            server.stop()
            with pytest.raises(ConnectionClosed) as end:
                another.recv(LIMIT)
            assert code_of(end.value) == 1001
    assert not [complaint for complaint in COMPLAINTS if complaint in server.output]


@pytest.mark.parametrize("name", GUNICORNS)
def test_a_client_that_does_not_answer_the_close_does_not_hold_the_server_up(name: str) -> None:
    """`started_by` fails if the server has to be killed."""
    line, needs = logging_access(name, "--graceful-timeout 20")
    limits = {"TEST_WEBSOCKET_CLOSE_TIMEOUT": "0.2"}
    with started_by(line, needs, limits) as server, ExitStack() as stack:
        wire, waiting = (stack.enter_context(Wire(server.connect())) for _ in range(2))
        wire.open("/async/echo")
        waiting.ask("/async/never")
        wire.send(TEXT, b"there")
        assert wire.recv() == (TEXT, b"there")
        server.stop()
        assert wire.recv_close()[0] == 1001
        assert waiting.until(b"\r\n").startswith(b"HTTP/1.1 503 ")
    assert not [complaint for complaint in COMPLAINTS if complaint in server.output]


def test_a_sync_worker_with_a_timeout_keeps_its_websockets() -> None:
    with started_by(*logging_access("gunicorn-sync", "--timeout 3")) as server, opened(server) as ws:
        pid = asked(server)["pid"]
        time.sleep(7)  # more than two of its timeouts
        assert echoes(ws)
        assert asked(server)["pid"] == pid
        assert "WORKER TIMEOUT" not in server.output


@pytest.mark.parametrize("name", ["gunicorn-sync", "gunicorn-gthread", "gunicorn-gevent", "waitress"])
def test_a_process_has_as_many_websockets_as_it_may(name: str) -> None:
    with started_by(*WSGI[name], {"TEST_WEBSOCKET_MAX": "2"}) as server, opened(server) as one:
        with opened(server) as other:
            with pytest.raises(InvalidStatus) as refusal, opened(server):
                pass
            assert refusal.value.response.status_code == 503
            assert echoes(one)
            assert echoes(other)
        wait_for(lambda: can_open(server))


def can_open(server: Server) -> bool:
    try:
        with opened(server) as ws:
            return echoes(ws)
    except InvalidStatus:
        return False


TLS = f"--certfile {HERE / 'localhost.crt'} --keyfile {HERE / 'localhost.key'}"


@pytest.mark.parametrize("name", ["gunicorn-sync", "gunicorn-gthread", "gunicorn-gevent", "gunicorn-pywsgi"])
def test_a_connection_that_the_server_decrypts_is_not_taken(name: str) -> None:
    context = ssl._create_unverified_context()
    with started_by(*logging_access(name, TLS)) as server:
        connection = HTTPSConnection(HOST, server.port, timeout=LIMIT, context=context)
        connection.request("GET", "/async/echo", headers=dict(HANDSHAKE))
        answer = connection.getresponse()
        assert answer.status == 501
        assert b"a server in front of this one that ends TLS, such as nginx" in answer.read()
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        connection.close()
    of_descriptors = COMPLAINTS[:4]  # gevent complains of those who only look whether it listens
    assert not [complaint for complaint in of_descriptors if complaint in server.output]
