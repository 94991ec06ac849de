"""What more processes gain: requests per second of one and of more workers, as many as there are cores.

    python -m benchmarks.processes [--quick] [--into DIRECTORY]

64 connections ask, and the client that sends the requests takes its share of the same cores. A cell has the requests
per second in the best of some rounds, since what else the machine does only takes away, and how many times those of one
worker they are. The table goes to docs/servers.md: run it on a machine that has nothing else to do.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.load import requests_answered
from benchmarks.report import DOCS, table, write
from benchmarks.servers import GTHREAD_8, GUNICORN, UVICORN, Setup

VIEWS = {"hello": "returns a `dict`", "compute": "computes for 1 ms", "wait_longer": "waits for 5 ms"}
HEAD = ["requests/s of a view that", *VIEWS.values()]
#: The entry of each server, and its command up to the workers.
SERVERS = {
    "gunicorn": ("wsgi", GUNICORN),
    "gunicorn -k gthread --threads 8": ("wsgi", GTHREAD_8),
    "uvicorn": ("asgi", UVICORN),
}
CONNECTIONS = 64
#: Until all workers have started and have answered something.
WARMING = 2.0
Figures = dict[tuple[str, int, str], list[float]]


def workers() -> list[int]:
    """Return one, two, four, up to the number of cores."""
    cores = os.cpu_count() or 1
    return sorted({min(2**power, cores) for power in range(cores.bit_length() + 1)})


def setup(server: str, workers: int, view: str) -> Setup:
    entry, command = SERVERS[server]
    app = f"'{{module}}:{view}()'" if entry == "wsgi" else f"{{module}}:{view}"
    return Setup(entry, f"{command} --workers {workers} {app}", CONNECTIONS)


def speed(server: str, workers: int, view: str, seconds: float) -> float:
    with setup(server, workers, view).serving("dualapp") as served:
        requests_answered(served.port, WARMING, CONNECTIONS)
        count, elapsed = requests_answered(served.port, seconds, CONNECTIONS)
    return count / elapsed


def measure(rounds: int, seconds: float) -> Figures:
    figures: Figures = {(server, number, view): [] for server in SERVERS for number in workers() for view in VIEWS}
    for number in range(rounds):
        for (server, count, view), values in figures.items():
            print(
                f"\rround {number + 1} of {rounds}: {server}, {count}, {view:20}", end="", file=sys.stderr, flush=True
            )
            values.append(speed(server, count, view, seconds))
    print(file=sys.stderr)
    return figures


def lines(figures: Figures) -> Iterator[list[str]]:
    for server in SERVERS:
        for number in workers():
            cells = [cell(figures[server, number, view], figures[server, 1, view]) for view in VIEWS]
            yield [f"`{server} --workers {number}`", *cells]


def results(figures: Figures) -> Iterator[str]:
    yield f"Requests per second with {os.cpu_count()} cores, and how many times those of one worker they are."
    yield f"{CONNECTIONS} connections ask, from the same machine, so that the client takes a share of the cores, too:\n"
    yield from table(HEAD, lines(figures))


def cell(rates: list[float], of_one: list[float]) -> str:
    rate = f"{max(rates):,.0f}"
    return rate if rates is of_one else f"{rate} ({max(rates) / max(of_one):.1f} times)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round of a second each, into build/")
    parser.add_argument("--into", type=Path, help="where the page goes")
    options = parser.parse_args()
    directory = options.into or (DOCS.parent / "build" / "benchmarks" if options.quick else DOCS)
    directory.mkdir(parents=True, exist_ok=True)
    figures = measure(*((1, 1.0) if options.quick else (5, 3.0)))
    print("\n".join(results(figures)))
    write(directory, DOCS / "servers.md", results(figures), "processes")


if __name__ == "__main__":
    main()
