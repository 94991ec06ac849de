"""The page about middleware: its program runs under its commands and answers as it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documentation.page import BIND, Page, check, started

from ..support.http_client import ask
from ..support.server_process import ROOT

PAGE = Page(ROOT / "docs" / "middleware.md")


@pytest.mark.parametrize("line", [line for line, _ in PAGE.commands(*BIND)])
def test_the_page_about_middleware_says_what_happens(line: str, tmp_path: Path) -> None:
    PAGE.write(tmp_path)
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "hello.txt").write_text("Hello")
    asks = PAGE.commands("curl")
    assert asks
    with started(line, tmp_path) as running:
        for asked, printed in asks:
            check(asked, printed, running.url)
        sees_files = ask(running.url, "/hello.txt").status == 200
    assert sees_files is line.startswith("gunicorn ")
