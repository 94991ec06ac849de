"""Run pytest on a small project in a process of its own, with dualapp's plugin and those that the test names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from .server_process import ROOT
from .waiting import LONG

OUTCOME = re.compile(r"^(PASSED|FAILED|ERROR|SKIPPED) \S+?::(\S+)", re.MULTILINE)
OURS = "pytest_dualapp"


@dataclass(frozen=True)
class Report:
    """What pytest has printed."""

    output: str

    @property
    def outcomes(self) -> dict[str, str]:
        """The outcome of each test, by its name."""
        return {name: outcome.lower() for outcome, name in OUTCOME.findall(self.output)}

    def count(self) -> dict[str, int]:
        """How many tests had which outcome."""
        return Counter(self.outcomes.values())


def write(directory: Path, **modules: str) -> None:
    """Write modules by their names, with their code."""
    for name, code in modules.items():
        (directory / f"{name}.py").write_text(dedent(code))


def run_pytest(directory: Path, *arguments: str, plugins: tuple[str, ...] = ()) -> Report:
    """Run the tests of a directory; warnings are errors."""
    loaded = [word for plugin in (*plugins, OURS) for word in ("-p", plugin)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-qrA", "-Werror", *loaded, "--rootdir", directory, *arguments, directory],
        env=environment,
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONG,
        check=False,
    )
    return Report(ended.stdout)
