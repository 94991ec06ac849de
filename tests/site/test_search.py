"""The search of the site finds the page that says it: in the index, and in a browser."""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from sphinx.search.en import SearchEnglish

from tests.support.server_process import HOST, free_port, serving

#: What people look for, and the page that says most of it.
SEARCHES = {
    "before_serving": "lifespan",
    "THREAD_POOL_SIZE": "reference/settings",
    "gunicorn": "tutorial/deployment",
    "WSGIMiddleware": "mounts",
}


@functools.cache
def index_of(site: Path) -> dict[str, list[str]]:
    """Return the terms of the search index, and the pages that have each."""
    text = (site / "searchindex.js").read_text()
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    names = index["docnames"]
    return {
        term: [names[page] for page in (pages if isinstance(pages, list) else [pages])]
        for term, pages in index["terms"].items()
    }


@pytest.mark.parametrize(("words", "page"), SEARCHES.items())
def test_the_index_has_the_term(words: str, page: str, site: Path) -> None:
    # The index has stems, as the search makes them of what is typed.
    assert page in index_of(site)[SearchEnglish({}).stem(words.lower())]


@pytest.mark.parametrize(("words", "page"), SEARCHES.items())
def test_a_browser_finds_the_page(words: str, page: str, site: Path, browser: Browser) -> None:
    port = free_port()
    server = [sys.executable, "-m", "http.server", str(port), "--bind", HOST, "--directory", str(site)]
    with serving(server, port) as url, browser.new_page() as shown:
        shown.goto(f"{url}/search.html?q={words}")
        shown.locator(f'#search-results a[href^="{page}.html"]').first.wait_for()
