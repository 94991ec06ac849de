"""The site, as `make docs` has built it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.server_process import ROOT

SITE = ROOT / "build" / "site"


@pytest.fixture(scope="session")
def site() -> Path:
    assert (SITE / "index.html").exists(), "There is no site: `make docs` builds it, and then runs these tests."
    return SITE
