"""A test suite of somebody else: which one it is, how it is called, and what is known of its outcomes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.txt"


@dataclass(frozen=True)
class Difference:
    """Tests that have another outcome with DualApp than without it."""

    reason: str
    entries: Sequence[str]
    tests: Sequence[str]


@dataclass(frozen=True)
class Suite:
    """What a file in `known/` says of one suite."""

    distribution: str
    #: What pytest is called with.
    arguments: Sequence[str]
    #: How many tests have which outcome: "plain" with the framework's own class, "wsgi" and "asgi" with DualApp.
    counts: dict[str, dict[str, int]]
    differences: Sequence[Difference] = ()
    #: The class that DualApp takes the place of.
    instead_of: str = "flask.Flask"

    @property
    def version(self) -> str:
        """The version that is installed, and whose tests are run."""
        return VERSIONS[normalized(self.distribution)]

    def differing(self, entry: str) -> set[str]:
        return {test for each in self.differences if entry in each.entries for test in each.tests}


def read(path: Path) -> Suite:
    known: dict[str, Any] = tomllib.loads(path.read_text())
    differences = [Difference(**each) for each in known.pop("differences", ())]
    return Suite(**known, differences=differences)


def normalized(name: str) -> str:
    """Spell a distribution's name as an index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


VERSIONS = {
    normalized(name): version for name, version in re.findall(r"^(\S+)==(\S+)$", REQUIREMENTS.read_text(), re.M)
}
SUITES = {path.stem: read(path) for path in sorted(HERE.glob("known/*.toml"))}
