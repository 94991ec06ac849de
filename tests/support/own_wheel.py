"""The project's own wheel, which pip takes for `dualapp` instead of what the package index has under that name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from .server_process import ROOT

#: Nothing that a wheel is made of; what an earlier build has left would get into it.
LEFT_OUT = shutil.ignore_patterns(".*", "*.egg-info", "benchmarks", "build", "dist", "docs", "tests")


def finding_own_wheel(directory: Path) -> dict[str, str]:
    """Build the wheel in an empty directory; return what pip must find in its environment."""
    copy = shutil.copytree(ROOT, directory / "copy", ignore=LEFT_OUT)
    # Of two wheels of one version pip takes the one with the higher build number.
    build = ["wheel", "--no-deps", "--config-settings=--build-option=--build-number=1", "--wheel-dir", directory, copy]
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *build], check=True)
    return {"PIP_FIND_LINKS": f"{directory} {os.environ.get('PIP_FIND_LINKS', '')}"}
