"""What differs between servers on the wire, and what the app sees of it: docs/servers.md has the same tables."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.support.server_command import started_by
from tests.support.server_process import Server
from tests.support.waiting import wait_for
from tests.support.workers import one_worker_each

from .app import ODD_STATUSES, ODD_VALUES, app
from .asks import get
from .kinds import KINDS, Kind
from .ways import in_process, over_a_socket

SERVERS = {
    **KINDS,
    "gunicorn-gevent": Kind("gunicorn -b {bind} -k gevent tests.servers.app:app", "gunicorn gevent"),
    "cheroot": Kind("python -m cheroot --bind {bind} --threads 4 tests.servers.app:app", "cheroot"),
    "uwsgi": Kind(
        "pyuwsgi --http-socket {bind} --threads 4 --die-on-term --need-app --module tests.servers.app:app", "pyuwsgi"
    ),
}
COLOURS = ("sync", "async")

GUNICORN_WSGI = {"gunicorn-sync", "gunicorn-gthread", "gunicorn-gthread-preload", "gunicorn-gevent"}
ASGI = {"gunicorn-asgi", "uvicorn-h11", "uvicorn-httptools", "hypercorn-asgi", "granian-asgi"}
#: They hand on the path of a target that is a URI, but not its host.
WITHOUT_TARGETS_HOST = {"uvicorn-httptools", "granian-asgi", "granian-wsgi"}
#: What becomes of two Cookie lines, `a=1` and `b=2`.
COOKIES = {
    **dict.fromkeys(ASGI, "a=1; b=2"),
    "granian-wsgi": "a=1;b=2",
    **dict.fromkeys(GUNICORN_WSGI | {"hypercorn-wsgi", "werkzeug"}, "a=1,b=2"),
    **dict.fromkeys(["waitress", "uwsgi"], "a=1, b=2"),
    "cheroot": "b=2",
}
SHOWS_TRAILERS = {"uvicorn-httptools"}


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@pytest.fixture(scope="module", params=one_worker_each(SERVERS))
def name(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture(scope="module")
def server(name: str) -> Iterator[Server]:
    with started_by(SERVERS[name].command, SERVERS[name].needs) as server:
        yield server


def asked(server: Server, head: str, *lines: str, body: bytes = b"") -> Reply:
    """Send a request to the byte, and return the answer."""
    with server.connect() as connection:
        connection.sendall("\r\n".join([head, *lines, "Connection: close", "", ""]).encode() + body)
        with HTTPResponse(connection) as response:
            response.begin()
            return Reply(response.status, response.read())


@pytest.mark.parametrize("colour", COLOURS)
def test_white_space_around_values(server: Server, colour: str) -> None:
    lines = ("Host:  localhost \t", "X-Padded: \t one  two \t", "Cookie:  a=1 ", "X-Empty:  ")
    seen = asked(server, f"GET /{colour}/echo HTTP/1.1", *lines).json()
    assert (seen["headers"]["x-padded"], seen["headers"]["x-empty"]) == ("one  two", "")
    assert (seen["cookies"], seen["url"]) == ({"a": "1"}, f"http://localhost/{colour}/echo")
    reply = asked(server, f"GET /{colour}/folder HTTP/1.1", "Host: localhost ")
    assert reply.status == 308
    assert f"http://localhost/{colour}/folder/".encode() in reply.body


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(("path", "status"), [("/{c}/echo?a=1", 200), ("", 404), ("?a=1", 404)])
def test_a_target_that_is_a_uri(name: str, server: Server, colour: str, path: str, status: int) -> None:
    target = "http://target.example:81" + path.replace("{c}", colour)
    reply = asked(server, f"GET {target} HTTP/1.1", "Host: localhost")
    if name == "cheroot" or (name == "uvicorn-httptools" and status == 404):  # these refuse it
        assert reply.status == 400
        return
    assert reply.status == status
    if status == 200:
        host = "localhost" if name in WITHOUT_TARGETS_HOST else "target.example:81"
        assert reply.json()["url"] == f"http://{host}/{colour}/echo?a=1"
        assert reply.json()["headers"]["host"] == host


@pytest.mark.parametrize("colour", COLOURS)
def test_two_hosts(name: str, server: Server, colour: str) -> None:
    reply = asked(server, f"GET /{colour}/echo HTTP/1.1", "Host: a.example", "Host: b.example")
    if name == "cheroot":  # hands on the last
        assert reply.json()["url"] == f"http://b.example/{colour}/echo"
    else:
        assert reply.status == 400


@pytest.mark.parametrize("colour", COLOURS)
def test_two_cookie_lines(name: str, server: Server, colour: str) -> None:
    reply = asked(server, f"GET /{colour}/echo HTTP/1.1", "Host: localhost", "Cookie: a=1", "Cookie: b=2")
    assert reply.json()["headers"]["cookie"] == COOKIES[name]
    if ";" in COOKIES[name]:
        assert reply.json()["cookies"] == {"a": "1", "b": "2"}


@pytest.mark.parametrize("colour", COLOURS)
def test_trailers(name: str, server: Server, colour: str) -> None:
    body = b"3\r\nabc\r\n0\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n"
    lines = ("Host: localhost", "Transfer-Encoding: chunked")
    headers = asked(server, f"POST /{colour}/echo HTTP/1.1", *lines, body=body).json()["headers"]
    assert ("x-forwarded-for" in headers) == (name in SHOWS_TRAILERS)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("number", range(len(ODD_VALUES)))
def test_values_of_response_headers(server: Server, colour: str, number: int) -> None:
    ask = get(f"/{colour}/odd-value/{number}")
    given, wanted = over_a_socket(server.port, ask), in_process(app, ask)
    assert given == wanted
    assert given.status == (500 if number > 1 else 200)
    if number <= 1:
        assert given["x-odd"] == ODD_VALUES[number].strip()
    else:
        wait_for(lambda: "The header 'X-Odd' cannot be sent" in server.output)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("number", range(len(ODD_STATUSES)))
def test_statuses(server: Server, colour: str, number: int) -> None:
    ask = get(f"/{colour}/odd-status/{number}")
    given, wanted = over_a_socket(server.port, ask), in_process(app, ask)
    assert given == wanted
    assert given.status == {"200": 200, "201 Quite new": 201}.get(str(ODD_STATUSES[number]), 500)
    if given.status == 500:
        wait_for(lambda: "cannot be sent: use a code from 200 to 599" in server.output)


@dataclass(frozen=True)
class OnSocket:
    """A server on a Unix socket."""

    command: str
    needs: str


ON_SOCKETS = {
    "gunicorn-gthread": OnSocket("gunicorn -b unix:{path} -k gthread --threads 4 tests.servers.app:app", "gunicorn"),
    "gunicorn-gevent": OnSocket("gunicorn -b unix:{path} -k gevent tests.servers.app:app", "gunicorn gevent"),
    "gunicorn-asgi": OnSocket("gunicorn -b unix:{path} -k asgi tests.servers.app:app", "gunicorn"),
    "uvicorn-h11": OnSocket("uvicorn --uds {path} --http h11 tests.servers.app:app", "uvicorn h11"),
    "uvicorn-httptools": OnSocket("uvicorn --uds {path} --http httptools tests.servers.app:app", "uvicorn httptools"),
    "hypercorn-asgi": OnSocket("hypercorn -b unix:{path} asgi:tests.servers.app:app", "hypercorn"),
    "hypercorn-wsgi": OnSocket("hypercorn -b unix:{path} wsgi:tests.servers.app:app", "hypercorn"),
    "granian-asgi": OnSocket("granian --uds {path} --interface asgi tests.servers.app:app", "granian"),
    "granian-wsgi": OnSocket("granian --uds {path} --interface wsgi tests.servers.app:app", "granian"),
    "waitress": OnSocket("waitress-serve --unix-socket={path} tests.servers.app:app", "waitress"),
    "cheroot": OnSocket("python -m cheroot --bind {path} tests.servers.app:app", "cheroot"),
    "werkzeug": OnSocket("flask --app tests.servers.app run --host unix://{path}", "werkzeug"),
    "uwsgi": OnSocket(
        "pyuwsgi --http-socket {path} --die-on-term --need-app --module tests.servers.app:app", "pyuwsgi"
    ),
}


@pytest.mark.parametrize("name", ON_SOCKETS)
def test_the_address_of_a_client_on_a_unix_socket(name: str) -> None:
    with TemporaryDirectory() as directory:  # a short path: that of a socket has at most 107 bytes
        path = Path(directory) / "socket"
        with started_by(ON_SOCKETS[name].command, ON_SOCKETS[name].needs, path=path) as server:
            for colour in COLOURS:
                reply = asked(server, f"GET /{colour}/client HTTP/1.1", "Host: localhost")
                assert (reply.status, reply.json()) == (200, {"address": "", "environ": ""})
