"""Autobahn's cases, the test suite for RFC 6455, against an echo on each server; kosoku runs them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server_command import skip_unless_installed, started_by
from tests.support.server_process import HOST
from tests.support.waiting import LONG
from tests.support.workers import one_worker_each

from .websocket_servers import APP as USUAL_APP
from .websocket_servers import SERVERS

APP = "tests.servers.autobahn_app:app"
#: How many cases there are: those without compression, and those that compress messages of all sizes.
PLAIN, COMPRESSED = 301, 36
TAKEN_OVER = [
    *("gunicorn-sync", "gunicorn-gthread", "gunicorn-gevent"),
    *("waitress", "cheroot", "werkzeug", "uwsgi"),
]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", one_worker_each(TAKEN_OVER))
def test_all_cases_pass_under_wsgi(name: str, tmp_path: Path) -> None:
    assert failed(name, tmp_path, PLAIN, "-x", "12.*", "-x", "13.*") == []


def test_one_case_fails_on_uvicorn_that_is_not_ours(tmp_path: Path) -> None:
    """A close between the fragments of a message: the library that uvicorn uses answers it with 1002."""
    assert failed("uvicorn", tmp_path, PLAIN, "-x", "12.*", "-x", "13.*") in ([], ["7.1.5"])


def test_compressed_messages_of_all_sizes(tmp_path: Path) -> None:
    assert failed("gunicorn-gthread", tmp_path, COMPRESSED, "-i", "12.1.*", "-i", "13.1.*") == []


def failed(name: str, directory: Path, number: int, *selected: str) -> list[str]:
    """Run so many cases against a server, four at a time; those that fail again alone: some wait for a second only."""
    command, needs = SERVERS[name]
    skip_unless_installed("kosoku")
    with started_by(command.replace(USUAL_APP, APP), needs) as server:
        ran, failures = run(server.port, directory, "-p", "4", *selected)
        assert ran == number
        return failures and run(server.port, directory, *(word for case in failures for word in ("-i", case)))[1]


def run(port: int, directory: Path, *selected: str) -> tuple[int, list[str]]:
    """Run cases; return how many there were, and those that failed."""
    command = [str(Path(sys.executable).with_name("kosoku")), *selected, "-o", str(directory), f"{HOST}:{port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)
    counted = re.search(r"^(?:\d+ of )?(\d+) cases", done.stdout + done.stderr, re.MULTILINE)
    assert counted, done
    return int(counted[1]), re.findall(r"^  ([\d.]+): ", done.stderr, re.MULTILINE)
