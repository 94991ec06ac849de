"""How a server is started: the line that a user would type, and what must be installed for it."""

import shlex
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.server_process import HOST, Server, free_port


def started_by(line: str, needs: str = "", environment: Mapping[str, str] | None = None) -> Server:
    """The server of this line, in which `{bind}`, `{host}` and `{port}` are filled in; not started yet."""
    skip_unless_installed(needs or line.split()[0].removesuffix("-serve"))
    port = free_port()
    script, *arguments = shlex.split(line.format(bind=f"{HOST}:{port}", host=HOST, port=port))
    command = [str(Path(sys.executable).with_name(script)), *arguments]
    return Server(command, port, environment=environment, patience=20)


def skip_unless_installed(needs: str) -> None:
    missing = [name for name in needs.split() if find_spec(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed here")
