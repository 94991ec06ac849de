"""Measure everything, ours and the peers' in turn, round by round; print it, and write it to docs/.

python -m benchmarks [--quick] [--rounds 7] [--only hello] [--into DIRECTORY]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks import adapters, imports, inprocess, servers, waiting
from benchmarks.environment import environment, require_compiled
from benchmarks.report import print_results, write_pages
from benchmarks.rows import MISSED, WITHIN, Comparison, Row, comparisons

ROOT = Path(__file__).resolve().parent.parent
Figures = dict[str, dict[str, list[float]]]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two short rounds, into build/ unless told otherwise")
    parser.add_argument("--rounds", type=int, help="how many rounds, 7 unless given")
    parser.add_argument("--seconds", type=float, help="how long one measurement takes, 1 unless given")
    parser.add_argument("--only", default="", help="only rows whose title or key has this in it")
    parser.add_argument("--into", type=Path, help="where benchmarks.json, the chart and the pages go")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 7)
    options.seconds = options.seconds or (0.2 if options.quick else 1.0)
    options.into = options.into or (ROOT / "build" / "benchmarks" if options.quick or options.only else ROOT / "docs")
    return options


def measure(rows: list[Row], rounds: int, seconds: float) -> Figures:
    figures: Figures = {row.key: {name: [] for name in row.contestants} for row in rows}
    for number in range(rounds):
        for row in rows:
            print(f"\rround {number + 1} of {rounds}: {row.title:60}", end="", file=sys.stderr, flush=True)
            for name, measure_one in row.contestants.items():
                figures[row.key][name].append(measure_one(seconds))
    print(file=sys.stderr)
    return figures


def main() -> int:
    options = arguments()
    require_compiled()
    rows = [*inprocess.rows(), *waiting.rows(), *adapters.rows(), *servers.rows(), *imports.rows()]
    rows = [row for row in rows if options.only in f"{row.key} {row.title}"]
    figures = measure(rows, options.rounds, options.seconds)
    run = {"environment": environment(), "rounds": options.rounds, "seconds": options.seconds, "figures": figures}
    options.into.mkdir(parents=True, exist_ok=True)
    (options.into / "benchmarks.json").write_text(json.dumps(run, indent=1) + "\n")
    print_results(rows, run)
    write_pages(options.into, rows, run)
    return print_missed([each for row in rows for each in comparisons(row, figures[row.key])])


def print_missed(compared: list[Comparison]) -> int:
    """Name the targets that are not met, and return the exit status: 1 if one is missed by more than the spread."""
    for verdict in (WITHIN, MISSED):
        for each in compared:
            if each.verdict == verdict:
                print(f"{verdict}: {each.row.title}, against {each.peer}")
    return 1 if any(each.verdict == MISSED for each in compared) else 0


if __name__ == "__main__":
    sys.exit(main())
