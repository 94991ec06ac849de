"""Count the instructions of a request, which do not depend on what else the machine does.

    python -m benchmarks.instructions [--only hello] [--without matcher] [--requests 400]

runs every case on both entries, and the mounted apps, in one process under `valgrind --tool=callgrind`, and prints
instructions per request. `--without` switches a shortcut off: matcher, plain, static, sessions, redirects, json or
parts.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import adapters
from benchmarks.calls import DRIVERS, Driver, Request
from benchmarks.cases import CASES, Case
from benchmarks.inprocess import OURS, app_of, carried
from dualapp import DualApp
from dualapp.shortcuts.switches import ALL

#: callgrind writes its counters down and starts from zero where this function of the C library is called.
MARK = "getpgid"
#: Requests that let the interpreter specialise what they run through.
WARM_UP = 100


@dataclass(frozen=True)
class Subject:
    """What is counted: some requests to an app on one entry."""

    name: str
    entry: str
    app: Callable[[], Any]
    #: Returns the requests, which may carry what the app has answered before.
    prepare: Callable[[Driver], list[Request]]
    #: How many there are.
    size: int = 1

    def rounds(self, requests: int) -> int:
        """Return how often all requests are sent, so that they are about so many."""
        return max(1, requests // self.size)


def chosen(only: str) -> list[Subject]:
    subjects = [
        subject_of(case, entry) for case in CASES for entry in DRIVERS if only in f"{case.name} {entry} {case.title}"
    ]
    mounted = [
        (f"{kind}_{entry}", where) for kind, _, entry in adapters.MOUNTED for where in ("alone", *adapters.MOUNTS)
    ]
    return subjects + [subject_of_mount(*each) for each in mounted if only in " ".join(["mounted", *each])]


def subject_of(case: Case, entry: str) -> Subject:
    def prepare(driver: Driver) -> list[Request]:
        return [carried(driver, case, request) for request, _ in case.exchanges]

    return Subject(f"{case.name} {entry}", entry, partial(app_of, OURS, entry, case), prepare, len(case.exchanges))


def subject_of_mount(way: str, where: str) -> Subject:
    request = adapters.request_to(where, "hello")
    app = partial(adapters.mounted, way, where)
    return Subject(f"mounted {way} {where}", way.partition("_")[2], app, lambda driver: [request])


def count(only: str, without: str, requests: int) -> dict[str, float]:
    """Return the instructions per request by subject."""
    with tempfile.TemporaryDirectory() as directory:
        command = [
            *("valgrind", "--tool=callgrind", f"--dump-before={MARK}", f"--callgrind-out-file={directory}/out"),
            *(sys.executable, "-m", __spec__.name, "--run", f"--only={only}", f"--without={without}"),
            f"--requests={requests}",
        ]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "0"}, stderr=subprocess.DEVNULL)
        # Each subject is between two marks, so that every other count is one of a subject.
        dumps = sorted(Path(directory).glob("out.*"), key=lambda path: int(path.suffix[1:]))
        counts = [total_of(dump) for dump in dumps][1::2]
    subjects = chosen(only)
    sizes = [subject.rounds(requests) * subject.size for subject in subjects]
    return {subject.name: total / size for subject, total, size in zip(subjects, counts, sizes, strict=True)}


def total_of(dump: Path) -> int:
    return next(int(line.split()[1]) for line in dump.read_text().splitlines() if line.startswith("totals:"))


def run(only: str, without: str, requests: int) -> None:
    """Send the requests: what runs under callgrind."""
    DualApp._shortcuts = ALL - {without}
    for subject in chosen(only):
        Context().run(send, subject, requests)


def send(subject: Subject, requests: int) -> None:
    with DRIVERS[subject.entry](subject.app()) as driver:
        prepared = subject.prepare(driver)
        driver.time(prepared, subject.rounds(WARM_UP))
        gc.collect()
        os.getpgid(0)
        # Without the context variables that the startup leaves: their hashes, which are addresses, may collide.
        Context().run(driver.time, prepared, subject.rounds(requests))
        os.getpgid(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only cases whose name, entry or title has this in it")
    parser.add_argument("--without", default="", choices=["", *sorted(ALL)], help="the shortcut to switch off")
    parser.add_argument("--requests", type=int, default=400, help="how many requests are counted")
    parser.add_argument("--run", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run(options.only, options.without, options.requests)
        return
    for name, instructions in count(options.only, options.without, options.requests).items():
        print(f"{name:24} {instructions:10.0f}")


if __name__ == "__main__":
    main()
