"""A headless Chromium, if this machine has one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from .waiting import LIMIT

# The sandbox needs privileges that root in a container has not, and the browser shows nothing but pages of these tests.
NO_SANDBOX = "--no-sandbox"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_chromium() -> str:
    """Name the program; skip the test if there is none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    return program


@contextmanager
def browsing(url: str) -> Iterator[None]:
    """Show a page in a browser of its own for as long as the block lasts; the page reports to its server."""
    program = find_chromium()
    with tempfile.TemporaryDirectory(prefix="dualapp-browser-", ignore_cleanup_errors=True) as profile:
        options = ["--headless", NO_SANDBOX, "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        command = [program, *options, f"--user-data-dir={profile}", "--remote-debugging-port=0", url]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # it has processes of its own, and nothing to save
            process.wait(LIMIT)
