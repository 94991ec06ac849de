"""The scripts of the tutorial's pages, in a browser: the progress bar, and the notes that appear by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.documentation.page import BIND
from tests.documentation.page import Page as Chapter
from tests.documentation.walk import TUTORIAL, Walk, walked
from tests.support.waiting import LIMIT

COMMANDS = [line for line, _ in Chapter(TUTORIAL / "deployment.md").commands(*BIND)]
# tests/documentation/test_tutorial.py walks through the same pages without a browser.
pytestmark = [pytest.mark.xdist_group("tutorial"), pytest.mark.slow]
#: Keeps the values of the bar, which is gone when the page is loaded again.
WATCH = """
const bar = document.querySelector("#upload progress");
new MutationObserver(() => localStorage.shown = (localStorage.shown || "") + bar.value + "/" + bar.max + " ")
    .observe(bar, {attributes: true});
"""


@pytest.fixture(scope="module")
def wall(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    return walked(Walk(tmp_path_factory.mktemp("empty")))


@pytest.mark.parametrize("line", COMMANDS)
def test_the_wall_in_a_browser(line: str, wall: Walk, browser: Browser, tmp_path: Path) -> None:
    name = line.split()[0]
    with wall.started(line) as server, browser.new_page() as reader, browser.new_page() as writer:
        reader.set_default_timeout(LIMIT * 1000)
        writer.set_default_timeout(LIMIT * 1000)
        reader.goto(server.url)
        register(writer, server.url, name)
        upload(writer, tmp_path, name)
        writer.get_by_placeholder("A note").fill(f"from {name}")
        writer.get_by_role("button", name="Put it up").click()
        writer.get_by_text("Your note is up.").wait_for()
        reader.get_by_text(f"{name}: from {name}", exact=True).wait_for()


def register(page: Page, url: str, name: str) -> None:
    page.goto(f"{url}/login")
    page.get_by_placeholder("Name").fill(name)
    page.get_by_placeholder("Password").fill("a long one")
    page.get_by_role("button", name="Register").click()
    page.get_by_role("button", name=f"Log out {name}").wait_for()


def upload(page: Page, directory: Path, name: str) -> None:
    path = directory / f"{name}-big.bin"
    path.write_bytes(bytes(5_000_000))
    page.evaluate(WATCH)
    page.locator("#upload input").set_input_files(path)
    page.get_by_text(f"{path.name}, 5000000 bytes").wait_for()
    assert page.evaluate("localStorage.shown").split()[-1] == "5000000/5000000"
