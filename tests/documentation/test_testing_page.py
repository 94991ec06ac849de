"""The page about testing is a project: its program, its fixture, and tests that pass. The test of the README, too."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.pytest_project import run_pytest
from tests.support.server_process import ROOT

from .page import Page, file_in

#: Where a block that names no file goes on.
TESTS = "test_shop.py"


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    page = Page(ROOT / "docs" / "testing.md")
    for block in page.blocks("python") + page.blocks("ini"):
        with (tmp_path / (file_in(block) or TESTS)).open("a") as file:
            file.write(block + "\n\n")
    report = run_pytest(tmp_path, plugins=("pytest_asyncio.plugin",))
    program = (tmp_path / TESTS).read_text()
    assert {name.partition("[")[0] for name in report.outcomes} == set(re.findall(r"def (test_\w+)", program))
    assert set(report.outcomes.values()) == {"passed"}, report.output
    ((_, printed),) = page.commands("pytest")
    for line in printed.splitlines():
        name, outcome = line.removeprefix(f"{TESTS}::").split()
        assert report.outcomes[name] == outcome.lower()


def test_the_test_of_the_readme_passes(tmp_path: Path) -> None:
    page = Page(ROOT / "README.md")
    page.write(tmp_path)
    assert page.commands("pytest") == [("pytest test_shop.py", "")]
    assert run_pytest(tmp_path).count() == {"passed": 4}
