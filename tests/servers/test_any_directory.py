"""The commands of the README from a directory that holds nothing but the program."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from tests.support.http_client import ask
from tests.support.server_command import can_be_ended, skip_unless_installed
from tests.support.server_process import HOST, ROOT, Server, free_port
from tests.support.waiting import wait_for

PROGRAM = """
from pathlib import Path

from dualapp import DualApp

app = DualApp(__name__)


@app.before_serving
async def start():
    Path("started").touch()


@app.after_serving
async def stop():
    Path("stopped").touch()


@app.get("/")
async def index():
    return "served"
"""

CONFIGURED = "gunicorn -c python:dualapp.gunicorn "
#: Whether the app starts with its worker, before there is a request.
COMMANDS = {
    "gunicorn shop:app": False,
    CONFIGURED + "shop:app": True,
    CONFIGURED + "shop:app.wsgi": True,
    CONFIGURED + "--preload shop:app.wsgi": True,
    CONFIGURED + "-k gthread --threads 4 shop:app.wsgi": True,
    CONFIGURED + "-k asgi shop:app.asgi": True,
    "uvicorn shop:app": True,
}


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_needs_no_file_but_the_program(line: str, tmp_path: Path) -> None:
    program, *arguments = shlex.split(line)
    skip_unless_installed(program)
    (tmp_path / "shop.py").write_text(PROGRAM)
    started, port = tmp_path / "started", free_port()
    where = ["--bind", f"{HOST}:{port}"] if program == "gunicorn" else ["--port", str(port)]
    command = [str(Path(sys.executable).with_name(program)), *where, *arguments]
    # dualapp may not be installed.
    environment = {"PYTHONPATH": str(ROOT)}
    with Server(command, port, cwd=tmp_path, environment=environment, is_ready=can_be_ended) as server:
        if COMMANDS[line]:
            wait_for(started.exists)
        assert started.exists() is COMMANDS[line]
        assert ask(server.url, "/").text == "served"
        assert started.exists()
    assert (tmp_path / "stopped").exists()
    assert "Traceback" not in server.output
