"""How long `import dualapp` takes, each time in a new process."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.rows import Row

PROGRAM = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
TIMES = 5


def rows() -> list[Row]:
    contestants = {name: partial(measure, name) for name in ("dualapp", "flask")}
    return [Row("import", "import", "ms", contestants, {"flask": 1.2})]


def measure(module: str, _seconds: float) -> float:
    """Return the milliseconds that an import takes which need not compile anything, as each but the first."""
    command = [sys.executable, "-c", PROGRAM.format(module)]
    with TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
        _first, *others = [
            float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout)
            for _ in range(1 + TIMES)
        ]
    return median(others) * 1000
