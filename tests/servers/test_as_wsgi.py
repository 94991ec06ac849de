"""A bare ASGI app in `as_wsgi`, on each WSGI server: what its messages say arrives.

The cases of tests/parity/adapters are the same without a server.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPException

import pytest

from ..support.http_client import ask
from ..support.server_command import started_by
from ..support.server_process import Server
from ..support.waiting import wait_for
from ..support.workers import one_worker_each
from .adapted_asgi_app import FILE
from .asks import post
from .test_adapters import begun
from .ways import over_a_socket

APP = "tests.servers.adapted_asgi_app:app"
SERVERS = {
    "sync": f"gunicorn -b {{bind}} {APP}",
    "gthread": f"gunicorn -b {{bind}} --threads 4 -c python:dualapp.gunicorn {APP}",
    "preload": f"gunicorn -b {{bind}} --threads 4 --preload {APP}",
    "gevent": f"gunicorn -b {{bind}} -k gevent {APP}",
    "pywsgi": f"python -m tests.support.pywsgi_server {{port}} {APP}",
    "waitress": f"waitress-serve --listen={{bind}} {APP}",
    "cheroot": f"python -m cheroot --bind {{bind}} --threads 4 {APP}",
    "uwsgi": f"pyuwsgi --http-socket {{bind}} --enable-threads --threads 4 --die-on-term --need-app --module {APP}",
    "hypercorn": f"hypercorn -b {{bind}} wsgi:{APP}",
    "granian": f"granian --port {{port}} --interface wsgi --blocking-threads 4 {APP}",
}
#: These do not tell the target as it was sent, and have no `wsgi.file_wrapper`.
NO_TARGET = {"pywsgi", "hypercorn", "granian"}
NO_FILE_WRAPPER = {"pywsgi", "cheroot", "hypercorn", "granian"}
NEEDS = {"gevent": "gunicorn gevent", "pywsgi": "gevent", "cheroot": "cheroot"}


@pytest.fixture(scope="module", params=one_worker_each(SERVERS))
def name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def server(name: str) -> Iterator[Server]:
    with started_by(SERVERS[name], NEEDS.get(name, "")) as server:
        yield server


def test_the_scope_says_what_was_asked_for(name: str, server: Server) -> None:
    told = json.loads(ask(server.url, "/scope/caf%C3%A9%2Fb?q=%20a").body)
    path = "/scope/café%2Fb" if name == "cheroot" else "/scope/café/b"  # cheroot keeps this one
    known = [told[part] for part in ("method", "path", "root_path", "scheme", "http_version")]
    assert known == ["GET", path, "", "http", "1.1"]
    assert told["raw"] == ["" if name in NO_TARGET else "/scope/caf%C3%A9%2Fb", "q=%20a"]
    assert ("http.response.pathsend" in told["extensions"]) is (name not in NO_FILE_WRAPPER)


@pytest.mark.parametrize("chunks", [1, 30])
def test_a_body_arrives_to_the_byte(name: str, server: Server, chunks: int) -> None:
    body = b"x" * 3_000_000 if chunks == 1 else (b"x" * 100_000,) * chunks
    answer = over_a_socket(server.port, post("/count", body))
    if name == "uwsgi" and chunks > 1:
        assert answer.status == 411, "uWSGI does not tell where such a body ends"
    else:
        assert answer.body == b"3000000"


def test_headers_beyond_ascii_and_repeated_ones(name: str, server: Server) -> None:
    answer = ask(server.url, "/headers", headers={"X-Name": "caf\xe9"})
    echoed = "" if name == "granian" else "caf\xe9"  # granian empties it
    assert (answer.status, answer["x-echo"], answer.body) == (201, echoed, b"created")
    assert answer.get_all("set-cookie") == ["a=1", "b=2"]
    assert "timeout=5" not in answer.get_all("keep-alive")


@pytest.mark.parametrize(("method", "status"), [("GET", 204), ("GET", 304), ("HEAD", 200)])
def test_responses_without_a_body(server: Server, method: str, status: int) -> None:
    answer = ask(server.url, f"/status/{status}", method=method)
    assert (answer.status, answer.body) == (status, b"")


def test_a_file_is_sent_by_its_path(server: Server) -> None:
    assert ask(server.url, "/file").body == FILE.read_bytes()


def test_an_error_before_the_first_byte_is_a_500(name: str, server: Server) -> None:
    if name == "uwsgi":  # it only closes the connection
        with pytest.raises(ConnectionError):
            ask(server.url, "/early")
    else:
        assert ask(server.url, "/early").status == 500
    wait_for(lambda: "LookupError: meant, early" in server.output, because=lambda: server.output)


def test_an_error_after_it_breaks_the_response_off(name: str, server: Server) -> None:
    if name == "uwsgi":  # it ends a body without a length by closing, well or not
        assert ask(server.url, "/late").body == b"begun"
    else:
        with pytest.raises((HTTPException, ConnectionError)), begun(server, "/late") as response:
            response.read()
    wait_for(lambda: "LookupError: meant, late" in server.output, because=lambda: server.output)


def test_work_after_the_response_holds_no_thread(server: Server) -> None:
    ask(server.url, "/go-on/no")
    for _ in range(8):
        assert ask(server.url, "/background").body == b"sent"
    ask(server.url, "/go-on/yes")
    wait_for(lambda: json.loads(ask(server.url, "/scope").body)["state"]["gone on"])


def test_a_chunk_leaves_before_the_next_is_made(name: str, server: Server) -> None:
    if name == "sync":
        pytest.skip("it answers one request at a time")
    ask(server.url, "/go-on/no")
    with begun(server, "/wait") as response:
        assert response.read(6) == b"first "
        ask(server.url, "/go-on/yes")
        assert response.read() == b"last"


def test_a_redirect_to_a_mount_has_a_head_under_hypercorn_too() -> None:
    with started_by(SERVERS["hypercorn"].replace(":app", ":mounted")) as server:
        for method in ("HEAD", "GET"):
            answer = ask(server.url, "/in?a=1", method=method)
            assert (answer.status, answer["location"]) == (307, "/in/?a=1")
