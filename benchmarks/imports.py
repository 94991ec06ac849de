"""How long `import dualapp` and the first request take, each time in a new process."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.rows import Row

PROGRAM = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
#: The first request in a process that has made the app and run its lifespan.
FIRST = """
import sys, time
from benchmarks.calls import DRIVERS, Request
from benchmarks.cases import CASES
from benchmarks.inprocess import app_of
with DRIVERS[sys.argv[2]](app_of(sys.argv[1], sys.argv[2], CASES[0])) as driver:
    started = time.process_time()
    driver.time([Request()], 1)
    print(time.process_time() - started)
"""
TIMES = 5


def rows() -> list[Row]:
    contestants = {name: partial(measure, PROGRAM.format(name)) for name in ("dualapp", "flask")}
    return [
        Row("import", "import", "ms", contestants, {"flask": 1.1}),
        *(first_row(entry, peer) for entry, peer in (("wsgi", "flask"), ("asgi", "quart"))),
    ]


def first_row(entry: str, peer: str) -> Row:
    contestants = {name: partial(measure, FIRST, name, entry) for name in ("dualapp", peer)}
    return Row(f"first {entry}", f"first request, {entry.upper()}", "ms", contestants, {peer: 1.2})


def measure(program: str, *arguments: str | float) -> float:
    """Return the milliseconds that a program tells when nothing has to be compiled, as each time but the first."""
    *words, _seconds = arguments
    command = [sys.executable, "-c", program, *map(str, words)]
    with TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
        _first, *others = [
            float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout)
            for _ in range(1 + TIMES)
        ]
    return median(others) * 1000
