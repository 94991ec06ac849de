"""The page of the command line: each command serves the page's program, or prints what the page says."""

from __future__ import annotations

import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from dualapp.commands.checks import CHECKS
from tests.support.server_process import ROOT, Server, free_port
from tests.support.waiting import LIMIT

from .page import Page, check

PAGE = Page(ROOT / "docs" / "command-line.md")
COMMANDS = dict(PAGE.commands("dualapp"))
SERVING = [line for line in COMMANDS if " run" in line]

EXAMPLES = sorted({path.stem for path in (ROOT / "examples").glob("*.py")} - {"__init__"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (program,) = PAGE.blocks("python")
    (tmp_path / "shop.py").write_text(program)
    return tmp_path


@pytest.mark.parametrize("line", SERVING)
def test_a_command_serves(line: str, folder: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", *shlex.split(line), "--port", str(port)]
    with Server(command, port, cwd=folder, environment={"PYTHONPATH": str(ROOT)}) as server:
        for ask, printed in PAGE.commands("curl"):
            check(ask, printed, server.url)


@pytest.mark.parametrize("line", [line for line in COMMANDS if line not in SERVING])
def test_a_command_prints(line: str, folder: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", *shlex.split(line)],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=LIMIT,
    )
    assert ended.stdout == COMMANDS[line]
    assert ended.returncode == (" check " in line)


@pytest.mark.parametrize("name", EXAMPLES)
def test_only_event_streams_are_found_in_an_example(name: str) -> None:
    app = import_module(f"examples.{name}").app
    found = {check for check, find in CHECKS.items() for _ in find(app)}
    assert found == ({"event-streams"} if name == "events" else set())


def test_the_page_names_each_check() -> None:
    assert all(f"\n| `{name}` | " in PAGE.text for name in CHECKS)
