"""The links between the pages lead somewhere, as plain Markdown too; those that lead elsewhere are URLs."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.server_process import ROOT

from .page import PAGES

CODE = re.compile(r"^```.*?^```$|(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?\)|^\[[\w-]+\]: (\S+)$", re.MULTILINE)
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def links_of(path: Path) -> set[str]:
    text = CODE.sub("", path.read_text())
    return {inline or reference for inline, reference in LINK.findall(text)}


@cache
def anchors_of(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as the forge and MyST make them."""
    headings = HEADING.findall(re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for link in links_of(path):
        url = urlsplit(link)
        if url.scheme:
            assert url.scheme == "https", link
            assert "." in url.netloc, link
            continue
        target = (path.parent / url.path).resolve() if url.path else path
        assert target.exists(), f"{path.name} links to {link}"
        if url.fragment:
            assert url.fragment in anchors_of(target), f"{path.name} links to {link}"


def test_the_home_leads_to_each_page() -> None:
    """The forge shows no table of contents."""
    docs = ROOT / "docs"
    linked = {(docs / urlsplit(link).path).resolve() for link in links_of(docs / "index.md")}
    tutorial = set((docs / "tutorial").glob("*.md")) - {docs / "tutorial" / "index.md"}
    assert set(docs.rglob("*.md")) - tutorial - {docs / "index.md"} <= linked
