"""The page about testing: its program is a module of tests, and they pass."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.server_process import ROOT
from tests.support.waiting import LONG

from .page import Page

#: The tests' own plugin for tests in `async def`.
PLUGIN = """
import asyncio
import inspect


def pytest_pyfunc_call(pyfuncitem):
    if inspect.iscoroutinefunction(pyfuncitem.obj):
        asyncio.run(pyfuncitem.obj())
        return True
"""


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    program = "\n\n".join(Page(ROOT / "docs" / "testing.md").blocks("python"))
    (tmp_path / "conftest.py").write_text(PLUGIN)
    (tmp_path / "test_page.py").write_text(program)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path],
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONG,
    )
    assert f"{program.count('def test_') + 1} passed" in ended.stdout, ended.stdout  # one test has two parameters
