"""How long `import dualapp` takes, each time in a new process."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from statistics import median

from benchmarks.rows import Row

PROGRAM = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
TIMES = 5


def rows() -> list[Row]:
    contestants = {name: partial(measure, name) for name in ("dualapp", "flask")}
    return [Row("import", "import", "ms", contestants, {"flask": 1.2})]


def measure(module: str, _seconds: float) -> float:
    command = [sys.executable, "-c", PROGRAM.format(module)]
    return median(
        float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout) * 1000
        for _ in range(TIMES)
    )
