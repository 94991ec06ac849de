"""A part of the fuzz: enough to notice most faults. `python -m tests.fuzz --requests 1000000` goes on."""

from __future__ import annotations

import pytest

from .generator import BLOCK
from .search import search

REQUESTS = 20_000
SEED = 0
#: So many tests share them: as many can run at once.
TESTS = 20


@pytest.mark.parametrize("number", range(TESTS))
def test_no_difference_that_is_not_known(number: int) -> None:
    for block in range(number, REQUESTS // BLOCK, TESTS):
        if found := search(SEED, block):
            pytest.fail("\n\n".join(found), pytrace=False)
