"""What the figures of a run depend on."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from benchmarks.load import generator

# Those of which the versions are shown.
DISTRIBUTIONS = [
    "asgiref",
    "blacksheep",
    "bottle",
    "django",
    "falcon",
    "fastapi",
    "flask",
    "gunicorn",
    "httptools",
    "jinja2",
    "litestar",
    "quart",
    "starlette",
    "uvicorn",
    "uvloop",
    "werkzeug",
]
# Parts that a wheel has compiled, and a slower one for any machine has not.
COMPILED = ["blacksheep.baseapp", "falcon.cyutil.misc"]


def environment() -> dict[str, str]:
    return {
        "day": datetime.now(UTC).date().isoformat(),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.release()}, {os.cpu_count()} x {processor()}",
        "load": generator(),
        "versions": ", ".join(f"{name} {version(name)}" for name in DISTRIBUTIONS),
    }


def require_compiled() -> None:
    """Refuse to compare with less than the peers can do."""
    for name in COMPILED:
        spec = find_spec(name)
        if spec is None or not (spec.origin or "").endswith(tuple(EXTENSION_SUFFIXES)):
            raise SystemExit(f"{name} is not compiled here")


def processor() -> str:
    """Name the processor, where the system says what it is."""
    described = Path("/proc/cpuinfo")
    match = re.search(r"model name\s*: (.+)", described.read_text()) if described.exists() else None
    return match[1] if match else platform.machine()
