"""Where the pipeline of an endpoint runs without a crossing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from ..crossing.colour import is_async


class Home(Enum):
    """Where the pipeline of an endpoint runs, whichever entry its requests come through."""

    THREAD = "thread"
    LOOP = "loop"
    EITHER = "either"


def home_of(functions: Iterable[Callable[..., Any]]) -> Home:
    """Return where functions run without a crossing; for a mixture that is a thread, which may block."""
    colours = {is_async(func) for func in functions}
    if not colours:
        return Home.EITHER
    return Home.LOOP if colours == {True} else Home.THREAD
