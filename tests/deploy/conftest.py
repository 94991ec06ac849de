"""A site for each way to serve the shop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.redis_server import redis_server

from .site import Site


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture
def site(tmp_path: Path, redis_url: str) -> Site:
    return Site(tmp_path, redis_url)
