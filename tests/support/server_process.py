"""Run a server as a process: start it, wait until it listens, stop it, keep what it said.

    with serving([sys.executable, "-m", "uvicorn", "examples.basic:app", "--port", str(port)], port) as url:
        ...

A test that needs the process itself (its pid, its output so far, a signal) uses `Server`, which `serving` wraps.
"""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .waiting import LIMIT

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parents[2]


class ServerFailed(Exception):
    """The server ended by itself, or did not listen in time, or did not end in time."""


def free_port() -> int:
    """Name a local port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def serving(command: Sequence[str], port: int, **options: Any) -> Iterator[str]:
    """Serve for as long as the block lasts; the block gets the URL. `options` are those of `Server`."""
    with Server(command, port, **options) as server:
        yield server.url


class Server:
    """Run `command` for as long as a ``with`` block lasts.

    It must serve on `port` of 127.0.0.1, or on the Unix socket `path`.

    Everything the server prints is kept in `output`, and is added to any exception that leaves the block. A server that
    has to be killed at the end of the block has failed.
    `environment` is added to this process's own. The block begins when the server listens and `is_ready` is true of it.
    `starts_within` and `ends_within` are in seconds.
    """

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        *,
        cwd: Path = ROOT,
        environment: Mapping[str, str] | None = None,
        path: Path | None = None,
        is_ready: Callable[[Self], bool] = bool,
        starts_within: float = LIMIT,
        ends_within: float = LIMIT,
    ) -> None:
        self.command = list(command)
        self.port = port
        self.path = path
        self.url = f"http://{HOST}:{port}"
        self.hung = False
        self._cwd = cwd
        self._environment = {**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})}
        self._is_ready = is_ready
        self._starts_within = starts_within
        self._ends_within = ends_within

    def __enter__(self) -> Self:
        # A file, because a pipe that nobody reads stops the server when it is full.
        self._log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            self.command,
            cwd=self._cwd,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            # Its own group: Ctrl-C is for us alone, and `stop` reaches the workers as well.
            start_new_session=True,
        )
        try:
            self._wait_until_ready()
        except BaseException as error:
            self._end()
            self._annotated(error)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()
        if error is not None:
            self._annotated(error)
        elif self.hung:
            raise self._annotated(ServerFailed(f"did not end by SIGTERM: {self._shown_command}"))

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        """Return what the server printed so far."""
        if self._log.closed:
            return self._last_output
        # pread leaves the file position alone: the server writes at the same one.
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    def stop(self) -> int:
        """End the server by SIGTERM as its operator would, or by force if need be, and return its exit status."""
        self.process.terminate()
        try:
            self.process.wait(self._ends_within)
        except subprocess.TimeoutExpired:
            self.hung = True
        # Whoever is left of the group: a server that hangs, workers whose master died.
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        return self.process.wait()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self._starts_within
        while not (self._listens() and self._is_ready(self)):
            if self.process.poll() is not None:
                raise ServerFailed(f"ended with status {self.process.returncode}: {self._shown_command}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"does not listen on port {self.port}: {self._shown_command}")
            time.sleep(0.02)

    def connect(self, timeout: float = LIMIT) -> socket.socket:
        """Return a new connection to the server."""
        if self.path is None:
            return socket.create_connection((HOST, self.port), timeout)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        try:
            connection.connect(str(self.path))
        except OSError:
            connection.close()
            raise
        return connection

    def _listens(self) -> bool:
        with suppress(OSError), self.connect(timeout=1):
            return True
        return False

    @property
    def _shown_command(self) -> str:
        return " ".join(self.command)

    def _end(self) -> None:
        self.stop()
        self._last_output = self.output
        self._log.close()

    def _annotated(self, error: BaseException) -> BaseException:
        error.add_note(f"{self._shown_command} printed:\n{self._last_output or '(nothing)'}")
        return error
