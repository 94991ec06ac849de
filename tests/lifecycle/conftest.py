from pathlib import Path

import pytest

from .events import Events


@pytest.fixture
def events(tmp_path: Path) -> Events:
    return Events(tmp_path / "events")
