"""Tests that are known to fail on an entry or in a colour, marked so that the table sees it before they run."""

from __future__ import annotations

import pytest

CELLS = ("wsgi-def", "wsgi-async", "asgi-def", "asgi-async")
ASYNC = ("wsgi-async", "asgi-async")


def fails_in(*cells: str, reason: str) -> pytest.MarkDecorator:
    """Give a test of `serve` that fails in some of its four ways, for a reason that the table shows."""
    mark = pytest.mark.xfail(reason=reason, strict=True)
    return pytest.mark.parametrize(
        "serve", [pytest.param(cell, marks=[mark] if cell in cells else []) for cell in CELLS], indirect=True
    )
