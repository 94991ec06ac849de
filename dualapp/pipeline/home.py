"""Find the home of a pipeline: the place, a thread or the loop, where it runs without a crossing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from ..crossing.colour import is_async


class Home(Enum):
    """Where a pipeline runs: in a thread, on the loop, or in either, as the entry decides."""

    THREAD = "thread"
    LOOP = "loop"
    EITHER = "either"


def home_of(functions: Iterable[Callable[..., Any]]) -> Home:
    """Return where functions run without a crossing; for a mixture of colours a thread, where sync code may block."""
    colours = {is_async(func) for func in functions}
    if not colours:
        return Home.EITHER
    return Home.LOOP if colours == {True} else Home.THREAD
