"""One server after the other, each as one process with enough threads for all that a test has it do at once."""

import shlex
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.processes import HOST, Server, free_port

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
    module = {"gthread": "gunicorn"}.get(name, name.partition("-")[0])
    if find_spec(module) is None:
        pytest.skip(f"{module} is not installed here")
    port = free_port()
    script, *arguments = shlex.split(LINES[name].format(bind=f"{HOST}:{port}", host=HOST, port=port))
    return Server([str(Path(sys.executable).with_name(script)), *arguments], port, environment=environment)


@pytest.fixture(scope="module", params=MAIN)
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
