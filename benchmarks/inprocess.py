"""How long each framework takes for each case, without a server.

    python -m benchmarks.inprocess dualapp asgi hello 0.5

measures one framework with one case in this process, for half a second, and prints microseconds per request.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from statistics import median
from typing import Any

from benchmarks.calls import DRIVERS, Driver, Request
from benchmarks.cases import CASES, LARGE, Case
from benchmarks.rows import Row

BATCH = 0.02
OURS = "dualapp"


def rows() -> list[Row]:
    by_name = {case.name: case for case in CASES}
    return [row_of(case, entry) for case in [*CASES, *LARGE] for entry in case.limits] + [
        Row(
            f"routes {entry}",
            f"1,000 routes against 10, {entry.upper()}",
            "us",
            {
                "1,000": partial(measure_apart, OURS, entry, by_name["routes_1000"].name),
                "10": partial(measure_apart, OURS, entry, by_name["routes_10"].name),
            },
            {"10": 1.2},
        )
        for entry in DRIVERS
    ]


def row_of(case: Case, entry: str) -> Row:
    peers = case.limits[entry]
    return Row(
        f"{case.name} {entry}",
        f"{case.title}, {entry.upper()}",
        "us",
        {name: partial(measure_apart, name, entry, case.name) for name in (OURS, *peers)},
        peers,
    )


def measure_apart(framework: str, entry: str, case: str, seconds: float) -> float:
    """Measure in a new process, which knows of no other framework."""
    command = [sys.executable, "-m", __spec__.name, framework, entry, case, str(seconds)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def measure(framework: str, entry: str, case: Case, seconds: float) -> float:
    with DRIVERS[entry](app_of(framework, entry, case)) as driver:
        requests = checked(driver, case)
        number = batch_size(driver, requests)
        batches = [driver.time(requests, number) for _ in range(max(3, round(seconds / BATCH)))]
        checked(driver, case)
    return median(batches)


def app_of(framework: str, entry: str, case: Case) -> Any:
    app = getattr(import_module(f"benchmarks.frameworks.{framework}_{entry}"), case.name)()
    return app.wsgi if framework == OURS and entry == "wsgi" else app  # as gunicorn and uvicorn are told in the README


def checked(driver: Driver, case: Case) -> list[Request]:
    """Ask for everything twice, and return the second requests if their answers are right."""
    requests = [carried(driver, case, request) for request, _ in case.exchanges]
    for request, (_, expected) in zip(requests, case.exchanges, strict=True):
        expected.check(driver.ask(request))
    return requests


def carried(driver: Driver, case: Case, request: Request) -> Request:
    """Ask once, and return the request that follows."""
    answer = driver.ask(request)
    fields = [(theirs, answer.header(name).partition(";")[0]) for name, theirs in case.carries.items()]
    return replace(request, headers=(*request.headers, *fields))


def batch_size(driver: Driver, requests: Sequence[Request]) -> int:
    """Warm up, and find how often the requests are to be asked for a batch of `BATCH` seconds."""
    number, seconds = 1, 0.0
    while seconds < BATCH:
        number *= 2
        seconds = driver.time(requests, number) * number * len(requests) / 1e6
    return max(1, round(number * BATCH / seconds))


if __name__ == "__main__":
    framework, entry, name, seconds = sys.argv[1:]
    print(measure(framework, entry, next(case for case in [*CASES, *LARGE] if case.name == name), float(seconds)))
