"""The page about mounts and adapters: its program runs under each of its commands, and its tests pass."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documentation.page import BIND, COMMAND, Page, check, started

from ..support.server_process import ROOT

PAGE = Page(ROOT / "docs" / "mounts.md")


def commands_of(block: str) -> list[tuple[str, str]]:
    """Return the commands of a console block, and what they print."""
    return COMMAND.findall(block)


#: Each command that starts a server, and what it is then asked.
COMMANDS = [
    pytest.param(line, block, id=line)
    for block in PAGE.blocks("console")
    for line, _ in commands_of(block)
    if line.split()[0] in BIND
]


@pytest.mark.parametrize(("line", "block"), COMMANDS)
def test_the_page_about_mounts_says_what_happens(line: str, block: str, tmp_path: Path) -> None:
    PAGE.write(tmp_path)
    asks = [command for command in commands_of(block) if command[0].startswith("curl ")]
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
