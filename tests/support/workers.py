"""Which tests the same worker of pytest-xdist runs: those that share what takes long to start or to run."""

from __future__ import annotations

from collections.abc import Container, Iterable

import pytest


def one_worker_each(names: Iterable[str], slow: Container[str] = ()) -> list[object]:
    """Give the parameters of these names; all tests with the same one run in one process, one after another."""
    return [
        pytest.param(name, marks=[pytest.mark.xdist_group(name), *([pytest.mark.slow] if name in slow else [])])
        for name in names
    ]


def slow_after(quick: int, values: Iterable[object]) -> list[object]:
    """Give the parameters of these values; all but the first ones are marked slow, as more of the same."""
    return [pytest.param(value, marks=[pytest.mark.slow] * (number >= quick)) for number, value in enumerate(values)]
