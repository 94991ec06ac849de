"""No page has a program or a shell line that no test runs."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import pytest

from tests.support.server_process import ROOT

from .page import BIND, BLOCK, NOT_RUN, PAGES, Page
from .test_environments import environments
from .test_installing import INSTALL
from .walk import TUTORIAL

ALL = [pytest.param(Page(path), id=str(path.relative_to(ROOT))) for path in PAGES]
INDENTED = re.compile(r"(?<=\n\n)(?:    .*\n)+")
#: The tests that run pages, by the names of those that they run.
TESTS = [path.read_text() for path in ROOT.glob("tests/*/test_*.py") if path != Path(__file__)]


def shell_lines(page: Page) -> Iterator[str]:
    """What a reader types: the lines of console blocks, and those of indented blocks that are not Python."""
    yield from (line for line, _ in page.commands())
    for block in INDENTED.findall(BLOCK.sub("", page.text)):
        if not is_python(block):
            yield from (line.partition(" # ")[0].strip() for line in block.splitlines())


def is_python(block: str) -> bool:
    try:
        ast.parse(dedent(block))
    except SyntaxError:
        return False
    return True


def run_by(test: str) -> tuple[str, ...]:
    """What begins the lines that a test asks its pages for: the names of programs, or nothing if it asks for all."""
    asked = re.findall(r"\bcommands\((.*?)\)", test)
    names = [name for words in asked for name in (*re.findall(r'"(.*?)"', words), *(BIND if "*BIND" in words else ()))]
    return ("",) if "" in asked else tuple(f"{name} " for name in names)


@pytest.mark.parametrize("page", ALL)
def test_a_test_runs_the_page(page: Page) -> None:
    tests = [test for test in TESTS if f'"{page.path.name}"' in test]
    run = [*NOT_RUN, *(start for test in tests for start in run_by(test))]
    if page.path.parent != TUTORIAL:  # test_tutorial.py walks through all of it
        assert tests or not page.blocks("python"), f"no test runs {page.path.name}"
        assert [
            line for line in shell_lines(page) if not (line.startswith(tuple(run)) or INSTALL.fullmatch(line))
        ] == []


@pytest.mark.parametrize("page", ALL)
def test_what_is_typed_stands_in_console_blocks(page: Page) -> None:
    assert len(re.findall(r"^ *\$ ", page.text, re.MULTILINE)) == len(page.commands())
    assert not any(page.blocks(kind) for kind in ("bash", "sh", "shell"))


@pytest.mark.parametrize(
    "line", sorted({line for page in PAGES for line in shell_lines(Page(page)) if line.startswith("make ")})
)
def test_make_has_the_target(line: str) -> None:
    subprocess.run(["make", "--dry-run", *shlex.split(line)[1:]], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)


@pytest.mark.parametrize("line", sorted({line for page in PAGES for line in shell_lines(Page(page)) if "tox" in line}))
def test_tox_and_pytest_have_what_a_line_names(line: str) -> None:
    (environment,) = re.findall(r"-e (\w+)|\.tox/(\w+)", line)
    assert environments().issuperset(filter(None, environment))
    assert all((ROOT / path).exists() for path in re.findall(r" (tests/\S+)", line))
    assert all(find_spec(module) for module in re.findall(r" -m (\w\S+)", line))


def test_the_example_of_a_behaviour_test_is_one() -> None:
    (shown,) = Page(ROOT / "tests" / "README.md").blocks("python")
    assert shown in (ROOT / "tests" / "parity" / "test_json_bodies.py").read_text()
