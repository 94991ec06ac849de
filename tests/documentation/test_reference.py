"""The tables of the reference: each setting with its default, each command with its options."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import click
import pytest

from dualapp import DualApp
from dualapp.__main__ import main
from tests.support.server_process import ROOT
from tests.support.waiting import LIMIT

from .page import Page

SETTINGS = Page(ROOT / "docs" / "reference" / "settings.md")
COMMANDS = Page(ROOT / "docs" / "reference" / "cli.md")


def test_the_table_has_each_setting_and_its_default() -> None:
    shown = dict(re.findall(r"^\| `([A-Z_]+)` \| `(.+?)` \|", SETTINGS.text, re.MULTILINE))
    defaults = {key: eval(text, {"timedelta": timedelta}) for key, text in shown.items()}
    assert defaults == dict(DualApp.default_config)


def options_of(command: click.Command) -> Iterator[str]:
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield from (*parameter.opts, *parameter.secondary_opts)


@pytest.mark.parametrize("name", ["", *main.commands])
def test_the_page_has_each_command_and_its_options(name: str) -> None:
    command = main.commands[name] if name else main
    heading = f"## `dualapp {name}`" if name else "## Options of all commands"
    section = COMMANDS.text.partition(f"{heading}\n")[2].partition("\n## ")[0]
    assert section, f"docs/reference/cli.md has no {heading}"
    missing = [option for option in options_of(command) if f"`{option}`" not in section]
    assert not missing, f"docs/reference/cli.md does not say what these options of {name or 'dualapp'} mean: {missing}"


@pytest.mark.parametrize(("line", "printed"), COMMANDS.commands("dualapp"))
def test_a_command_prints_what_the_page_says(line: str, printed: str, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("".join(COMMANDS.blocks("python")))
    ended = subprocess.run(
        [sys.executable, "-m", *shlex.split(line)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert ended.stdout == printed, ended.stderr
