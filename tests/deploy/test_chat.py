"""The chat of examples/chat in two browsers at once, each on its own process, behind the nginx of examples/deploy."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.servers.test_websockets import opened
from tests.support.browser import NO_SANDBOX, find_chromium
from tests.support.http_client import ask
from tests.support.redis_server import redis_server
from tests.support.server_command import can_be_ended
from tests.support.server_process import HOST, ROOT, Server, free_port
from tests.support.waiting import LIMIT, wait_for
from tests.support.workers import one_worker_each

from .site import Site

CHAT = ROOT / "examples" / "chat"
LINES = {
    "gunicorn": "gunicorn -k gthread -w 2 --threads 4 --bind {host}:{port} chat:app",
    "uvicorn": "uvicorn --workers 2 --host {host} --port {port} chat:app",
}
#: What the example says of one process.
ALONE = [
    "gunicorn --threads 4 --bind {host}:{port} chat:app",
    "uvicorn --host {host} --port {port} chat:app",
]
#: The page of a room with `async def` views, and that with `def` views.
COLOURS = pytest.mark.parametrize("path", ["/room/tea", "/sync/room/tea"])


def server_of(line: str, port: int, **environment: str) -> Server:
    program, *options = shlex.split(line.format(host=HOST, port=port))
    command = [str(Path(sys.executable).with_name(program)), *options]
    environment["PYTHONPATH"] = str(ROOT)
    return Server(command, port, cwd=CHAT, environment=environment, is_ready=can_be_ended)


@pytest.fixture(scope="module", params=one_worker_each(LINES))
def chat(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    find_chromium()
    with redis_server() as redis_url:  # of its own, where nothing was said yet
        site = Site(tmp_path_factory.mktemp(request.param), redis_url)
        server = server_of(LINES[request.param], site.ports[8000], FLASK_BROADCAST_URL=redis_url)
        with site.serving("upstream.gunicorn.conf", server):
            yield site


@pytest.fixture(scope="module")
def browsers() -> Iterator[list[Browser]]:
    options = {"executable_path": find_chromium(), "args": [NO_SANDBOX]}
    with sync_playwright() as playwright:
        launch = playwright.chromium.launch
        with launch(**options) as first, launch(**options) as second:
            yield [first, second]


@pytest.fixture
def pages(chat: Site, browsers: list[Browser], path: str) -> Iterator[tuple[Page, Page]]:
    """Open a room in two browsers, in the second one again and again until another process answers it."""
    ada, bob = (browser.new_page(ignore_https_errors=True) for browser in browsers)
    for page, name in ((ada, "Ada"), (bob, "Bob")):
        page.set_default_timeout(LIMIT * 1000)
        enter(page, chat, path, name)

    def are_apart() -> bool:
        if process_of(bob) == process_of(ada):
            enter(bob, chat, path, "Bob")
        return process_of(bob) != process_of(ada)

    wait_for(are_apart)
    yield ada, bob
    ada.close()
    bob.close()


def enter(page: Page, chat: Site, path: str, name: str) -> None:
    page.goto(f"https://{HOST}:{chat.ports[443]}{path}")
    page.get_by_placeholder("Your name").fill(name)
    process_of(page)


def process_of(page: Page) -> int:
    """The process that a page is connected to, once it is."""
    told = page.get_by_text(re.compile(r"connected to process \d+")).text_content()
    return int((told or "").split()[-1])


def say(page: Page, text: str) -> None:
    page.get_by_placeholder("A message").fill(text)
    page.get_by_role("button", name="Say it").click()


def said(page: Page, last: str) -> list[str]:
    """What a page shows, once it shows a message."""
    page.get_by_text(last, exact=True).wait_for()
    return page.locator("#messages li").all_text_contents()


@COLOURS
def test_a_message_reaches_the_browser_on_the_other_process(pages: tuple[Page, Page], path: str) -> None:
    ada, bob = pages
    say(ada, f"hello on {path}")
    said(bob, f"Ada: hello on {path}")
    say(bob, f"hi on {path}")
    assert said(ada, f"Bob: hi on {path}")[-2:] == [f"Ada: hello on {path}", f"Bob: hi on {path}"]


@COLOURS
def test_who_comes_later_sees_what_was_said(chat: Site, pages: tuple[Page, Page], path: str) -> None:
    ada, bob = pages
    for number in range(3):
        say(ada, f"{number} on {path}")
        said(bob, f"Ada: {number} on {path}")
    enter(bob, chat, path, "Bob")
    assert said(bob, f"Ada: 2 on {path}")[-3:] == [f"Ada: {number} on {path}" for number in range(3)]


@COLOURS
def test_a_page_whose_process_ends_connects_again_and_misses_nothing(pages: tuple[Page, Page], path: str) -> None:
    ada, bob = pages
    before = process_of(bob)
    os.kill(before, signal.SIGTERM)
    say(ada, f"meanwhile on {path}")
    assert said(bob, f"Ada: meanwhile on {path}").count(f"Ada: meanwhile on {path}") == 1
    wait_for(lambda: process_of(bob) != before)
    say(ada, f"afterwards on {path}")
    said(bob, f"Ada: afterwards on {path}")


@pytest.mark.parametrize("line", ALONE)
def test_one_process_needs_no_redis(line: str) -> None:
    with server_of(line, free_port()) as server:
        assert ask(server.url, "/").status == 200
        assert ask(server.url, "/room/cellar").status == 404
        with opened(server, "/ws/tea") as ada, opened(server, "/sync/ws/tea") as bob:
            assert [json.loads(ws.recv(LIMIT))["messages"] for ws in (ada, bob)] == [[], []]
            for speaker, name in ((ada, "Ada"), (bob, "Bob")):
                speaker.send(json.dumps({"name": name, "text": "hello"}))
                assert [json.loads(ws.recv(LIMIT))["name"] for ws in (ada, bob)] == [name, name]
            with opened(server, "/ws/tea") as late:
                assert [message["name"] for message in json.loads(late.recv(LIMIT))["messages"]] == ["Ada", "Bob"]
