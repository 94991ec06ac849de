"""No page has a program or a shell line that no test runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.server_process import ROOT

from .page import Page

DOCS = ROOT / "docs"
TUTORIAL = DOCS / "tutorial"
PAGES = [page for page in DOCS.rglob("*.md") if page.parent != TUTORIAL]  # test_tutorial.py walks through all of it
#: The tests that run pages, by the names of those that they run.
TESTS = [*ROOT.glob("tests/*/test_*.py")]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_test_runs_the_page(path: Path) -> None:
    page = Page(path)
    if page.blocks("python") or page.blocks("console"):
        assert any(f'"{path.name}"' in test.read_text() for test in TESTS), f"no test runs {path.name}"
