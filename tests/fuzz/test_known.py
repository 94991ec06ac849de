"""Each difference that is said to be known is there, or its entry has to go."""

from __future__ import annotations

import pytest

from .comparison import differences
from .known import KNOWN, Known


@pytest.mark.parametrize("entry", KNOWN, ids=lambda entry: entry.covers.__name__)
def test_it_is_there(entry: Known) -> None:
    found = [*differences(entry.world, entry.visits)]
    covering = [[each.reason for each in KNOWN if each.covers(entry.world, difference)] for difference in found]
    assert [entry.reason] in covering, "stale: nothing differs any more"
    assert all(covering), "the same request shows a difference that is not known"
