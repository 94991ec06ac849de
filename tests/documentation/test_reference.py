"""The tables of the reference: each setting with its default, each command with its options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import click
import pytest

from dualapp import DualApp
from dualapp.__main__ import main
from tests.support.server_process import ROOT

from .page import Page

SETTINGS = Page(ROOT / "docs" / "reference" / "settings.md")
COMMANDS = Page(ROOT / "docs" / "command-line.md")


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
    heading = f"## {name or 'Options of every command'}"
    section = COMMANDS.text.partition(f"{heading}\n")[2].partition("\n## ")[0]
    assert section, f"docs/command-line.md has no {heading}"
    missing = [option for option in options_of(command) if f"`{option}`" not in section]
    assert not missing, f"docs/command-line.md does not say what these options of {name or 'dualapp'} mean: {missing}"
