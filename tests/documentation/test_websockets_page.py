"""The page on websockets: its app is served by its commands, its client talks to it, its test passes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pytest_project import run_pytest
from tests.support.server_process import ROOT
from tests.support.waiting import LIMIT

from .page import BIND, Page, check, started

PAGE = Page(ROOT / "docs" / "websockets.md")


@pytest.mark.parametrize("line", [line for line, _ in PAGE.commands(*BIND)])
def test_the_client_talks_to_the_app(line: str, tmp_path: Path) -> None:
    PAGE.write(tmp_path)
    client = (tmp_path / "talk.py").read_text()
    ((_, printed),) = PAGE.commands("python")
    with started(line, tmp_path) as running:
        for ask, answer in PAGE.commands("curl"):
            check(ask, answer, running.url, tmp_path)
        (tmp_path / "talk.py").write_text(client.replace("ws://127.0.0.1:8000", running.url.replace("http", "ws", 1)))
        talked = subprocess.run(
            [sys.executable, "talk.py"], cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT, check=False
        )
    assert talked.stdout.strip() == printed.strip(), talked.stderr


def test_its_test_passes(tmp_path: Path) -> None:
    PAGE.write(tmp_path)
    assert run_pytest(tmp_path).count() == {"passed": 1}
