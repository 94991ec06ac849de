"""Wait for events. No test measures how long something takes: a busy machine may take its time, only a hang may not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: How many seconds an event may take that is not late until it hangs; for what takes thousands of requests, `LONG`.
LIMIT = 60.0
LONG = 10 * LIMIT


def wait_for(happened: Callable[[], T], *, because: Callable[[], object] = str, pause: float = 0.005) -> T:
    """Wait until `happened` returns something true, and return that; `because` says what there is instead."""
    deadline = time.monotonic() + LIMIT
    while not (found := happened()):
        assert time.monotonic() < deadline, because()
        time.sleep(pause)
    return found
