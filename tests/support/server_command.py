"""How a server is started: the line that a user would type, and what must be installed for it."""

import re
import shlex
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM, Signals

import pytest

from .server_process import HOST, Server, free_port

# Others have no handlers of their own, and die of a signal at whatever moment it comes.
HANDLE_SIGNALS = {"gunicorn", "uvicorn", "hypercorn", "granian"}


def started_by(
    line: str, needs: str = "", environment: Mapping[str, str] | None = None, path: Path | None = None
) -> Server:
    """The server of this line, in which `{bind}`, `{host}`, `{port}` and `{path}` are filled in; not started yet."""
    skip_unless_installed(needs or line.split()[0].removesuffix("-serve"))
    port = free_port()
    script, *arguments = shlex.split(line.format(bind=f"{HOST}:{port}", host=HOST, port=port, path=path))
    command = [str(Path(sys.executable).with_name(script)), *arguments]
    return Server(command, port, environment=environment, path=path, is_ready=can_be_ended)


def skip_unless_installed(needs: str) -> None:
    missing = [name for name in needs.split() if find_spec(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed here")


def can_be_ended(server: Server) -> bool:
    """Whether the server hears a signal: some listen before they have handlers.

    A worker of gunicorn that is told to end in the moment it was forked loses the signal to the handlers it has of its
    parent, and is killed half a minute later. It does away with the parent's for SIGHUP before it has its own for
    SIGTERM and SIGINT.
    """
    name = Path(server.command[0]).name
    if name not in HANDLE_SIGNALS:
        return True
    workers = [caught_by(pid) for pid in children_of(server.pid)] if name == "gunicorn" else []
    wanted = int(option[1]) if (option := re.search(r"(?:-w|--workers) (\d+)", " ".join(server.command))) else 1
    ready = [caught for caught in workers if {SIGTERM, SIGINT} <= caught and SIGHUP not in caught]
    return {SIGTERM, SIGINT} <= caught_by(server.pid) and (name != "gunicorn" or len(ready) == wanted)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in read(f"/proc/{pid}/task/{pid}/children").split()]


def caught_by(pid: int) -> set[Signals]:
    """The signals that a process has handlers for."""
    mask = re.search(r"^SigCgt:\s*(\w+)$", read(f"/proc/{pid}/status"), re.MULTILINE)
    bits = int(mask[1], 16) if mask else 0
    return {number for number in Signals if bits >> (number - 1) & 1}


def read(path: str) -> str:
    try:
        return Path(path).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""  # it has ended meanwhile
