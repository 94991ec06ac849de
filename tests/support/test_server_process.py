"""What the tests of real servers stand on: a server that starts, one that does not, and one that does not stop."""

import signal
import socket
import sys

import pytest

from .http_client import ask
from .server_process import HOST, Server, ServerFailed, free_port, serving
from .waiting import wait_for

# Listens in two processes, neither of which hears SIGTERM.
STUBBORN = """
import os, signal, socket, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
os.fork()
time.sleep(600)
"""


def file_server(port: int) -> list[str]:
    return [sys.executable, "-m", "http.server", str(port), "--bind", HOST]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def test_a_server_answers_while_the_block_lasts() -> None:
    port = free_port()
    with serving(file_server(port), port) as url:
        assert ask(url, "/setup.cfg").status == 200
    with pytest.raises(ConnectionRefusedError):
        ask(url, "/")


def test_its_output_is_kept() -> None:
    port = free_port()
    with Server(file_server(port), port) as server:
        ask(server.url, "/setup.cfg")
        during = server.output
    assert '"GET /setup.cfg HTTP/1.1" 200' in during
    assert server.output.startswith(during)


def test_a_server_that_ends_says_why() -> None:
    with pytest.raises(ServerFailed, match="ended with status 3") as failure:
        Server([sys.executable, "-c", "print('no config'); raise SystemExit(3)"], free_port()).__enter__()
    assert failure.value.__notes__[0].endswith("printed:\nno config\n")


def test_a_server_that_never_listens_is_given_up_and_stopped() -> None:
    server = Server([sys.executable, "-c", "import time; time.sleep(600)"], free_port(), starts_within=0.5)
    with pytest.raises(ServerFailed, match="does not listen"):
        server.__enter__()
    assert server.process.poll() is not None


def test_an_error_in_the_block_takes_the_output_along() -> None:
    port = free_port()
    with pytest.raises(ValueError, match="unpack") as error, serving(file_server(port), port) as url:
        ask(url, "/setup.cfg")["x-missing"]
    assert '"GET /setup.cfg HTTP/1.1" 200' in error.value.__notes__[0]


def test_a_server_that_does_not_stop_is_killed_with_its_children() -> None:
    port = free_port()
    server = Server([sys.executable, "-c", STUBBORN, str(port)], port, ends_within=1)
    with pytest.raises(ServerFailed, match="did not end by SIGTERM"), server:
        assert listens(port)
    assert server.process.returncode == -signal.SIGKILL
    wait_for(lambda: not listens(port))
