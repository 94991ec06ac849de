"""Tools that run tests of Flask and Quart programs: small projects that use them pass with a `DualApp`."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest

from ..support.server_process import ROOT

PROJECTS = "tests/extensions/projects"


@pytest.mark.parametrize(
    "line",
    [
        f"pytest -p pytest_flask.plugin {PROJECTS}/pytest_flask_tests.py",
        "pytest -p pytest_asyncio.plugin -o asyncio_default_fixture_loop_scope=function"
        f" {PROJECTS}/pytest_asyncio_tests.py",
        f"unittest {PROJECTS}/flask_unittest_tests.py",
    ],
    ids=["pytest-flask", "pytest-asyncio", "flask-unittest"],
)
def test_a_project_passes(line: str) -> None:
    environment = {**os.environ, "PYTEST_ADDOPTS": ""}  # tox has workers in it
    command = [sys.executable, "-m", *shlex.split(line)]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
