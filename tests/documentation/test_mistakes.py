"""Each message on the page of mistakes is one of the code's own, or is said to be somebody else's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.support.server_process import ROOT

from .page import Page

PAGE = Page(ROOT / "docs" / "mistakes.md")
TITLES = [title for _, title in re.findall(r"^### (`+) ?(.*?) ?\1$", PAGE.text, re.MULTILINE)]
ALSO = re.findall(r"^\*.*?(?:Also|With) `(.*? .*?)`.*\*", PAGE.text, re.MULTILINE)
#: Python's, asyncio's and gunicorn's.
OTHERS = {
    "'coroutine' object is not subscriptable",
    "'coroutine' object has no attribute …",
    "Executing … took … seconds",
    "Failed to parse 'app.wsgi' as an attribute name or function call.",
    "… attached to a different loop",
}


@cache
def texts() -> list[str]:
    """Return all texts in the code, with … for the values in them."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "dualapp").rglob("*.py")]
    return [text.replace("%s", "…") for tree in trees for text in texts_in(tree)]


def texts_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def is_said(message: str) -> bool:
    """Tell whether a text says the message; … stands for any part of the text."""
    pattern = re.compile(".*".join(map(re.escape, message.split("…"))))
    return any(pattern.search(text) for text in texts())


@pytest.mark.parametrize("message", [title for title in TITLES + ALSO if title not in OTHERS])
def test_the_code_says_it(message: str) -> None:
    assert is_said(message)


def test_the_others_are_on_the_page() -> None:
    assert set(TITLES + ALSO) >= OTHERS


def test_a_message_that_nobody_says_is_found() -> None:
    assert not is_said("A view must … its request.")
