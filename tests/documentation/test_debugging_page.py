"""The page about debugging: its commands show the error that it names, in a page with consoles."""

from __future__ import annotations

import html
import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.support.http_client import ask
from tests.support.server_process import HOST, ROOT, Server, free_port

from .page import Page

PAGE = Page(ROOT / "docs" / "debugging.md")
LINES = [line for line, _ in PAGE.commands("FLASK_DEBUG=1", "flask", "dualapp")]
#: How each program is told its port, and that it need not watch the files.
BIND = {
    "gunicorn": ["--bind", f"{HOST}:{{port}}"],
    "uvicorn": ["--port", "{port}"],
    "hypercorn": ["--bind", f"{HOST}:{{port}}"],
    "flask": ["--no-reload", "--port", "{port}"],
    "dualapp": ["--no-reload", "--port", "{port}"],
}


def started(line: str, directory: Path) -> Server:
    words = shlex.split(line)
    variables = dict(word.split("=") for word in words if "=" in word)
    program, *arguments = [word for word in words if "=" not in word]
    pytest.importorskip(program)
    port = free_port()
    command = [sys.executable, "-m", program, *arguments, *(word.format(port=port) for word in BIND[program])]
    environment = {**variables, "PYTHONPATH": f"{directory}:{ROOT}", "WERKZEUG_DEBUG_PIN": "123"}
    return Server(command, port, cwd=directory, environment=environment)


def consoles() -> list[tuple[str, str]]:
    """What the page types in a console, and what it says that is shown."""
    (block,) = [body for body in PAGE.blocks("text") if body.startswith(">>> ")]
    return re.findall(r"^>>> (.*)\n(.*)$", block, re.MULTILINE)


def test_the_page_has_commands_for_both_entries() -> None:
    assert {word for line in LINES for word in line.split()} >= BIND.keys()


@pytest.mark.parametrize("line", LINES)
def test_a_command_shows_the_error_and_its_consoles(line: str, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("\n\n".join(PAGE.blocks("python")))
    with started(line, tmp_path) as server:
        assert ask(server.url, "/price/apple").text.split() == ["{", '"price":', "3", "}"]
        answer = ask(server.url, "/share/apple/0")
        assert answer.status == 500
        assert "ZeroDivisionError" in answer.text
        frames = re.findall(r'id="frame-(\d+)"', answer.text)
        assert len(frames) <= 7
        secret = re.findall(r'SECRET = "(.*?)"', answer.text)[0]
        asking = f"/share/apple/0?__debugger__=yes&s={secret}"
        cookie = ask(server.url, f"{asking}&cmd=pinauth&pin=123")["set-cookie"].partition(";")[0]
        for typed, shown in consoles():
            target = f"{asking}&frm={frames[-1]}&cmd={typed.replace(' ', '%20')}"
            said = ask(server.url, target, headers={"Cookie": cookie}).text
            assert html.unescape(re.sub("<.*?>", "", said)).rstrip() == f">>> {typed}\n{shown}"
