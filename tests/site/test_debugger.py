"""Werkzeug's debugger in a browser, on both entries: its page, its PIN, and a console in the frame of the error."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.documentation.test_debugging_page import PAGE, consoles, started
from tests.support.waiting import LIMIT


@pytest.mark.parametrize("line", ["FLASK_DEBUG=1 gunicorn shop:app", "FLASK_DEBUG=1 uvicorn shop:app"])
def test_a_console_opens_by_its_pin(line: str, browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("\n\n".join(PAGE.blocks("python")))
    with started(line, tmp_path) as server, browser.new_page() as page:
        page.set_default_timeout(LIMIT * 1000)
        page.goto(f"{server.url}/share/apple/0")
        page.get_by_role("heading", name="ZeroDivisionError").wait_for()
        failed = page.locator("div.frame").last.locator("pre.current")
        failed.hover()
        failed.get_by_role("img").click()
        page.locator("input[name=pin]").fill("123")
        with page.expect_response(re.compile("cmd=pinauth")):
            page.locator("input[name=btn]").click()
        console = page.locator("pre.console")
        for typed, shown in consoles():
            console.locator("input").fill(typed)
            console.locator("input").press("Enter")
            expect(console).to_contain_text(shown, timeout=LIMIT * 1000)
