"""The site, as `make docs` has built it, and a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support.browser import NO_SANDBOX, find_chromium
from tests.support.server_process import ROOT

SITE = ROOT / "build" / "site"


@pytest.fixture(scope="session")
def site() -> Path:
    assert (SITE / "index.html").exists(), "There is no site: `make docs` builds it, and then runs these tests."
    return SITE


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = find_chromium()
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=program, args=[NO_SANDBOX]) as browser,
    ):
        yield browser
