"""Requests per second under real servers with one worker, what each costs that worker, and its memory."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.load import CONNECTIONS, requests_answered
from benchmarks.rows import Row
from tests.support.server_process import HOST, Server, free_port

# The configuration that teaches gunicorn more than it knows would load us into the workers of the others.
GUNICORN = "gunicorn --config tests/lifecycle/bare.conf.py --log-level warning --bind {host}:{port} "
WARMING = 0.5
REQUESTS = 1000


@dataclass(frozen=True)
class Setup:
    entry: str
    command: str
    connections: int = CONNECTIONS

    @contextmanager
    def serving(self, framework: str) -> Iterator[Server]:
        port = free_port()
        module = f"benchmarks.frameworks.{framework}_{self.entry}"
        script, *arguments = shlex.split(self.command.format(host=HOST, port=port, module=module))
        with Server([str(Path(sys.executable).with_name(script)), *arguments], port) as server:
            yield server


UVICORN = (
    "uvicorn --host {host} --port {port} --http httptools --loop uvloop --no-access-log --log-level warning --factory "
)
GTHREAD_8 = GUNICORN + "--worker-class gthread --threads 8 "
SETUPS = {
    "uvicorn": Setup("asgi", UVICORN + "{module}:hello"),
    "uvicorn, 1 ms": Setup("asgi", UVICORN + "{module}:wait", connections=64),
    "uvicorn, crossed": Setup("asgi", UVICORN + "{module}:crossed"),
    "gunicorn sync": Setup("wsgi", GUNICORN + "--worker-class sync '{module}:hello()'"),
    "gunicorn gthread": Setup("wsgi", GUNICORN + "--worker-class gthread --threads 4 '{module}:hello()'"),
    "gunicorn gthread, def": Setup("wsgi", GTHREAD_8 + "'{module}:wait_longer()'", connections=64),
    "gunicorn gthread, async def": Setup("asgi", GTHREAD_8 + "'{module}:wait_longer()'", connections=64),
}


def rows() -> list[Row]:
    return [
        speed_row("uvicorn", 0.8),
        speed_row("uvicorn, 1 ms", 0.9, "a view that waits 1 ms, 64 connections, uvicorn"),
        speed_row("gunicorn sync", 0.88),
        speed_row("gunicorn gthread", 0.88),
        Row(
            "gthread, 5 ms",
            "`async def` against `def`, a wait of 5 ms, gunicorn gthread",
            "requests/s",
            {colour: partial(speed, f"gunicorn gthread, {colour}", "dualapp") for colour in ("async def", "def")},
            {"def": 0.95},
            more_is_better=True,
        ),
        Row(
            "uvicorn, def",
            "processor time of a `def` view, uvicorn",
            "us",
            {name: partial(cost, "uvicorn, crossed", name) for name in ("dualapp", "starlette")},
            {"starlette": 0.6},
        ),
        memory_row("gunicorn sync", "flask", "Rss", 1.2),
        memory_row("gunicorn sync", "flask", "Pss", 1.2),
        memory_row("uvicorn", "quart", "Rss", None),
    ]


def speed_row(setup: str, least: float, title: str = "") -> Row:
    title = title or f"dict, static route, {setup}"
    contestants = {name: partial(speed, setup, name) for name in ("dualapp", "bare")}
    return Row(setup, title, "requests/s", contestants, {"bare": least}, more_is_better=True)


def memory_row(setup: str, peer: str, kind: str, most: float | None) -> Row:
    contestants = {name: partial(memory, setup, name, kind) for name in ("dualapp", peer)}
    return Row(f"{kind} {setup}", f"{kind.upper()} of a worker, {setup}", "MiB", contestants, {peer: most})


def speed(setup: str, framework: str, seconds: float) -> float:
    with SETUPS[setup].serving(framework) as server:
        requests_answered(server.port, WARMING, SETUPS[setup].connections)
        count, elapsed = requests_answered(server.port, seconds, SETUPS[setup].connections)
        return count / elapsed


def cost(setup: str, framework: str, seconds: float) -> float:
    """Return the microseconds of the worker's processor time for one request."""
    with SETUPS[setup].serving(framework) as server:
        requests_answered(server.port, WARMING, SETUPS[setup].connections)
        before = processor_time(worker_of(server.pid))
        count, _ = requests_answered(server.port, seconds, SETUPS[setup].connections)
        return (processor_time(worker_of(server.pid)) - before) / count / 1000


def memory(setup: str, framework: str, kind: str, _seconds: float) -> float:
    """Return how many MiB a worker holds that has answered some requests."""
    with SETUPS[setup].serving(framework) as server:
        for _ in range(REQUESTS):
            get(server.port)
        counted = Path(f"/proc/{worker_of(server.pid)}/smaps_rollup").read_text()
    return int(re.findall(rf"^{kind}: +(\d+) kB", counted, re.MULTILINE)[0]) / 1024


def get(port: int) -> None:
    connection = HTTPConnection(HOST, port, timeout=10)
    connection.request("GET", "/")
    response = connection.getresponse()
    if response.status != 200:
        raise RuntimeError(f"{response.status} {response.read()!r}")
    response.read()
    connection.close()


def worker_of(pid: int) -> int:
    """Return the process that answers: the only child of one that has children, else itself."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else pid


def processor_time(pid: int) -> int:
    """Return the nanoseconds for which the threads of a process have run."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))
