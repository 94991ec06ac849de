"""Walk through a tutorial as a reader does: write the files that it shows, run its shell lines, from top to bottom."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.server_process import ROOT, Server, free_port
from tests.support.waiting import LONG

from .page import BIND, FENCE, check, commands, file_in, file_of

TUTORIAL = ROOT / "docs" / "tutorial"
CHAPTERS = ["index.md", *re.findall(r"^\d+\. .*?\((\w+\.md)\)", (TUTORIAL / "index.md").read_text(), re.MULTILINE)]
#: Lines that make an environment with dualapp in it. The tests have one; in test_installing.py these lines are run.
SETUP = re.compile(r"(sudo )?(python3 -m venv|\. \.venv/bin/activate|\S*pip install)")
#: The servers, by what begins the line; each gets the port as its last words.
SERVERS = {"dualapp run": ["--port", "{port}"], **BIND}
PROGRAMS = {"python": [], "dualapp": ["-m", "dualapp"], "gunicorn": ["-m", "gunicorn"], "uvicorn": ["-m", "uvicorn"]}
#: The plugins that a reader has, whatever those of the pytest that runs this.
PYTEST = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p pytest_dualapp -p pytest_asyncio.plugin"}


@dataclass
class Walk:
    """A reader in a directory, with a terminal, and a second one for a server.

    The reader has what the tests have, unless `installs` is true: then each line is run as it stands.
    """

    directory: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PYTHONPATH": str(ROOT), **PYTEST})
    installs: bool = False
    server: Server | None = None

    def read(self, page: Path) -> None:
        """Do all that a page says."""
        try:
            for block in FENCE.finditer(page.read_text()):
                if block["kind"] == "console":
                    self.run_all(block["body"])
                else:
                    self.write(block["before"], block["body"])
        finally:
            self.stop_server()

    def write(self, before: str, text: str) -> None:
        """Write a file whose name stands in the paragraph before it, or in its first line."""
        name = file_of(before) or file_in(text)
        assert name, f"the page does not say which file this is: {text[:80]}"
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def run_all(self, console: str) -> None:
        for line, printed in commands(console):
            self.run(line, printed)

    def run(self, line: str, printed: str = "") -> None:
        program = line.split()[0]
        if SETUP.match(line) and not self.installs:
            return
        if program == "cd":
            self.directory /= line.split()[1]
        elif program in ("export", "."):
            self.change(line)
        elif line.startswith(tuple(SERVERS)):
            self.stop_server()
            self.server = self.started(line)
            self.server.__enter__()
        elif program == "curl":
            assert self.server, f"no server is running: {line}"
            check(line, printed, self.server.url, self.directory)
        else:
            self.call(line, printed)

    def call(self, line: str, printed: str = "") -> str:
        """Run a command that ends, and see that it prints what the page says, if it says anything."""
        ended = subprocess.run(
            self.command(line),
            cwd=self.directory,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONG,
        )
        assert ended.returncode == 0, f"{line}\n{ended.stdout}"
        assert ended.stdout == (printed or ended.stdout), line
        return ended.stdout

    def change(self, line: str) -> None:
        """Run a line that changes the environment of the shell, and keep what it has made of it."""
        python = f'python() {{ command {shlex.join(self.command("python"))} "$@"; }}'
        shell = subprocess.run(
            ["bash", "-c", f"{python}; {line} && env -0"],
            cwd=self.directory,
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        self.environment = dict(pair.split("=", 1) for pair in shell.stdout.rstrip("\0").split("\0"))

    def started(self, line: str) -> Server:
        (bind,) = {start: words for start, words in SERVERS.items() if line.startswith(start)}.values()
        port = free_port()
        command = [*self.command(line), *(word.format(port=port) for word in bind)]
        return Server(command, port, cwd=self.directory, environment=self.environment)

    def command(self, line: str) -> list[str]:
        program, *arguments = shlex.split(line)
        if self.installs or program not in PROGRAMS:
            return [program, *arguments]
        return [sys.executable, *PROGRAMS[program], *arguments]

    def stop_server(self) -> None:
        server, self.server = self.server, None
        if server is not None:
            server.__exit__(*sys.exc_info())


def walked(walk: Walk) -> Walk:
    """Return a reader who has walked through the tutorial."""
    for chapter in CHAPTERS:
        walk.read(TUTORIAL / chapter)
    return walk
