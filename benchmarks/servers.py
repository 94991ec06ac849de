"""Requests per second under real servers with one worker, and the memory of that worker."""

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

from benchmarks.load import CONNECTIONS, requests_per_second
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
SETUPS = {
    "uvicorn": Setup("asgi", UVICORN + "{module}:hello"),
    "uvicorn, 1 ms": Setup("asgi", UVICORN + "{module}:wait", connections=64),
    "gunicorn sync": Setup("wsgi", GUNICORN + "--worker-class sync '{module}:hello()'"),
    "gunicorn gthread": Setup("wsgi", GUNICORN + "--worker-class gthread --threads 4 '{module}:hello()'"),
}


def rows() -> list[Row]:
    return [
        speed_row("uvicorn", 0.8),
        speed_row("uvicorn, 1 ms", 0.9, "a view that waits 1 ms, 64 connections, uvicorn"),
        speed_row("gunicorn sync", 0.88),
        speed_row("gunicorn gthread", 0.88),
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
        requests_per_second(server.port, WARMING, SETUPS[setup].connections)
        return requests_per_second(server.port, seconds, SETUPS[setup].connections)


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
