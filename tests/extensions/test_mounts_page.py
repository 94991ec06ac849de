"""The page about mounts and test clients: its program runs under its commands, and its tests pass."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documentation.page import BIND, Page, check, started

from ..support.server_process import ROOT

PAGE = Page(ROOT / "docs" / "mounts.md")


@pytest.mark.parametrize("server", BIND)
def test_the_page_about_mounts_says_what_happens(server: str, tmp_path: Path) -> None:
    PAGE.write(tmp_path)
    ((line, _),) = PAGE.commands(server)
    asks = PAGE.commands("curl")
    assert asks
    with started(line, tmp_path) as running:
        for asked, printed in asks:
            check(asked, printed, running.url)


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    PAGE.write(tmp_path)
    options = ["-rA", "-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"]
    command = [sys.executable, "-m", "pytest", *options, "shop.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.count("PASSED")) == (0, PAGE.text.count("def test_")), ended.stdout
