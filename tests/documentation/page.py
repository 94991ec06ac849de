"""The pages of the documentation as programs: Python blocks make one, and console blocks say how to ask it."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

from tests.support.http_client import Answer, ask
from tests.support.server_process import HOST, ROOT, Server, free_port
from tests.support.waiting import LIMIT, wait_for

#: All pages of the repository.
PAGES = [
    *ROOT.glob("*.md"),
    *(path for folder in ("docs", "examples", "tests") for path in (ROOT / folder).rglob("*.md")),
]
BLOCK = re.compile(r"^```(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
#: A block, with the paragraph before it.
FENCE = re.compile(r"(?P<before>[^\n]*(?:\n[^\n]+)*)\n\n```(?P<kind>\w+)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"`([\w./-]+\.(?:py|html|css|ini|js|toml|txt))`")
NAMED = re.compile(r"# (\S+\.\w+)\n")
COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
URL = re.compile(r"^http://127\.0\.0\.1:\d+")
CONFIGURES = "# gunicorn.conf.py\n"
BIND = {"gunicorn": ["--bind", f"{HOST}:{{port}}"], "uvicorn": ["--port", "{port}"]}
#: What begins a line that no test runs, and why.
NOT_RUN = {
    "docker ": "needs a daemon that runs containers; tests/deploy/test_files.py runs what the image does",
    "kubectl ": "needs a cluster; tests/deploy/test_files.py has its file checked against Kubernetes' schemas",
    "make ": "runs the tests, as .ci/run does, or takes hours; test_every_page.py looks for the target",
    ".venv/bin/tox ": "runs tests; test_every_page.py looks for what the line names",
    ".tox/": "the same",
}
#: Where a page's app shows what its background tasks have done.
SHOWS_TASKS = "/sent"

curl = argparse.ArgumentParser(prog="curl")
curl.add_argument("url")
curl.add_argument("-X", dest="method")
curl.add_argument("-H", dest="headers", action="append", default=[])
curl.add_argument("-d", dest="fields", action="append", default=[])
curl.add_argument("--json")
curl.add_argument("-T", dest="upload")
curl.add_argument("-F", dest="parts", action="append", default=[])
curl.add_argument("-b", dest="sends_cookies")
curl.add_argument("-c", dest="keeps_cookies")
curl.add_argument("-s", dest="is_silent", action="store_true")
curl.add_argument("-N", dest="streams", action="store_true")
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
        return commands("".join(self.blocks("console")), *programs)

    def write(self, directory: Path) -> None:
        """Write the program of the page under the name that its commands call it by, and the files that it names."""
        (name,) = {name for line, _ in self.commands(*BIND) for name in re.findall(r"(\w+):(?:app|outer)", line)}
        parts = []
        for block in FENCE.finditer(self.text):
            named = file_of(block["before"])
            if block["kind"] == "python" and named in (None, f"{name}.py"):
                parts += [] if block["body"].startswith(CONFIGURES) else [block["body"]]
            elif named:
                path = directory / named
                path.parent.mkdir(exist_ok=True)
                path.write_text(block["body"])
        (directory / f"{name}.py").write_text("\n\n".join(parts))

    def configure(self, directory: Path, line: str) -> None:
        """Write the gunicorn.conf.py that the page shows above this command, if there is one."""
        above = self.text.partition(f"$ {line}\n")[0]
        for kind, shown in BLOCK.findall(above):
            if kind == "python" and shown.startswith(CONFIGURES):
                (directory / "gunicorn.conf.py").write_text(shown)


def commands(console: str, *programs: str) -> list[tuple[str, str]]:
    """Return the commands of console blocks, and what they print: those of some programs, or all."""
    found = COMMAND.findall(console)
    return [(line, printed) for line, printed in found if not programs or line.split()[0] in programs]


def file_of(before: str) -> str | None:
    """Return the file that a paragraph names last, if it says that the file follows."""
    paragraph = before.split("\n\n")[-1]
    names = FILE.findall(paragraph)
    return names[-1] if names and paragraph.endswith(":") else None


def file_in(block: str) -> str | None:
    """Return the file that the first line of a block names."""
    named = NAMED.match(block)
    return named[1] if named else None


def started(line: str, directory: Path) -> Server:
    program, *arguments = shlex.split(line)
    port = free_port()
    where = [argument.format(port=port) for argument in BIND[program]]
    command = [sys.executable, "-m", program, *where, *arguments]
    return Server(command, port, cwd=directory, environment={"PYTHONPATH": str(ROOT)})


def check(line: str, printed: str, url: str, directory: Path = ROOT) -> None:
    """Run a line with curl in a directory, and see that it prints what the page says."""
    if " | head " in line:
        assert first_lines(line, url) == printed.splitlines(), line
        return
    line, _, grep = line.partition(" | grep ")
    asked = curl.parse_args(shlex.split(line)[1:])
    answer = asked_with_curl(asked, url, directory)
    lines, expected = answer.text.splitlines(), printed.splitlines()
    if lines != expected and asked.url.endswith(SHOWS_TASKS):  # a background task may still be at work
        wait_for(lambda: asked_with_curl(asked, url, directory).text.splitlines() == expected, because=lambda: lines)
        return
    if asked.shows_headers:
        lines = [f"HTTP/1.1 {answer.status}", *(f"{name}: {value}" for name, value in answer.headers)]
        assert set(lines) >= set(expected), (line, lines, answer.text[-2000:])
    elif grep:
        assert set(lines) >= set(expected), (line, lines, answer.text[-2000:])
        assert all(grep in shown for shown in expected)
    else:
        assert lines == expected, (line, lines)
    assert expected, f"the page does not say what this prints: {line}"


def asked_with_curl(asked: argparse.Namespace, url: str, directory: Path) -> Answer:
    body, kind = body_of(asked, directory)
    headers = dict(header.split(": ") for header in asked.headers) | ({"Content-Type": kind} if kind else {})
    if asked.sends_cookies and (directory / asked.sends_cookies).exists():
        headers["Cookie"] = (directory / asked.sends_cookies).read_text()
    method = asked.method or ("PUT" if asked.upload else "POST" if body else "GET")
    answer = ask(url, URL.sub("", asked.url), method=method, body=body or None, headers=headers)
    if asked.keeps_cookies and (set_cookies := answer.get_all("set-cookie")):
        # The pages' apps have one cookie, their session.
        (directory / asked.keeps_cookies).write_text(set_cookies[-1].partition(";")[0])
    return answer


def first_lines(line: str, url: str) -> list[str]:
    """Return the first lines of a stream, and leave it."""
    line, _, count = line.partition(" | head -")
    asked = curl.parse_args(shlex.split(line)[1:])
    connection = HTTPConnection(urlsplit(url).netloc, timeout=LIMIT)
    try:
        headers = dict(header.split(": ") for header in asked.headers)
        connection.request("GET", URL.sub("", asked.url), headers=headers)
        with connection.getresponse() as response:
            return [response.readline().decode().removesuffix("\n") for _ in range(int(count))]
    finally:
        connection.close()


def body_of(asked: argparse.Namespace, directory: Path) -> tuple[bytes, str | None]:
    """Return what a command sends, and its media type if curl says it."""
    if asked.upload:
        return (directory / asked.upload).read_bytes(), None
    if asked.json:
        return asked.json.encode(), "application/json"
    if asked.parts:
        pairs = dict(part.split("=") for part in asked.parts)
        paths = {name: directory / value[1:] for name, value in pairs.items() if value[0] == "@"}
        files = {name: FileStorage(BytesIO(path.read_bytes()), path.name) for name, path in paths.items()}
        boundary, body = encode_multipart(MultiDict(pairs | files))
        return body, f'multipart/form-data; boundary="{boundary}"'
    return "&".join(asked.fields).encode(), "application/x-www-form-urlencoded" if asked.fields else None
