"""Runs a suite in its environment, with DualApp or with the framework's own class."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.waiting import LONG

from .environment import interpreter, source
from .suite import HERE, SUITES

PLUGIN = HERE / "plugin"


@dataclass(frozen=True)
class Run:
    """The outcome of each test, and what pytest printed."""

    outcomes: dict[str, str]
    output: str

    @property
    def counts(self) -> dict[str, int]:
        return dict(Counter(self.outcomes.values()))

    def differences(self, other: Run) -> set[str]:
        """Return the tests that had another outcome in another run."""
        tests = self.outcomes.keys() | other.outcomes.keys()
        return {test for test in tests if self.outcomes.get(test) != other.outcomes.get(test)}


@cache
def run(name: str, app: str) -> Run:
    """Run a suite once; `app` is "plain", "wsgi" or "asgi"."""
    suite = SUITES[name]
    return run_in(source(suite), app, *suite.arguments, f"--instead-of={suite.instead_of}")


def run_in(directory: Path, app: str, *arguments: str) -> Run:
    """Run pytest; the options that a suite adds to its own by itself need plugins for coverage."""
    with TemporaryDirectory() as kept:
        outcomes = Path(kept, "outcomes.json")
        options = [
            "-p",
            "dualapp_swap",
            f"--app={app}",
            f"--outcomes={outcomes}",
            "--rootdir=.",
            "--override-ini=addopts=",
        ]
        ended = subprocess.run(
            [interpreter(), "-m", "pytest", *options, *arguments],
            cwd=directory,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONG,
        )
        assert outcomes.exists(), ended.stdout
        return Run(json.loads(outcomes.read_text()), ended.stdout)


def environment() -> dict[str, str]:
    """Return nothing of how our own tests are run, but where the plugin is."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON"))}
    return {**inherited, "PYTHONPATH": str(PLUGIN)}
