"""The pages of the documentation as programs: Python blocks make one, and console blocks say how to ask it."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.support.http_client import Answer, ask
from tests.support.server_process import HOST, ROOT, Server, free_port

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
URL = re.compile(r"^http://127\.0\.0\.1:\d+")
CONFIGURES = "# gunicorn.conf.py\n"
BIND = {"gunicorn": ["--bind", f"{HOST}:{{port}}"], "uvicorn": ["--port", "{port}"]}

curl = argparse.ArgumentParser(prog="curl")
curl.add_argument("url")
curl.add_argument("-X", dest="method")
curl.add_argument("-H", dest="headers", action="append", default=[])
curl.add_argument("-d", dest="form")
curl.add_argument("--json")
curl.add_argument("-i", dest="shows_headers", action="store_true")


@dataclass(frozen=True)
class Page:
    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    def blocks(self, language: str) -> list[str]:
        return [body for kind, body in BLOCK.findall(self.text) if kind == language]

    def commands(self, *programs: str) -> list[tuple[str, str]]:
        """The commands of the console blocks, and what they print."""
        found = COMMAND.findall("".join(self.blocks("console")))
        return [(line, printed) for line, printed in found if line.split()[0] in programs]

    def write(self, directory: Path) -> None:
        """Write the program of the page under the name that its commands call it by."""
        own = [block for block in self.blocks("python") if not block.startswith(CONFIGURES)]
        (name,) = {re.findall(r"(\w+):app", line)[0] for line, _ in self.commands(*BIND)}
        (directory / f"{name}.py").write_text("\n\n".join(own))

    def configure(self, directory: Path, line: str) -> None:
        """Write the gunicorn.conf.py that the page shows above this command, if there is one."""
        above = self.text.partition(f"$ {line}\n")[0]
        for kind, shown in BLOCK.findall(above):
            if kind == "python" and shown.startswith(CONFIGURES):
                (directory / "gunicorn.conf.py").write_text(shown)


def started(line: str, directory: Path) -> Server:
    program, *arguments = shlex.split(line)
    port = free_port()
    where = [argument.format(port=port) for argument in BIND[program]]
    command = [sys.executable, "-m", program, *where, *arguments]
    return Server(command, port, cwd=directory, environment={"PYTHONPATH": str(ROOT)})


def check(line: str, printed: str, url: str) -> None:
    """Run a line with curl, and see that it prints what the page says."""
    line, _, grep = line.partition(" | grep ")
    asked = curl.parse_args(shlex.split(line)[1:])
    answer = asked_with_curl(asked, url)
    lines, expected = answer.text.splitlines(), printed.splitlines()
    if asked.shows_headers:
        lines = [f"HTTP/1.1 {answer.status}", *(f"{name}: {value}" for name, value in answer.headers)]
        assert set(lines) >= set(expected), (line, lines)
    elif grep:
        assert set(lines) >= set(expected), (line, lines)
        assert all(grep in shown for shown in expected)
    else:
        assert lines == expected, line
    assert expected, f"the page does not say what this prints: {line}"


def asked_with_curl(asked: argparse.Namespace, url: str) -> Answer:
    body = asked.json or asked.form
    kind = "application/json" if asked.json else "application/x-www-form-urlencoded"
    headers = dict(header.split(": ") for header in asked.headers) | ({"Content-Type": kind} if body else {})
    path = URL.sub("", asked.url)
    method = asked.method or ("POST" if body else "GET")
    return ask(url, path, method=method, body=body and body.encode(), headers=headers)
