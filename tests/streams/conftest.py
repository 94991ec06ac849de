"""One server after the other, each as one process with enough threads for all that a test has it do at once."""

from collections.abc import Iterator, Mapping

import pytest

from tests.support.server_command import started_by
from tests.support.server_process import Server
from tests.support.workers import one_worker_each

from .wire import Caller

APP = "tests.streams.app:app"
LINES = {
    "gthread": f"gunicorn -b {{bind}} -k gthread --threads 32 --log-level warning {APP}",
    "uvicorn": f"uvicorn --host {{host}} --port {{port}} --log-level warning {APP}",
    "waitress": f"waitress-serve --listen={{bind}} --threads 32 {APP}",
    "hypercorn": f"hypercorn -b {{bind}} asgi:{APP}",
    "granian-asgi": f"granian --host {{host}} --port {{port}} --interface asgi {APP}",
    "granian-wsgi": f"granian --host {{host}} --port {{port}} --interface wsgi --blocking-threads 32 {APP}",
}
ASGI = {"uvicorn", "hypercorn", "granian-asgi"}
MAIN = ("gthread", "uvicorn")


def started(name: str, environment: Mapping[str, str] | None = None) -> Server:
    """The server of this name; not started yet."""
    return started_by(LINES[name], {"gthread": "gunicorn"}.get(name, name.partition("-")[0]), environment)


@pytest.fixture(scope="module", params=one_worker_each(MAIN))
def name(request: pytest.FixtureRequest) -> str:
    """The server's name; a module that is about more servers than these two says so by its own parameters."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="module")
def caller(name: str) -> Iterator[Caller]:
    with started(name) as server:
        yield Caller(server.port)


@pytest.fixture(params=["sync", "async"])
def colour(request: pytest.FixtureRequest) -> str:
    colour: str = request.param
    return colour
