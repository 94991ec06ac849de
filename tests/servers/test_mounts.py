"""Each server can be told that the app lives below /mount, and serves a Flask app that is mounted in ours."""

import json
from collections.abc import Iterator

import pytest

from tests.support.server_command import started_by
from tests.support.server_process import Server
from tests.support.waiting import wait_for
from tests.support.workers import one_worker_each

from .asks import get
from .ways import over_a_socket

MOUNTED = [
    "gunicorn -b {bind} --env SCRIPT_NAME=/mount tests.servers.app:app",
    "gunicorn -b {bind} -k asgi --root-path /mount tests.servers.app:app",
    "uvicorn --port {port} --root-path /mount tests.servers.app:app",
    "hypercorn -b {bind} --root-path /mount asgi:tests.servers.app:app",
    "hypercorn -b {bind} --root-path /mount wsgi:tests.servers.app:app",
    "granian --port {port} --interface asgi --url-path-prefix /mount tests.servers.app:app",
    "granian --port {port} --interface wsgi --url-path-prefix /mount tests.servers.app:app",
    "waitress-serve --listen={bind} --url-prefix=/mount tests.servers.app:app",
]


FLASK = "tests.servers.mounted_flask_app:app"
#: Servers that answer two requests at once, of which one may block.
SERVERS = [
    f"gunicorn -b {{bind}} -k gthread --threads 4 {FLASK}",
    f"gunicorn -b {{bind}} -k gevent {FLASK}",
    f"gunicorn -b {{bind}} -k asgi {FLASK}",
    f"uvicorn --port {{port}} {FLASK}",
    f"hypercorn -b {{bind}} asgi:{FLASK}",
    f"hypercorn -b {{bind}} wsgi:{FLASK}",
    f"granian --port {{port}} --interface asgi {FLASK}",
    f"granian --port {{port}} --interface wsgi --blocking-threads 4 {FLASK}",
    f"waitress-serve --listen={{bind}} {FLASK}",
]


@pytest.fixture(scope="module", params=one_worker_each(SERVERS))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with started_by(request.param) as server:
        yield server


@pytest.mark.parametrize("line", MOUNTED)
def test_mounted(line: str) -> None:
    """Each server tells the app in its own way, with the same result."""
    # uvicorn's --root-path is for a proxy that takes it off; the others are asked for the whole path.
    sent = "" if line.startswith("uvicorn") else "/mount"
    with started_by(line) as server:
        for colour in ("sync", "async"):
            echoed = json.loads(over_a_socket(server.port, get(f"{sent}/{colour}/echo?a=1")).body)
            assert echoed["root_path"] == "/mount"
            assert echoed["path"] == f"/{colour}/echo"
            assert echoed["url"] == f"http://localhost/mount/{colour}/echo?a=1"
            redirect = over_a_socket(server.port, get(f"{sent}/{colour}/folder"))
            assert redirect["location"] == f"http://localhost/mount/{colour}/folder/"


@pytest.mark.parametrize("path", ["/flask", "/hooked"])
def test_an_async_view_of_flask_waits_for_a_body_that_is_late(server: Server, path: str) -> None:
    head = f"POST {path}/size HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n"
    post = head.encode()
    with server.connect() as first, server.connect() as second:
        for connection in (first, second):
            connection.sendall(post + b"a" * 100_000)
        assert over_a_socket(server.port, get("/release")).body == b"False"
        for connection in (second, first):
            connection.sendall(b"b" * 200_000)
            assert b"".join(iter(lambda: connection.recv(65536), b"")).endswith(b"\r\n\r\n300000")  # noqa: B023  # it is called at once


def test_an_async_view_of_flask_that_blocks_leaves_the_host_loop_to_others(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET /flask/blocks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        wait_for(lambda: over_a_socket(server.port, get("/release")).body == b"True")
        assert b"".join(iter(lambda: connection.recv(65536), b"")).endswith(b"\r\n\r\nreleased")
