"""The page about testing: its program, its fixture and its tests are a project, and its tests pass."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.pytest_project import run_pytest
from tests.support.server_process import ROOT

from .page import Page

#: The first line of a block names the file that it is part of; without one it goes on with the tests.
NAMED = re.compile(r"# (\S+\.\w+)\n")
TESTS = "test_shop.py"


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    page = Page(ROOT / "docs" / "testing.md")
    for block in page.blocks("python") + page.blocks("ini"):
        named = NAMED.match(block)
        with (tmp_path / (named[1] if named else TESTS)).open("a") as file:
            file.write(block + "\n\n")
    report = run_pytest(tmp_path, plugins=("pytest_asyncio.plugin",))
    program = (tmp_path / TESTS).read_text()
    assert {name.partition("[")[0] for name in report.outcomes} == set(re.findall(r"def (test_\w+)", program))
    assert set(report.outcomes.values()) == {"passed"}, report.output
    ((_, printed),) = page.commands("pytest")
    for line in printed.splitlines():
        name, outcome = line.removeprefix(f"{TESTS}::").split()
        assert report.outcomes[name] == outcome.lower()
