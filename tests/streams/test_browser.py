"""A browser's own `EventSource` listens on both entries, to generators of both colours."""

from __future__ import annotations

import json

import pytest

from tests.support.browser import browsing
from tests.support.http_client import ask
from tests.support.server_command import started_by
from tests.support.waiting import wait_for

APP = "tests.streams.browser_app:app"
LINES = {
    "wsgi": f"gunicorn -b {{bind}} -k gthread --threads 16 --log-level warning {APP}",
    "asgi": f"uvicorn --host {{host}} --port {{port}} --log-level warning {APP}",
}
SENT = [
    ["message", "a\nb\nc\nd", ""],
    ["json", '{"n": 1}', ""],
    ["message", "", ""],
    ["message", "\N{SNOWMAN}", "é 7"],
    ["resumed", "é 7", "é 7"],
]


@pytest.mark.parametrize("entry", LINES)
def test_a_browser_gets_the_events_and_goes_on_after_the_last(entry: str) -> None:
    with started_by(LINES[entry]) as server, browsing(server.url):
        reports = wait_for(lambda: len(found := json.loads(ask(server.url, "/reports").body)) == 2 and found)
    assert reports == {"sync": SENT, "async": SENT}
