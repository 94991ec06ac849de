"""A WSGI app does under ASGI servers all that PEP 3333 lets it do: `write`, `exc_info`, `wsgi.file_wrapper`.

The cases of tests/parity/adapters are the same without a server.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse

import pytest

from ..support.http_client import ask
from ..support.server_command import started_by
from ..support.server_process import HOST, Server
from ..support.waiting import LIMIT, wait_for
from ..support.workers import one_worker_each
from .adapted_app import FILE

APP = "tests.servers.adapted_app"
#: What such an app does without an adapter.
AS_IT_IS = [f"gunicorn -b {{bind}} --threads 4 {APP}:wsgi_app", f"gunicorn -b {{bind}} -k gevent {APP}:mounted"]
SERVERS = [
    *AS_IT_IS,
    f"uvicorn --port {{port}} --http h11 {APP}:adapted",
    f"uvicorn --port {{port}} --http httptools {APP}:adapted",
    f"hypercorn -b {{bind}} asgi:{APP}:adapted",
    f"granian --port {{port}} --interface asgi {APP}:adapted",
    f"gunicorn -b {{bind}} -k asgi {APP}:adapted",
    f"uvicorn --port {{port}} {APP}:mounted",
    # Each request crosses twice: to the host loop, and from there to a thread.
    f"gunicorn -b {{bind}} --threads 4 {APP}:there_and_back",
    f"gunicorn -b {{bind}} -k gevent {APP}:there_and_back",
    f"gunicorn -b {{bind}} -k gevent {APP}:adapted_and_mounted",
    f"gunicorn -b {{bind}} --threads 4 --preload {APP}:adapted_and_mounted",
    f"uvicorn --port {{port}} {APP}:adapted_and_mounted",
]

CONTENT = FILE.read_bytes()
BODIES = {
    "/write": b"written " + b"x" * 200_000 + b" returned last",
    "/write_only": b"written",
    "/file": CONTENT,
    "/sized_file": CONTENT,
    "/rest_of_file": CONTENT[1000:],
    "/no_file": b"y" * 300_000,
    "/too_long": b"01234567",
    "/write_too_long": b"01234567",
    "/too_long_file": CONTENT[:8],
}


@pytest.fixture(scope="module", params=one_worker_each(SERVERS))
def line(request: pytest.FixtureRequest) -> str:
    server: str = request.param
    return server


@pytest.fixture(scope="module")
def server(line: str) -> Iterator[Server]:
    with started_by(line) as server:
        yield server


@pytest.mark.parametrize("path", BODIES)
def test_what_is_written_and_files_arrive_as_long_as_announced(server: Server, path: str) -> None:
    answer = ask(server.url, path)
    assert (answer.status, answer["content-type"]) == (200, "text/plain")
    assert answer.body == BODIES[path]
    assert ask(server.url, path, method="HEAD").body == b""


@pytest.mark.parametrize(("path", "status"), [("/no_content", 204), ("/not_modified", 304)])
def test_a_status_that_has_no_body_has_none(line: str, server: Server, path: str, status: int) -> None:
    if line in AS_IT_IS:
        pytest.skip("gunicorn sends it all the same")
    answer = ask(server.url, path)
    assert (answer.status, answer.body) == (status, b"")


def test_what_is_written_leaves_before_the_app_goes_on(server: Server) -> None:
    with begun(server, "/write_and_wait") as response:
        assert response.read(6) == b"first "
        assert ask(server.url, "/go_on").body == b"gone on"
        assert response.read() == b"last"


def test_a_head_that_is_not_sent_is_replaced(line: str, server: Server) -> None:
    answer = ask(server.url, "/replace")
    assert (answer.status, answer["x-new"], answer.body) == (500, "1", b"an error page")
    assert answer.get_all("x-old") == (["1"] if line in AS_IT_IS else []), "gunicorn adds the new headers to the old"


FAILING = {"/replace_late": "after a chunk", "/replace_after_write": "after a write", "/write_and_fail": "at last"}


@pytest.mark.parametrize(("path", "logged"), FAILING.items(), ids=FAILING)
def test_an_error_after_the_head_breaks_the_response_off(server: Server, path: str, logged: str) -> None:
    with pytest.raises((HTTPException, ConnectionError)), begun(server, path) as response:
        response.read()
    wait_for(lambda: f"LookupError: meant, {logged}" in server.output, because=lambda: server.output)


@contextmanager
def begun(server: Server, path: str) -> Iterator[HTTPResponse]:
    """Ask for a page, and give its response as soon as it begins."""
    with closing(HTTPConnection(HOST, server.port, timeout=LIMIT)) as connection:
        connection.request("GET", path)
        with connection.getresponse() as response:
            yield response
