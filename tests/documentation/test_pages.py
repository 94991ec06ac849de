"""The README, the pages for those who come from Flask or Quart, and others: their programs run under each command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.server_process import ROOT

from .page import BIND, Page, check, started

PAGES = [Page(ROOT / "docs" / name) for name in ("from-flask.md", "from-quart.md")]
NAMES = [
    "background-tasks.md",
    "concepts.md",
    "configuration.md",
    "host-loop.md",
    "index.md",
    "lifespan.md",
    "servers.md",
    "streaming.md",
    "templates.md",
    "uploads.md",
]
OTHERS = [Page(ROOT / "docs" / name) for name in NAMES]
LINES = [
    pytest.param(page, line, id=f"{page.path.stem}: {line}")
    for page in [Page(ROOT / "README.md"), *PAGES, *OTHERS]
    for line, _ in page.commands(*BIND)
]


@pytest.mark.parametrize(("page", "line"), LINES)
def test_a_page_says_what_happens(page: Page, line: str, tmp_path: Path) -> None:
    page.write(tmp_path)
    page.configure(tmp_path, line)
    asks = page.commands("curl")
    assert asks
    with started(line, tmp_path) as running:
        for ask, printed in asks:
            check(ask, printed, running.url, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path.stem)
def test_only_one_import_of_a_page_is_new(page: Page) -> None:
    framework = page.path.stem.removeprefix("from-")
    first, *_ = page.blocks("python")
    assert first.startswith(f"from dualapp import DualApp as {framework.title()}\n")
    assert f"`from {framework} import {framework.title()}`" in page.text
    before = first.replace("from dualapp import DualApp as", f"from {framework} import")
    compile(before, page.path, "exec")
    assert "dualapp" not in before
