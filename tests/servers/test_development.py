"""The command lines of both frameworks, and `app.run` with the arguments of both."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import Sequence
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from tests.support.http_client import ask
from tests.support.server_command import started_by
from tests.support.server_process import HOST, ROOT, Server, free_port
from tests.support.waiting import LIMIT, wait_for

#: For localhost, valid until 2126; it signs itself, so it is its own authority.
CERTIFICATE, KEY = (str(Path(__file__).with_name(name)) for name in ("localhost.crt", "localhost.key"))

PROGRAM = """
import asyncio
from dualapp import DualApp

app = DualApp(__name__)


@app.get("/")
async def index():
    return "asgi" if "asgi.scope" in __import__("dualapp").request.environ else "wsgi"


@app.get("/api/", subdomain="api")
def api():
    return "api"


@app.cli.command("greet")
async def greet():
    print("greetings from", __import__("quart").current_app.name)


@app.shell_context_processor
def context():
    return {"answer": 42}


if __name__ == "__main__":
    import sys

    eval(f"app.run({sys.argv[1]})")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hello.py").write_text(PROGRAM)
    return tmp_path


def run(folder: Path, *arguments: str, typed: str = "") -> str:
    command = [sys.executable, "-m", *arguments]
    environment = {"PYTHONPATH": str(ROOT), "HOME": str(folder)}
    ended = subprocess.run(
        command, cwd=folder, env=environment, input=typed, capture_output=True, text=True, timeout=LIMIT
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout + ended.stderr


def served(folder: Path, command: Sequence[str], port: int) -> Server:
    return Server([sys.executable, *command], port, cwd=folder, environment={"PYTHONPATH": str(ROOT)})


PROGRAMS = ["dualapp", "flask", "quart"]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("options", [[], ["--debug"]], ids=["plain", "debug"])
def test_a_command_line_serves_an_app(program: str, options: list[str], folder: Path) -> None:
    port = free_port()
    command = ["-m", program, "--app", "hello", *options, "run", "--port", str(port)]
    with served(folder, command, port) as server:
        assert ask(server.url, "/").text == "wsgi"
        if options:  # the reloader's process serves
            wait_for(lambda: "Debugger is active" in server.output)
    assert "Traceback" not in server.output


def test_the_script_quart_serves_an_app() -> None:
    with started_by("quart --app examples.basic run --port {port}") as server:
        assert ask(server.url, "/").status == 200


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("app", ["hello", "hello:app", "hello.py"])
def test_a_command_line_shows_the_routes(program: str, app: str, folder: Path) -> None:
    shown = [set(line.split()) for line in run(folder, program, "--app", app, "routes").splitlines()]
    assert any(row >= {"api", "GET", "/api/"} for row in shown)
    assert any(row >= {"index", "GET", "/"} for row in shown)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_command_line_has_a_shell_and_the_commands_of_the_app(program: str, folder: Path) -> None:
    assert "the answer is 42 of hello" in run(
        folder, program, "--app", "hello", "shell", typed="print('the answer is', answer, 'of', app.name)\n"
    )
    assert run(folder, program, "--app", "hello", "greet") == "greetings from hello\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("None, {port}", "wsgi"),
        ("'127.0.0.1', {port}, False, False", "wsgi"),
        ("host='127.0.0.1', port={port}, debug=False, load_dotenv=False, threaded=False, use_reloader=False", "wsgi"),
        ("host='127.0.0.1', port={port}, debug=False, use_reloader=False, loop=None, ca_certs=None", "wsgi"),
        ("port={port}, loop=asyncio.new_event_loop()", "asgi"),
    ],
)
def test_run_takes_the_arguments_of_both_frameworks(arguments: str, said: str, folder: Path) -> None:
    port = free_port()
    with served(folder, ["hello.py", arguments.format(port=port)], port) as server:
        assert ask(server.url, "/").text == said
    assert "Traceback" not in server.output


@pytest.mark.parametrize(
    ("more", "said"),
    [("", "wsgi"), (f", ca_certs={CERTIFICATE!r}", "wsgi"), (", loop=asyncio.new_event_loop()", "asgi")],
)
def test_run_encrypts(more: str, said: str, folder: Path) -> None:
    port = free_port()
    arguments = f"port={port}, certfile={CERTIFICATE!r}, keyfile={KEY!r}{more}"
    with served(folder, ["hello.py", arguments], port):
        connection = HTTPSConnection(HOST, port, timeout=LIMIT, context=ssl.create_default_context(cafile=CERTIFICATE))
        connection.request("GET", "/")
        assert connection.getresponse().read().decode() == said
        connection.close()
