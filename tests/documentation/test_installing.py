"""The lines that install something, run for real: in environments with nothing else, by a pip that finds this dualapp.

The tutorial and the README are read to their end there: what they run must be what they have installed.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.own_wheel import finding_own_wheel
from tests.support.server_process import ROOT

from .page import PAGES, Page
from .walk import SETUP, TUTORIAL, Walk, walked

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.version_info < (3, 13), reason="once is enough; tox installs on each other Python, too"),
]
#: A line of a console block, of a Dockerfile or in a text, that says what is installed.
INSTALL = re.compile(r"(?<![/\w])pip install (?:--[\w-]+ )*['\w][^`\n]*")
FILES = ROOT / "examples" / "deploy"
#: Each line, and the directory in which it is run; those of the tutorial are run on the way through it.
PLACES = [FILES / "Dockerfile", *(path for path in PAGES if path.parent != TUTORIAL)]
LINES = {line: path.parent for path in PLACES for line in INSTALL.findall(path.read_text())}
DEPLOYMENT = [line for line, _ in Page(ROOT / "docs" / "deployment.md").commands() if SETUP.match(line)]
#: What the reader has besides: another user's rights, and a pip that needs not be installed for each line.
PROGRAMS = {"sudo": '"$@"', "pip": f'{shlex.quote(sys.executable)} -m pip --python "$VIRTUAL_ENV" "$@"'}
#: The modules of extras and distributions that have other names.
MODULES = {"servers": ["gunicorn", "uvicorn"], "pyyaml": ["yaml"]}


@pytest.fixture(scope="session")
def pip(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return finding_own_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def reader(tmp_path: Path, pip: dict[str, str]) -> Walk:
    """A reader in an empty directory, on a machine with Python and nothing that the tests have."""
    directory, programs = tmp_path / "empty", tmp_path / "bin"
    directory.mkdir()
    programs.mkdir()
    (programs / "python3").symlink_to(Path(sys.executable).resolve())
    for name, line in PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/sh\nexec {line}\n")
        (programs / name).chmod(0o755)
    environment = {"PATH": f"{programs}:/usr/bin:/bin", "PYTHONPATH": "", "PYTEST_ADDOPTS": "", **pip}
    return Walk(directory, environment, installs=True)


@pytest.fixture
def reader_in_environment(reader: Walk) -> Walk:
    reader.run("python3 -m venv --without-pip .venv")
    reader.run(". .venv/bin/activate")
    return reader


def test_the_tutorial_needs_nothing_but_what_it_installs(reader: Walk) -> None:
    walked(reader)


def test_the_readme_needs_nothing_but_what_it_installs(reader_in_environment: Walk) -> None:
    reader_in_environment.read(ROOT / "README.md")


@pytest.mark.parametrize("line", LINES)
def test_a_line_installs_what_it_names(line: str, reader_in_environment: Walk) -> None:
    reader, empty = reader_in_environment, reader_in_environment.directory
    reader.directory = LINES[line]
    assert "does not provide the extra" not in reader.call(line)
    reader.directory = empty
    names = named(line, LINES[line])
    modules = [module for name in names for module in MODULES.get(name, [name.replace("-", "_")])]
    reader.call(f"python -c 'import {', '.join(modules)}'")
    for name in modules:
        if (empty / ".venv" / "bin" / name).exists():
            reader.call(f"{name} --version")


def named(line: str, directory: Path) -> list[str]:
    """The distributions and the extras that a line names, itself or in a file."""
    words = shlex.split(line)[2:]
    if "--group" in words:
        words = tomllib.loads((directory / "pyproject.toml").read_text())["dependency-groups"][words[-1]]
    elif "--requirement" in words:
        words = (directory / words[-1]).read_text().splitlines()
    return re.findall(r"(?<![\w.-])[A-Za-z][\w-]*", " ".join(words))


def test_the_lines_of_the_deployment_make_the_environment_of_its_units(reader: Walk) -> None:
    home = shutil.copytree(FILES, reader.directory / "shop")
    for line in DEPLOYMENT:
        reader.run(line.replace("/srv/shop", str(home)))
    units = [path.read_text() for path in (home / "systemd").glob("*.service")]
    for server in re.findall(r"^ExecStart=(\S+)", "\n".join(units), re.MULTILINE):
        reader.call(f"{server.replace('/srv/shop', str(home))} --version")
    reader.directory = home
    reader.call("venv/bin/python -c 'import shop'")
