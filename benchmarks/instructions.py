"""Count the instructions of a request, which do not depend on what else the machine does.

    python -m benchmarks.instructions [--only hello] [--without matcher] [--requests 400]

runs every case on both entries in one process under `valgrind --tool=callgrind`, and prints instructions per request.
`--without` switches a shortcut off: matcher, plain, static, sessions, redirects, json or parts.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.calls import DRIVERS
from benchmarks.cases import CASES, Case
from benchmarks.inprocess import OURS, app_of, carried
from dualapp import DualApp
from dualapp.shortcuts.switches import ALL

#: callgrind writes its counters down and starts from zero where this function of the C library is called.
MARK = "getpgid"
#: Requests that let the interpreter specialise what they run through.
WARM_UP = 100


def chosen(only: str) -> list[tuple[Case, str]]:
    return [(case, entry) for case in CASES for entry in DRIVERS if only in f"{case.name} {entry} {case.title}"]


def count(only: str, without: str, requests: int) -> dict[str, float]:
    """Return the instructions per request by case and entry."""
    with tempfile.TemporaryDirectory() as directory:
        command = [
            *("valgrind", "--tool=callgrind", f"--dump-before={MARK}", f"--callgrind-out-file={directory}/out"),
            *(sys.executable, "-m", __spec__.name, "--run", f"--only={only}", f"--without={without}"),
            f"--requests={requests}",
        ]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "0"}, stderr=subprocess.DEVNULL)
        # Each case is between two marks, so that every other count is one of a case.
        dumps = sorted(Path(directory).glob("out.*"), key=lambda path: int(path.suffix[1:]))
        counts = [total_of(dump) for dump in dumps][1::2]
    names = [f"{case.name} {entry}" for case, entry in chosen(only)]
    sizes = [rounds(case, requests) * len(case.exchanges) for case, _ in chosen(only)]
    return {name: total / size for name, total, size in zip(names, counts, sizes, strict=True)}


def rounds(case: Case, requests: int) -> int:
    """Return how often all requests of a case are sent, so that they are about so many."""
    return max(1, requests // len(case.exchanges))


def total_of(dump: Path) -> int:
    return next(int(line.split()[1]) for line in dump.read_text().splitlines() if line.startswith("totals:"))


def run(only: str, without: str, requests: int) -> None:
    """Send the requests: what runs under callgrind."""
    DualApp._shortcuts = ALL - {without}
    for case, entry in chosen(only):
        with DRIVERS[entry](app_of(OURS, entry, case)) as driver:
            prepared = [carried(driver, case, request) for request, _ in case.exchanges]
            driver.time(prepared, rounds(case, WARM_UP))
            gc.collect()
            os.getpgid(0)
            driver.time(prepared, rounds(case, requests))
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
        print(f"{name:20} {instructions:10.0f}")


if __name__ == "__main__":
    main()
