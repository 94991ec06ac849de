"""How commands are told their app."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dualapp.__main__ import main


@pytest.mark.parametrize(
    ("command", "remedy"),
    [
        (["check"], "dualapp check shop:app"),
        (["routes"], "dualapp routes shop:app"),
        (["run"], "dualapp run shop:app"),
        (["run", "--asgi"], "dualapp run shop:app"),
        (["run", "--reload"], "dualapp run shop:app"),
        (["shell"], "dualapp --app shop:app"),
        (["unknown"], "dualapp --app shop:app"),
        (["--help"], "dualapp --app shop:app"),
    ],
)
def test_a_command_without_an_app_says_how_to_name_one(
    command: list[str], remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # Flask looks for apps in this directory
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "false")  # Flask sets it
    monkeypatch.delenv("FLASK_APP", raising=False)
    said = CliRunner().invoke(main, command, prog_name="dualapp").stderr
    assert f"({remedy})" in said
    assert "flask --app" not in said
