"""The benchmarks ask for the right things: ours and the family's apps give the answers of each case."""

from __future__ import annotations

import importlib
import re
import shlex
import xml.etree.ElementTree as xml
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from benchmarks import growth, processes, report, waiting
from benchmarks.__main__ import print_missed
from benchmarks.calls import DRIVERS, Answer, Request
from benchmarks.cases import CASES, LARGE, Case, Wrong
from benchmarks.chart import chart
from benchmarks.growing import GROWTHS
from benchmarks.inprocess import app_of, checked, rows
from benchmarks.lines import Panel, decades, line_chart, short, steps
from benchmarks.rows import MET, MISSED, WITHIN, Row, comparisons

ALL = [*CASES, *LARGE]
FAMILY = ["bare", "flask", "quart"]
THEIRS = [
    (peer, entry, case) for case in ALL for entry, peers in case.limits.items() for peer in peers if peer in FAMILY
]


def never(seconds: float) -> float:
    raise AssertionError("not to be measured")


@pytest.mark.parametrize("entry", DRIVERS)
@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_our_apps_answer_each_case(entry: str, case: Case) -> None:
    with DRIVERS[entry](app_of("dualapp", entry, case)) as driver:
        requests = checked(driver, case)
        assert len(requests) == len(case.exchanges)
        assert driver.time(requests[:1], 3) > 0


@pytest.mark.parametrize(("peer", "entry", "case"), THEIRS, ids=lambda value: getattr(value, "name", value))
def test_the_familys_apps_answer_their_cases(peer: str, entry: str, case: Case) -> None:
    with DRIVERS[entry](app_of(peer, entry, case)) as driver:
        assert checked(driver, case)


@pytest.mark.parametrize(
    "wrong", [Answer(500, [], b'{"hello":"world"}'), Answer(200, [], b"{}"), Answer(200, [], b'{"hello":"world"}')]
)
def test_a_wrong_answer_is_not_measured(wrong: Answer) -> None:
    with pytest.raises(Wrong):
        CASES[0].exchanges[0][1].check(wrong)


def test_each_peer_has_an_app_for_each_of_its_cases() -> None:
    """Read from the sources: most of the peers are not installed here."""
    for case in ALL:
        for entry, peers in case.limits.items():
            for peer in peers:
                spec = importlib.util.find_spec(f"benchmarks.frameworks.{peer}_{entry}")
                assert spec is not None, (peer, entry)
                assert case.name in compile_names(spec.origin), (peer, entry, case.name)


def compile_names(path: Any) -> set[str]:
    with open(path) as source:
        return set(compile(source.read(), path, "exec").co_names)


def test_a_server_keeps_who_asks_for_more_waiting_until_all_is_sent() -> None:
    asked: list[Callable[..., Any]] = []

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        assert await receive() == {"type": "http.request", "body": b"sent", "more_body": False}
        waiting = receive()
        with pytest.raises(StopIteration) if asked else pytest.raises(RuntimeError):
            waiting.send(None)
            raise RuntimeError("it waits")
        waiting.close()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})
        assert await receive() == {"type": "http.disconnect"}

    with DRIVERS["asgi"](app) as driver:
        assert driver.ask(Request(body=b"sent")) == Answer(200, [], b"")


@pytest.mark.parametrize(
    ("more_is_better", "ours", "verdict"),
    [
        (False, [1.0, 2.0, 3.0], MET),
        (False, [2.1, 2.5, 3.0], WITHIN),
        (False, [3.0, 3.0, 3.0], MISSED),
        (True, [3.0, 3.0, 3.0], MET),
        (True, [1.0, 1.5, 2.0], WITHIN),
        (True, [1.0, 1.0, 1.0], MISSED),
    ],
)
def test_a_row_compares_medians_and_is_missed_if_no_round_meets_its_limit(
    more_is_better: bool, ours: list[float], verdict: str
) -> None:
    row = Row("key", "title", "us", {"us": never, "them": never}, {"them": 0.5}, more_is_better)
    [comparison] = comparisons(row, {"us": ours, "them": [4.0, 5.0, 4.0]})
    assert comparison.ratio == sorted(ours)[1] / 4
    assert comparison.of_rounds == [ours[0] / 4, ours[1] / 5, ours[2] / 4]
    assert comparison.verdict == verdict


@pytest.mark.parametrize(("ours", "status"), [([1.0, 1.0], 0), ([1.0, 9.0], 0), ([9.0, 9.0], 1)])
def test_the_exit_status_is_that_of_what_is_missed_in_every_round(ours: list[float], status: int) -> None:
    row = Row("key", "title", "us", {"us": never, "them": never, "others": never}, {"them": 0.5, "others": None})
    assert print_missed(comparisons(row, {"us": ours, "them": [4.0, 4.0], "others": [1.0, 1.0]})) == status


@pytest.mark.parametrize(
    ("page", "line"),
    [
        (report.PAGE, "| dict, static route, ASGI | 12.5 | quart | 12.5 | us | 1 |\n"),
        (report.DETAILS, "| falcon | 12.5 | us | 1 | 1 to 1 | at most 0.75 | missed |\n"),
    ],
    ids=["users", "contributors"],
)
def test_a_page_keeps_its_words_and_gets_the_results(page: Path, line: str, tmp_path: Path) -> None:
    row, *_ = rows()
    figures = {name: [12.5, 10.0, 1000.0] for name in row.contestants}
    run = {"environment": {"Python": "3"}, "rounds": 3, "seconds": 1.0, "figures": {row.key: figures}}
    report.write_pages(tmp_path, [row], run)
    begin, end = report.marks("results")
    before, _, after = (tmp_path / page.name).read_text().partition(begin)
    written, end_found, words = after.partition(end)
    assert page.read_text().startswith(before)
    assert end_found
    assert page.read_text().endswith(words)
    assert line in written


def test_a_page_keeps_what_another_benchmark_has_written(tmp_path: Path) -> None:
    report.write(tmp_path, report.DETAILS, ["the results"])
    report.write(tmp_path, report.DETAILS, ["the growth"], "growth")
    written = (tmp_path / report.DETAILS.name).read_text()
    assert "\nthe results\n" in written
    assert "\nthe growth\n" in written


def test_each_chart_of_the_pages_is_xml() -> None:
    named = set(re.findall(r"\((benchmarks[\w-]*\.svg)\)", report.PAGE.read_text()))
    assert named == {path.name for path in report.DOCS.glob("benchmarks*.svg")}
    for name in named:
        assert xml.parse(report.DOCS / name).getroot().get("aria-label")


def test_the_chart_is_xml_and_cuts_a_bar_that_is_too_long() -> None:
    root = xml.fromstring(chart("<Title>", {"panel": {"dualapp": 10.0, "quick": 5.0, "slow": 500.0}}))
    bars = root.findall(".//{*}rect[@rx='2']")
    assert [bar.get("class") for bar in bars] == ["bar", "bar ours", "bar"]
    widths = [float(bar.get("width", 0)) for bar in bars]
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.2)
    assert widths[2] == pytest.approx(2.5 * widths[0], abs=0.2)
    assert len(root.findall(".//{*}path")) == 1


@pytest.mark.parametrize("is_logarithmic", [True, False])
def test_a_line_chart_is_xml_with_our_line_above_the_others(is_logarithmic: bool) -> None:
    lines = {"dualapp": [1.0, 2.0, 3.0], "quart": [9.0, 20.0, 3.0], "<slow>": [10.0, 99.0, 3.1]}
    root = xml.fromstring(line_chart("<Title>", [Panel("<panel>", [1, 10, 100], lines, is_logarithmic)] * 3))
    groups = root.findall("{*}g")
    assert len(groups) == 3
    drawn = groups[0].findall("{*}polyline")
    assert [line.get("class") for line in drawn] == ["line", "line", "line ours"]
    points = [point.split(",") for point in drawn[-1].get("points", "").split()]
    assert [float(x) for x, _ in points] == sorted(float(x) for x, _ in points)
    assert [float(y) for _, y in points] == sorted((float(y) for _, y in points), reverse=True)
    heights = sorted(float(text.get("y", 0)) for text in groups[0].findall("{*}text") if text.text in lines)
    assert all(below - above >= 12.9 for above, below in pairwise(heights))


def test_numbers_beside_the_axes_are_round_and_go_as_far_as_the_lines() -> None:
    assert decades(8.0, 101.0) == [1, 10, 100, 1000]
    assert decades(10.0, 10.0) == [10, 100]
    assert steps(131.0) == [0, 50, 100, 150]
    assert [short(number) for number in (0, 5, 1000, 2500, 1e8)] == ["0", "5", "1k", "2.5k", "100M"]


@pytest.mark.parametrize("kind", [kind for kind in GROWTHS if kind != "at_once"])
@pytest.mark.parametrize(
    ("framework", "entry"), [("dualapp", "wsgi"), ("dualapp", "asgi"), ("flask", "wsgi"), ("quart", "asgi")]
)
def test_what_grows_is_answered_and_measured(framework: str, entry: str, kind: str) -> None:
    size = GROWTHS[kind].sizes[2]
    assert growth.measure(framework, entry, kind, size, 0) > 0


@pytest.mark.parametrize(
    ("kind", "costs", "bend"),
    [
        ("cookies", [5.0, 14.0, 24.0, 54.0], 1.0),
        ("cookies", [5.0, 5.0, 5.0, 54.0], 4.8),
        ("cookies", [5.0, 30.0, 40.0, 54.0], 1.0),
        ("at_once", [10.0, 10.0, 10.0, 10.0, 20.0], 2.0),
    ],
    ids=["straight", "up", "down", "requests at once"],
)
def test_a_line_that_bends_up_is_lower_than_its_chord(kind: str, costs: list[float], bend: float) -> None:
    assert growth.bend(kind, costs) == pytest.approx(bend, rel=0.01)


def test_the_growth_has_a_chart_and_tables(tmp_path: Path) -> None:
    rounds = [[1.0] * len(GROWTHS["hooks"].sizes)]
    figures = {"hooks": {"wsgi": {"dualapp": rounds, "flask": rounds}, "asgi": {"dualapp": rounds, "quart": rounds}}}
    environment = {"Python": "3", "system": "", "day": ""}
    growth.write_pages(tmp_path, {"environment": environment, "rounds": 1, "figures": figures})
    assert len(xml.parse(tmp_path / "benchmarks-growth.svg").findall("{*}g")) == 2
    assert "| dualapp, WSGI | 1 | 1 | 1 | 1 | 1 |\n" in (tmp_path / report.DETAILS.name).read_text()


def test_more_processes_are_compared_with_one() -> None:
    figures = {
        (server, number, view): [number * 1000.0, 10.0]
        for server in processes.SERVERS
        for number in processes.workers()
        for view in processes.VIEWS
    }
    lines = {name: cells for name, *cells in processes.lines(figures)}
    assert lines["`uvicorn --workers 1`"] == ["1,000"] * 3
    most = processes.workers()[-1]
    assert (
        lines[f"`uvicorn --workers {most}`"] == ([f"{most * 1000:,} ({most}.0 times)"] if most > 1 else ["1,000"]) * 3
    )
    assert report.marks("processes")[0] in (report.DOCS / "servers.md").read_text()


@pytest.mark.parametrize("server", processes.SERVERS)
def test_a_server_is_told_how_many_workers_it_has(server: str) -> None:
    setup = processes.setup(server, 2, "hello")
    assert shlex.split(setup.command.format(host="h", port=1, module="m"))[-3:-1] == ["--workers", "2"]


@pytest.mark.parametrize("case", waiting.ASKED)
@pytest.mark.parametrize("framework", ["dualapp", "quart"])
def test_views_that_wait_are_asked_many_times_at_once(framework: str, case: str) -> None:
    assert waiting.measure(framework, case, 50, 0) > 0


@pytest.mark.parametrize("framework", ["dualapp", "quart"])
def test_what_many_at_once_take_is_measured(framework: str) -> None:
    assert waiting.measure(framework, "busy", 50, 0) > 0
    assert waiting.measure(framework, "wait_long", 200, 0) >= 0


def test_each_peer_has_views_that_wait() -> None:
    for peer in waiting.LIMITS:
        spec = importlib.util.find_spec(f"benchmarks.frameworks.{peer}_asgi")
        assert spec is not None
        assert waiting.ASKED.keys() <= set(compile_names(spec.origin))
