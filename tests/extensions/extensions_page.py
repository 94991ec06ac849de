"""Writes docs/extensions.md: the extensions that are driven here, what of each, and what came of it on each entry.

python -m tests.extensions.extensions_page            runs their tests, and writes the page if they pass
python -m tests.extensions.extensions_page --print    shows the page of the tests as they are, without running them
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from ..suites.suite import SUITES

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "extensions.md"
CELLS = ("wsgi-def", "wsgi-async", "asgi-def", "asgi-async")

TOP = """\
# Extensions

These extensions run unmodified in a `DualApp`. For each, a small app uses the features named here and gets the same
requests on both entries, with its views in `async def` and in `def`. Its answers must be those of the same app in plain
Flask, or in plain Quart for an extension of Quart's. The apps are in `tests/extensions/`; `tox run -e extensions` runs
them, and `python -m tests.extensions.extensions_page` writes this page.
"""

SUITES_TOP = """\
## Test suites of Flask and of extensions

The tests from the source distributions of Flask and of extensions: how many pass without dualapp, and how many pass
with `DualApp` instead of the framework's class, on the WSGI entry and with their test client on the ASGI entry. Below
the table are the reasons for differences; `tests/suites/known/` lists the tests.
"""

LEFT_OUT = """\
Left out: suites that are not in the source distribution (flask-babel, Flask-DebugToolbar, Flask-Mail, Flask-Principal,
Flask-Session, quart-babel, Quart-Session), whose fixtures are not (flask-restx), which run Flask in processes of their
own (Flask-Migrate), or which take many minutes (Flask-Admin, Flask-Security).
"""


class Collected:
    """A pytest plugin that notes the tests, and those that were skipped: nothing can be said of them."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []
        self.skipped: list[str] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.items = session.items

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self.skipped.append(report.nodeid)


class Notes(list[str]):
    """Why something does not work; the table has the numbers."""

    def number(self, reason: str) -> str:
        if reason not in self:
            self.append(reason)
        return f"[{self.index(reason) + 1}]"


def main() -> None:
    """Make the page; tests that fail make none."""
    collected, prints = Collected(), sys.argv[1:] == ["--print"]
    options = ["--collect-only", "-p", "no:terminal"] if prints else ["-q"]
    # By the metadata in the tree, this module belongs to a plugin, whose asserts pytest would have rewritten.
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    ended = pytest.main([*options, *map(str, described())], plugins=[collected])
    if ended != pytest.ExitCode.OK or collected.skipped:
        sys.exit(f"There is no page of tests that fail or are skipped: {ended!r} {collected.skipped}")
    text = page(collected.items)
    if prints:
        print(text, end="")
    else:
        PAGE.write_text(text)


def described() -> dict[Path, tuple[str, str]]:
    """Return the modules of extensions, with the distribution's name and what is driven of it.

    The first line of their docstrings is that name; those of other modules begin with a sentence.
    """
    docstrings = {path: ast.get_docstring(ast.parse(path.read_text())) or "" for path in sorted(HERE.glob("test_*.py"))}
    split = {path: text.partition("\n\n") for path, text in docstrings.items()}
    return {path: (name, " ".join(about.split())) for path, (name, _, about) in split.items() if " " not in name}


def page(items: Iterable[pytest.Item]) -> str:
    notes = Notes()
    extensions = table(["extension", "version", "what is driven", *map(heading, CELLS)], rows(list(items), notes))
    numbered = [f"{number}. {reason}" for number, reason in enumerate(notes, 1)]
    suites = table(["suite", "version", "tests", "without us", "WSGI", "ASGI"], suite_rows())
    return "\n".join([TOP, *extensions, "", *numbered, "", SUITES_TOP, *suites, "", *differences(), "", LEFT_OUT])


def heading(cell: str) -> str:
    entry, colour = cell.split("-")
    return f"{entry.upper()}, `{'async def' if colour == 'async' else 'def'}`"


def rows(items: list[pytest.Item], notes: Notes) -> Iterator[list[str]]:
    for path, (name, about) in sorted(described().items(), key=lambda module: module[1][0].lower()):
        mine = [item for item in items if item.path == path]
        yield [
            name,
            version(name),
            about,
            *(cell([item for item in mine if each in item.name], notes) for each in CELLS),
        ]


def cell(tests: list[pytest.Item], notes: Notes) -> str:
    """Say whether what these tests do works: they pass, or are known to fail."""
    reasons = [reason for test in tests for reason in reasons_of(test)]
    if not tests:
        return "not driven"
    word = "no" if len(reasons) == len(tests) else "partly" if reasons else "yes"
    return " ".join([word, *dict.fromkeys(map(notes.number, reasons))])


def reasons_of(test: pytest.Item) -> list[str]:
    marks = [mark for mark in test.iter_markers("xfail") if not mark.args or any(mark.args)]
    return [mark.kwargs["reason"] for mark in marks[:1]]


def suite_rows() -> Iterator[list[str]]:
    for suite in SUITES.values():
        passed = [str(suite.counts[kind]["passed"]) for kind in ("plain", "wsgi", "asgi")]
        yield [suite.distribution, suite.version, str(sum(suite.counts["plain"].values())), *passed]


def differences() -> Iterator[str]:
    """Say why tests of suites come out otherwise with us than without us."""
    for suite in SUITES.values():
        for each in suite.differences:
            entries, count = " and ".join(map(str.upper, each.entries)), len(each.tests)
            yield f"- {suite.distribution}, {entries}, {count} test{'s'[: count - 1]}: {each.reason}"


def table(heads: list[str], lines: Iterable[list[str]]) -> list[str]:
    return ["| " + " | ".join(line) + " |" for line in (heads, ["---"] * len(heads), *lines)]


if __name__ == "__main__":
    main()
