"""`as_wsgi` and `as_asgi` do all that the table of cases asks for."""

from __future__ import annotations

import pytest

from .adapters import DIRECTIONS, YES, outcome

CASES = [(direction, words) for direction, (cases, _) in DIRECTIONS.items() for words in cases]


@pytest.mark.parametrize(("direction", "words"), CASES)
def test_ours_passes(direction: str, words: str) -> None:
    _, error = outcome(words, direction, DIRECTIONS[direction][1][0], YES)
    if error is not None:
        raise error
