"""The table of docs/servers.md: how many requests one process of each server has in views at once."""

from __future__ import annotations

import re

import pytest

from benchmarks.concurrency import SERVERS, VIEWS, row, shown
from tests.documentation.page import Page
from tests.support.server_command import skip_unless_installed
from tests.support.server_process import ROOT

PAGE = Page(ROOT / "docs" / "servers.md")
REQUESTS = 100
NEEDS = {"waitress-serve": "waitress", "gunicorn -k gevent": "gunicorn gevent"}


def test_the_page_has_each_server_and_view() -> None:
    first, _, *rows = re.findall(r"^\| .* \|$", PAGE.text.partition("\n## What sets")[0], re.MULTILINE)
    assert first == shown(["one process of", *VIEWS.values()])
    assert [line.split("`")[1] for line in rows] == list(SERVERS)
    assert PAGE.commands("python") == [(f"python -m benchmarks.concurrency --requests {REQUESTS}", "")]


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVERS)
def test_a_server_has_so_many_requests_at_once(name: str) -> None:
    skip_unless_installed(NEEDS.get(name, name.split()[0]))
    assert shown([f"`{name}`", *row(name, REQUESTS)]) in PAGE.text
