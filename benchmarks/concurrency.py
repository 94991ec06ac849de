"""How many requests one process of each server has in views at once, by counting them there.

    python -m benchmarks.concurrency [--requests 100] [--only gunicorn]

Each server gets so many requests at once, to a view that notes in a directory that it was called and then waits for a
file. When no more views note anything, the file is made, and every request must be answered. The table is Markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen
from uuid import uuid4

from dualapp import DualApp, Response
from tests.support.server_process import HOST, Server, free_port

#: The environment variable with the directory of what the views note, and wait for.
DIRECTORY = "CONCURRENCY_DIRECTORY"
PAUSE = 0.05
#: Seconds without another view after which no more are expected, and after which a client has waited too long.
QUIET, LIMIT = 3.0, 300

APP = "benchmarks.concurrency:app"
#: For gunicorn, instead of the project's own configuration.
BARE = "--config tests/lifecycle/bare.conf.py"
#: The servers, with what a user types; `{bind}`, `{host}` and `{port}` are where to listen.
SERVERS = {
    "gunicorn": "gunicorn -b {bind} {app}",
    "gunicorn -k gthread --threads 4": "gunicorn -b {bind} -k gthread --threads 4 {app}",
    "gunicorn -k gthread --threads 64": "gunicorn -b {bind} -k gthread --threads 64 {app}",
    "gunicorn -k gevent": "gunicorn -b {bind} -k gevent {app}",
    "gunicorn -k asgi": "gunicorn -b {bind} -k asgi {app}",
    "uvicorn": "uvicorn --host {host} --port {port} {app}",
    "hypercorn": "hypercorn -b {bind} asgi:{app}",
    "granian --interface asgi": "granian --host {host} --port {port} --interface asgi {app}",
    "granian --interface wsgi": "granian --host {host} --port {port} --interface wsgi {app}",
    "waitress-serve": "waitress-serve --listen={bind} {app}",
    "dualapp run": "dualapp run --port {port} {app}",
}
VIEWS = {
    "def": "`def` views",
    "async": "`async def` views",
    "def-events": "event streams of `def`",
    "async-events": "event streams of `async def`",
}

app = DualApp(__name__)


def note(view: str) -> Path:
    """Note that a view was called; return the file that it waits for."""
    notes = Path(os.environ[DIRECTORY], view)
    (notes / uuid4().hex).touch()
    return end_of(notes)


def end_of(notes: Path) -> Path:
    return notes.with_name(f"{notes.name}-may-end")


@app.get("/def")
def wait() -> str:
    end = note("def")
    while not end.exists():
        time.sleep(PAUSE)
    return "ended"


@app.get("/async")
async def wait_async() -> str:
    end = note("async")
    while not end.exists():
        await asyncio.sleep(PAUSE)
    return "ended"


@app.get("/def-events")
def events() -> Response:
    def stream() -> Iterator[str]:
        end = note("def-events")
        yield "data: begun\n\n"
        while not end.exists():
            time.sleep(PAUSE)
        yield "data: ended\n\n"

    return Response(stream(), mimetype="text/event-stream")


@app.get("/async-events")
async def events_async() -> Response:
    async def stream() -> AsyncIterator[str]:
        end = note("async-events")
        yield "data: begun\n\n"
        while not end.exists():
            await asyncio.sleep(PAUSE)
        yield "data: ended\n\n"

    return Response(stream(), mimetype="text/event-stream")


@contextmanager
def serving(name: str) -> Iterator[tuple[Server, Path]]:
    """Serve the app above with a server; give the server and the directory of its notes."""
    port = free_port()
    program, *arguments = shlex.split(SERVERS[name].format(bind=f"{HOST}:{port}", host=HOST, port=port, app=APP))
    if program == "gunicorn":
        arguments = [*shlex.split(BARE), *arguments]
    with tempfile.TemporaryDirectory() as folder:
        for view in VIEWS:
            Path(folder, view).mkdir()
        with Server([*command_of(program), *arguments], port, environment={DIRECTORY: folder}) as server:
            yield server, Path(folder)


def command_of(program: str) -> list[str]:
    if program == "dualapp":  # from here, whether it is installed or not
        return [sys.executable, "-m", program]
    return [str(Path(sys.executable).with_name(program))]


def count(server: Server, notes: Path, requests: int) -> int:
    """Return how many of so many requests are in a view at once; all of them must be answered in the end."""
    with ThreadPoolExecutor(requests) as clients:
        answers = [clients.submit(ask, f"{server.url}/{notes.name}") for _ in range(requests)]
        at_once = settled(notes, requests)
        end_of(notes).touch()
        if not all(answer.result().endswith(b"ended") for answer in answers):
            raise RuntimeError(f"{notes.name}: not every request was answered")
    return at_once


def settled(notes: Path, most: int) -> int:
    """Return how many notes there are when no more come."""
    number, since = 0, time.monotonic()
    while time.monotonic() - since < QUIET and number < most:
        time.sleep(PAUSE)
        if (now := len(list(notes.iterdir()))) != number:
            number, since = now, time.monotonic()
    return number


def ask(url: str) -> bytes:
    with urlopen(url, timeout=LIMIT) as response:
        received: bytes = response.read()
    return received.strip()


def row(name: str, requests: int) -> list[int | str]:
    """Return the cells of the table for a server."""
    with serving(name) as (server, folder):
        numbers = [count(server, folder / view, requests) for view in VIEWS]
    return ["all" if number == requests else number for number in numbers]


def shown(cells: Sequence[object]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100, help="how many at once")
    parser.add_argument("--only", default="", help="servers whose line contains this")
    options = parser.parse_args()
    print(shown(["one process of", *VIEWS.values()]))
    print(shown(["---"] * (1 + len(VIEWS))))
    for name in SERVERS:
        if options.only in name:
            numbers = row(name, options.requests)
            print(
                shown([f"`{name}`", *("all" if number == options.requests else number for number in numbers)]),
                flush=True,
            )


if __name__ == "__main__":
    main()
