"""A part of the fuzz: enough to notice most faults. `python -m tests.fuzz --requests 1000000` goes on."""

from __future__ import annotations

import pytest

from ..support.workers import slow_after
from .generator import BLOCK
from .search import search

REQUESTS = 20_000
SEED = 0
TESTS = 20


@pytest.mark.parametrize("number", slow_after(5, range(TESTS)))
def test_no_difference_that_is_not_known(number: int) -> None:
    for block in range(number, REQUESTS // BLOCK, TESTS):
        if found := search(SEED, block):
            pytest.fail("\n\n".join(found), pytrace=False)
