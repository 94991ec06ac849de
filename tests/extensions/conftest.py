"""What the tests of extensions share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from .quart_twin import ServeBesideQuart


@pytest.fixture(params=["wsgi-def", "wsgi-async", "asgi-def", "asgi-async"])
def serve_beside_quart(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[ServeBesideQuart]:
    """For Quart's extensions: what `serve` is for Flask's."""
    with ExitStack() as ends:
        yield ServeBesideQuart(*request.param.split("-"), ends)
    assert "Shutdown failed" not in caplog.text  # it is logged, and nothing else comes of it
