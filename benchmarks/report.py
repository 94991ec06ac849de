"""The results of a run, as text for a terminal, as charts and a table for users, and as tables for contributors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.chart import chart
from benchmarks.rows import Comparison, Row, comparisons, shown

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE, DETAILS = DOCS / "benchmarks.md", DOCS / "benchmarks-details.md"
#: The rows that compare everybody, and those with a wait that do.
HELLO = {"hello asgi": "ASGI, async views", "hello wsgi": "WSGI, sync views"}
WAITING = {
    f"{case} {at_once} asgi": f"{title}{at_once:,} at once"
    for case, title in {"wait": "", "wait_json": "with a JSON body, "}.items()
    for at_once in (50, 1000)
}
FAMILY, ALONE = ("flask", "quart", "starlette"), ("bare",)
#: The peers that users are told about, by the first word of a row's key.
TOLD = dict.fromkeys(["hello", "crossed", "form", "visits", "template", "static_file", "upload"], FAMILY)
TOLD |= {"uvicorn": ALONE, "gunicorn": ALONE, "Rss": FAMILY, "import": FAMILY}
HEAD = ["what", "ours", "peer", "its", "unit", "ratio", "of a round", "target", ""]
TOLD_HEAD = HEAD[: HEAD.index("of a round")]


def print_results(rows: Sequence[Row], run: Mapping[str, Any]) -> None:
    for name, value in run["environment"].items():
        print(f"{name}: {value}")
    for row in rows:
        for comparison in comparisons(row, run["figures"][row.key]):
            what, ours, peer, its, unit, ratio, spread, target, verdict = cells(comparison)
            print(f"{what:52} {ours:>8} {peer:>10} {its:>8} {unit:10} {ratio:>6} {spread:>12} {target:>9} {verdict}")


def write_pages(directory: Path, rows: Sequence[Row], run: Mapping[str, Any]) -> None:
    """Write the charts, and the pages with the results in the places that they keep for them."""
    hello, waiting = (medians(run["figures"], titles) for titles in (HELLO, WAITING))
    hello_title = 'Microseconds per request of {"hello": "world"}: the fewer, the better'
    waiting_title = "Microseconds of processor time for a request that waits 1 ms, ASGI"
    (directory / "benchmarks.svg").write_text(chart(hello_title, hello))
    (directory / "benchmarks-waiting.svg").write_text(chart(waiting_title, waiting))
    compared = [each for row in rows for each in comparisons(row, run["figures"][row.key])]
    told = [each for each in compared if each.peer in TOLD.get(re.split("[ ,]", each.row.key)[0], ())]
    write(directory, PAGE, table(TOLD_HEAD, [cells(each)[: len(TOLD_HEAD)] for each in told]))
    write(directory, DETAILS, results(compared, run, hello | waiting))


def medians(figures: Mapping[str, Any], titles: Mapping[str, str]) -> dict[str, dict[str, float]]:
    return {
        title: {name: median(values) for name, values in figures[key].items()}
        for key, title in titles.items()
        if key in figures
    }


def write(directory: Path, page: Path, lines: Iterable[str], mark: str = "results") -> None:
    """Write a page with these lines between the marks that name them; what was written there before stays."""
    before = directory / page.name
    begin, end = marks(mark)
    text = "\n".join(lines)
    around = re.compile(f"(?<={re.escape(begin)}).*(?={re.escape(end)})", re.DOTALL)
    before.write_text(around.sub(lambda _: f"\n{text}\n", (before if before.exists() else page).read_text()))


def marks(mark: str) -> tuple[str, str]:
    return f"<!-- {mark}: made by `make bench` -->\n", f"<!-- end of {mark} -->\n"


def results(
    compared: Sequence[Comparison], run: Mapping[str, Any], overview: Mapping[str, Mapping[str, float]]
) -> Iterator[str]:
    for title, figures in overview.items():
        yield from table([title, "us per request"], sorted(figures.items(), key=lambda item: item[1]))
    yield from table(HEAD, [cells(each) for each in compared])
    yield f"{run['rounds']} rounds of {run['seconds']:g} s each, on:\n"
    yield from table(["", ""], run["environment"].items())


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
