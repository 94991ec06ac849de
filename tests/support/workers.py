"""Which tests the same worker of pytest-xdist runs: those that share what takes long to start or to run."""

from __future__ import annotations

from collections.abc import Iterable

import pytest


def one_worker_each(names: Iterable[str]) -> list[object]:
    """Give the parameters of these names; all tests with the same one run in one process, one after another."""
    return [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in names]
