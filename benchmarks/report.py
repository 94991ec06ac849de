"""The results of a run, as text for a terminal and as tables for two pages: what users gain, and targets for us."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.chart import chart
from benchmarks.rows import Comparison, Row, comparisons, shown

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE, TARGETS = DOCS / "benchmarks.md", DOCS / "benchmark-targets.md"
BEGIN, END = "<!-- results: made by `make bench` -->\n", "<!-- end of results -->\n"
#: The rows that compare everybody.
OVERVIEW = {"hello asgi": "ASGI, async views", "hello wsgi": "WSGI, sync views"}
HEAD = ["what", "ours", "peer", "its", "unit", "ratio", "of a round"]
TARGETS_HEAD = ["what", "peer", "ratio", "of a round", "target", ""]


def print_results(rows: Sequence[Row], run: Mapping[str, Any]) -> None:
    for name, value in run["environment"].items():
        print(f"{name}: {value}")
    for row in rows:
        for comparison in comparisons(row, run["figures"][row.key]):
            what, ours, peer, its, unit, ratio, spread, target, verdict = cells(comparison)
            print(f"{what:52} {ours:>8} {peer:>10} {its:>8} {unit:10} {ratio:>6} {spread:>12} {target:>9} {verdict}")


def write_pages(directory: Path, rows: Sequence[Row], run: Mapping[str, Any]) -> None:
    """Write the chart, and the pages with the results in the place that each keeps for them."""
    overview = {title: run["figures"][key] for key, title in OVERVIEW.items() if key in run["figures"]}
    medians = {title: {name: median(values) for name, values in figures.items()} for title, figures in overview.items()}
    (directory / "benchmarks.svg").write_text(
        chart('Microseconds per request of {"hello": "world"}: the fewer, the better', medians)
    )
    compared = [cells(each) for row in rows for each in comparisons(row, run["figures"][row.key])]
    write(directory, PAGE, results(compared, run, medians))
    write(directory, TARGETS, table(TARGETS_HEAD, [targets_of(each) for each in compared if each[-1]]))


def write(directory: Path, page: Path, lines: Iterable[str]) -> None:
    """Write a page with these lines between its marks."""
    text = "\n".join(lines).replace("\\", r"\\")
    around = re.compile(f"(?<={re.escape(BEGIN)}).*(?={re.escape(END)})", re.DOTALL)
    (directory / page.name).write_text(around.sub(f"\n{text}\n", page.read_text()))


def results(
    compared: Sequence[list[str]], run: Mapping[str, Any], overview: Mapping[str, Mapping[str, float]]
) -> Iterator[str]:
    yield "![Microseconds per request, by framework](benchmarks.svg)\n"
    for title, medians in overview.items():
        yield from table([title, "us per request"], sorted(medians.items(), key=lambda item: item[1]))
    yield from table(HEAD, [each[: len(HEAD)] for each in compared])
    yield f"{run['rounds']} rounds of {run['seconds']:g} s each, on:\n"
    yield from table(["", ""], run["environment"].items())


def targets_of(compared: list[str]) -> list[str]:
    what, _, peer, _, _, *ratio_and_target = compared
    return [what, peer, *ratio_and_target]


def table(head: Sequence[str], lines: Any) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for line in lines:
        yield f"| {' | '.join(shown(cell) for cell in line)} |"
    yield ""


def cells(comparison: Comparison) -> list[str]:
    row, limit, of_rounds = comparison.row, comparison.limit, comparison.of_rounds
    target = "" if limit is None else f"{'at least' if row.more_is_better else 'at most'} {shown(limit)}"
    spread = f"{shown(min(of_rounds))} to {shown(max(of_rounds))}"
    ours, theirs, ratio = (
        shown(each) for each in (median(comparison.ours), median(comparison.theirs), comparison.ratio)
    )
    return [row.title, ours, comparison.peer, theirs, row.unit, ratio, spread, target, comparison.verdict]
