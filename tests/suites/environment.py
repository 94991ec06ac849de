"""Where the suites run: one virtual environment, and their source distributions, all made once and kept.

They are kept in `.tox/suites`, or where DUALAPP_SUITES says.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import venv
from functools import cache
from pathlib import Path

from .suite import HERE, REQUIREMENTS, SUITES, Suite

ROOT = HERE.parents[1]
CACHE = Path(os.environ.get("DUALAPP_SUITES", ROOT / ".tox" / "suites"))


@cache
def interpreter() -> Path:
    """Return a Python that has what the suites need, and this dualapp."""
    # The name says all that it depends on: with another Python or other versions it is another environment.
    wanted = sys.version.encode() + REQUIREMENTS.read_bytes() + (ROOT / "setup.cfg").read_bytes()
    home = CACHE / f"environment-{hashlib.sha256(wanted).hexdigest()[:12]}"
    python, made = home / "bin" / "python", home / "made"
    if not made.exists():
        venv.create(home, clear=True, symlinks=True)
        pip("--python", python, "install", "--editable", ROOT, "--requirement", REQUIREMENTS)
        made.touch()
    return python


def source(suite: Suite) -> Path:
    """Return the directory of the suite's source distribution."""
    home = CACHE / f"{suite.distribution}-{suite.version}"
    if not home.exists():
        # Some suites configure no pytest; the search for a configuration ends here, and not at ours.
        (CACHE / "pytest.ini").write_text("[pytest]\n")
        unpack(download(suite), home)
    return home


def download(suite: Suite) -> Path:
    wanted = f"{suite.distribution}=={suite.version}"
    place = CACHE / "archives" / wanted
    pip("download", "--no-deps", "--no-binary", suite.distribution, "--dest", place, wanted)
    (archive,) = place.iterdir()
    return archive


def unpack(archive: Path, home: Path) -> None:
    with tarfile.open(archive) as file:
        file.extractall(archive.parent, filter="data")
    (unpacked,) = (path for path in archive.parent.iterdir() if path.is_dir())
    unpacked.rename(home)


def pip(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments], check=True)


if __name__ == "__main__":  # so that it can be done before it is needed
    interpreter()
    for suite in SUITES.values():
        source(suite)
