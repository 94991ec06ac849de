"""Each test of parity begins where nobody listens."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from blinker import Signal
from flask import signals


@pytest.fixture(autouse=True)
def nobody_listens() -> Iterator[None]:
    """A receiver that a test leaves behind would keep the apps of all tests after it off the short road."""
    yield
    for signal in vars(signals).values():
        if isinstance(signal, Signal):
            signal._clear_state()


@pytest.fixture
def without_log() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
