"""The tests that share what takes long to start or to run are run by one worker."""

from __future__ import annotations

from pathlib import Path

from .pytest_project import run_pytest

GROUPS = """
import os
import pytest
from tests.support.workers import one_worker_each

@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("name", one_worker_each(["ada", "grace"]))
def test_worker(name, turn, tmp_path_factory):
    seen = tmp_path_factory.getbasetemp().parent / name
    with seen.open("a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
    assert len(set(seen.read_text().split())) == 1
"""


def test_a_group_has_one_worker(tmp_path: Path) -> None:
    (tmp_path / "test_groups.py").write_text(GROUPS)
    report = run_pytest(tmp_path, "-n", "2", "--dist", "loadgroup", plugins=("xdist",))
    assert report.count() == {"passed": 8}
