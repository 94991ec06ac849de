"""What a request costs when there is more of something: routes, hooks, headers, bytes, other requests at once.

    python -m benchmarks.growth [--quick] [--rounds 5] [--only routes] [--into DIRECTORY]
    python -m benchmarks.growth --measure dualapp asgi routes 0.2

The processor's time for one request, without a server: Flask beside ours under WSGI, Quart and Starlette under ASGI.
The second form measures all sizes of one line in this process, and prints microseconds per request.

A line that bends up is a fault: the last unit of work then costs more than those before. Its bend is how many times as
high as the line its chord is, from the first point to the last, where that is most; 1 for a straight line.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import waiting
from benchmarks.calls import PIECEWISE, Driver, Request
from benchmarks.cases import Expected
from benchmarks.environment import environment
from benchmarks.growing import GROWTHS, app_of
from benchmarks.inprocess import BATCH, OURS, batch_size
from benchmarks.lines import Panel, line_chart
from benchmarks.report import DETAILS, table, write

ROOT = Path(__file__).resolve().parent.parent
TITLE = "Microseconds per request: the fewer, and the flatter, the better"
MARK = "growth"
PEERS = {"wsgi": ("flask",), "asgi": ("quart", "starlette")}
#: By kind of growth, entry and framework: the figures of each round, one for each size.
Figures = dict[str, dict[str, dict[str, list[list[float]]]]]


def lines(only: str) -> Iterator[tuple[str, str, str]]:
    """Name the kind of growth, the entry and the framework of each line."""
    for kind, growth in GROWTHS.items():
        if only in f"{kind} {growth.title}":
            for entry in growth.entries:
                yield from ((kind, entry, name) for name in (OURS, *PEERS[entry]) if name in growth.frameworks)


def measure_rounds(only: str, rounds: int, seconds: float) -> Figures:
    figures: Figures = {}
    for number in range(rounds):
        for kind, entry, framework in lines(only):
            title = f"{kind} {entry} {framework}"
            print(f"\rround {number + 1} of {rounds}: {title:40}", end="", file=sys.stderr, flush=True)
            command = [sys.executable, "-m", __spec__.name, "--measure", framework, entry, kind, str(seconds)]
            said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            figures.setdefault(kind, {}).setdefault(entry, {}).setdefault(framework, []).append(json.loads(said))
    print(file=sys.stderr)
    return figures


def measure(framework: str, entry: str, kind: str, size: int, seconds: float) -> float:
    """Return the processor's microseconds for one request; the least, as what else the machine does only adds to it."""
    if kind == "at_once":
        return waiting.measure(framework, "wait", size, seconds)
    growth = GROWTHS[kind]
    with PIECEWISE[entry](app_of(framework, entry, kind, size)) as driver:
        requests = growth.requests(size)
        for request in requests:
            Expected(json={"value": growth.value(size)}).check(driver.ask(request))
        number = batch_size(driver, requests)
        gc.collect()
        return min(batch(driver, requests, number) for _ in range(max(3, round(seconds / BATCH))))


def batch(driver: Driver, requests: Sequence[Request], number: int) -> float:
    started = time.process_time()
    driver.time(requests, number)
    return (time.process_time() - started) / number / len(requests) * 1e6


def medians(rounds: Sequence[Sequence[float]]) -> list[float]:
    return [median(figures) for figures in zip(*rounds, strict=True)]


def bend(kind: str, costs: Sequence[float]) -> float:
    """Return how many times as high as the line its chord is, where that is most."""
    sizes = GROWTHS[kind].sizes
    if kind == "at_once":  # what all of them cost, where the other kinds have the cost of one request
        costs = [cost * size for cost, size in zip(costs, sizes, strict=True)]
    slope = (costs[-1] - costs[0]) / (sizes[-1] - sizes[0])
    return max((costs[0] + slope * (size - sizes[0])) / cost for size, cost in zip(sizes, costs, strict=True))


def panels(figures: Figures) -> list[Panel]:
    return [
        Panel(
            f"{growth.title}, {entry.upper()}",
            growth.sizes,
            {framework: medians(rounds) for framework, rounds in figures[kind][entry].items()},
            growth.is_by_decades,
        )
        for kind, growth in GROWTHS.items()
        if kind in figures
        for entry in growth.entries
    ]


def tables(figures: Figures) -> Iterator[str]:
    for kind, by_entry in figures.items():
        growth = GROWTHS[kind]
        yield from table([growth.title, *(f"{size:,}" for size in growth.sizes), "bend"], cells(kind, by_entry))


def cells(kind: str, by_entry: Mapping[str, Mapping[str, list[list[float]]]]) -> Iterator[list[Any]]:
    for entry, by_framework in by_entry.items():
        for framework, rounds in by_framework.items():
            costs = medians(rounds)
            yield [f"{framework}, {entry.upper()}", *costs, bend(kind, costs)]


def main() -> None:
    options = arguments()
    if options.measure:
        framework, entry, kind, seconds = options.measure
        print(json.dumps([measure(framework, entry, kind, size, float(seconds)) for size in GROWTHS[kind].sizes]))
        return
    figures = measure_rounds(options.only, options.rounds, options.seconds)
    run = {"environment": environment(), "rounds": options.rounds, "seconds": options.seconds, "figures": figures}
    options.into.mkdir(parents=True, exist_ok=True)
    (options.into / "benchmarks-growth.json").write_text(json.dumps(run) + "\n")
    write_pages(options.into, run)
    print("\n".join(tables(figures)))


def write_pages(directory: Path, run: Mapping[str, Any]) -> None:
    (directory / "benchmarks-growth.svg").write_text(line_chart(TITLE, panels(run["figures"])))
    system = f"{run['environment']['Python']}, {run['environment']['system']}, {run['environment']['day']}"
    rounds = f"Microseconds, medians of {run['rounds']} rounds, on {system}.\n"
    write(directory, DETAILS, [*tables(run["figures"]), rounds], MARK)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two short rounds, into build/ unless told otherwise")
    parser.add_argument("--rounds", type=int, help="how many rounds, 5 unless given")
    parser.add_argument("--only", default="", help="only what grows in a way that has this in its name")
    parser.add_argument("--into", type=Path, help="where the figures, the chart and the page go")
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.seconds = 0.1 if options.quick else 0.3
    options.into = options.into or (ROOT / "build" / "benchmarks" if options.quick or options.only else ROOT / "docs")
    return options


if __name__ == "__main__":
    main()
