"""`dualapp run` serves for development on either entry, with the options of `flask run`, and ends cleanly."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib.request import urlopen

import flask
import pytest
from click.testing import CliRunner
from flask.cli import ScriptInfo

from dualapp import DualApp
from dualapp.__main__ import main
from dualapp.commands import asgi_servers
from tests.support.http_client import ask
from tests.support.server_command import skip_unless_installed
from tests.support.server_process import ROOT, Server, free_port
from tests.support.waiting import LIMIT, wait_for
from tests.support.workers import slow_after

from .test_development import CERTIFICATE, KEY

PROGRAM = """
import asyncio
from pathlib import Path

from dualapp import DualApp, request

app = DualApp(__name__)


def note(event):
    with open("events", "a") as file:
        file.write(event + "\\n")


@app.before_serving
async def start():
    note("started")


@app.after_serving
async def stop():
    await asyncio.sleep(0.5)  # longer than Werkzeug's reloader waits for its child
    note("stopped")


@app.get("/")
async def index():
    return "asgi" if "asgi.scope" in request.environ else "wsgi"


@app.get("/debug")
def debug():
    return str(app.debug)


@app.get("/word")
def word():
    return "first"


@app.get("/events")
async def events():
    async def stream():
        yield "data: 1\\n\\n"
        await asyncio.sleep(3600)

    return stream(), {"Content-Type": "text/event-stream"}


def create_app(name="made"):
    app.add_url_rule("/name", view_func=lambda: name)
    return app
"""
#: The command line where uvicorn is not installed.
WITHOUT_UVICORN = """
import sys

sys.modules["uvicorn"] = None

from dualapp.__main__ import main

main()
"""
DUALAPP = ["-m", "dualapp"]
#: How the command is called, and the entry that it serves.
WAYS = {
    "werkzeug": ([*DUALAPP, "run", "shop:app"], "wsgi"),
    "werkzeug by option": ([*DUALAPP, "--app", "shop", "run", "--wsgi"], "wsgi"),
    "uvicorn": ([*DUALAPP, "run", "shop:app", "--asgi"], "asgi"),
    "hypercorn": (["without_uvicorn.py", "run", "--asgi", "shop"], "asgi"),
}
SERVERS = ["werkzeug", "uvicorn", "hypercorn"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(PROGRAM)
    (tmp_path / "without_uvicorn.py").write_text(WITHOUT_UVICORN)
    return tmp_path


Start = Callable[..., Server]


@pytest.fixture
def start(folder: Path) -> Start:
    def start(way: str, *options: str, environment: dict[str, str] | None = None) -> Server:
        skip_unless_installed({"uvicorn": "uvicorn", "hypercorn": "hypercorn"}.get(way, "werkzeug"))
        port = free_port()
        command = [sys.executable, *WAYS[way][0], "--port", str(port), *options]
        # The signal handlers are there before the server listens.
        return Server(command, port, cwd=folder, environment={"PYTHONPATH": str(ROOT), **(environment or {})})

    return start


def events(folder: Path) -> list[str]:
    file = folder / "events"
    return file.read_text().split() if file.exists() else []


@pytest.mark.parametrize("options", slow_after(2, [["--debug"], [], ["--reload"]]), ids=" ".join)
@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_ends_it_cleanly(way: str, options: list[str], folder: Path, start: Start) -> None:
    with start(way, *options) as server:
        assert ask(server.url, "/").text == WAYS[way][1]
        assert ask(server.url, "/debug").text == str(options == ["--debug"])
        os.killpg(server.pid, signal.SIGINT)  # the terminal sends it to all processes of the command
        assert server.process.wait(LIMIT) == 0
    assert events(folder) == ["started", "stopped"]
    assert "Traceback" not in server.output
    assert "Aborted" not in server.output


@pytest.mark.parametrize("way", SERVERS)
def test_sigterm_ends_it_cleanly(way: str, folder: Path, start: Start) -> None:
    with start(way) as server:
        wait_for(lambda: events(folder))  # before the first request
        assert server.stop() == 0
    assert events(folder) == ["started", "stopped"]
    # Werkzeug's server may tell of the connection by which it was found ready, if it ends while it reads from that.
    assert "Traceback" not in server.output.partition("Exception occurred during processing of request")[0]


# hypercorn waits for open connections without a limit, from Python 3.12 on.
@pytest.mark.parametrize("way", ["werkzeug", "uvicorn"])
def test_an_open_event_stream_does_not_hold_it_up(way: str, folder: Path, start: Start) -> None:
    with start(way) as server, leave_open(server):
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(LIMIT) == 0
    assert events(folder) == ["started", "stopped"]


def leave_open(server: Server) -> HTTPResponse:
    """Ask for the events and read the first."""
    response: HTTPResponse = urlopen(f"{server.url}/events", timeout=LIMIT)
    assert response.readline() == b"data: 1\n"
    return response


@pytest.mark.parametrize("way", SERVERS)
def test_a_changed_file_is_served(way: str, folder: Path, start: Start) -> None:
    program = folder / "shop.py"

    def word(server: Server) -> str:
        try:
            return ask(server.url, "/word").text
        except (OSError, HTTPException):  # the reloader ends the process, in the middle of an answer too
            return ""

    with start(way, "--reload") as server:
        assert word(server) == "first"
        program.write_text(PROGRAM.replace("first", "second"))
        wait_for(lambda: word(server) == "second", because=lambda: server.output)
        assert events(folder)[:3] == ["started", "stopped", "started"]
        program.write_text(PROGRAM.replace("first", "third") + "1 / 0\n")
        wait_for(lambda: "ZeroDivisionError" in server.output, because=lambda: server.output)
        program.write_text(PROGRAM.replace("first", "fourth"))
        wait_for(lambda: program.touch() or word(server) == "fourth", because=lambda: server.output, pause=1)


@pytest.mark.parametrize("way", SERVERS)
def test_an_app_that_does_not_start_is_not_served(way: str, folder: Path) -> None:
    (folder / "shop.py").write_text(PROGRAM.replace('note("started")', "1 / 0"))
    ended = run(folder, *WAYS[way][0], "--port", str(free_port()))
    assert ended.returncode == 1
    assert "Startup failed in " in ended.stderr
    assert ended.stderr.count("Traceback") == 1


@pytest.mark.parametrize("way", SERVERS)
def test_a_port_that_is_taken_is_an_error(way: str, folder: Path, start: Start) -> None:
    with start("werkzeug") as server:
        ended = run(folder, *WAYS[way][0], "--port", str(server.port))
    assert ended.returncode == 1
    assert "already in use" in ended.stderr
    assert "Traceback" not in ended.stderr


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"PYTHONPATH": str(ROOT), "HOME": str(folder), **environment}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=variables, capture_output=True, text=True, timeout=LIMIT
    )


@pytest.mark.parametrize("options", [[], ["--reload"]], ids=["once", "reload"])
@pytest.mark.parametrize("way", SERVERS)
def test_it_encrypts(way: str, options: list[str], start: Start) -> None:
    with start(way, "--cert", CERTIFICATE, "--key", KEY, *options) as server:
        asked(server, ssl.create_default_context(cafile=CERTIFICATE))


@pytest.mark.parametrize("way", SERVERS)
def test_it_encrypts_for_the_occasion(way: str, start: Start) -> None:
    skip_unless_installed("cryptography")
    with start(way, "--cert", "adhoc") as server:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        asked(server, context)


def asked(server: Server, context: ssl.SSLContext) -> None:
    connection = HTTPSConnection("localhost", server.port, timeout=LIMIT, context=context)
    connection.request("GET", "/word")
    assert connection.getresponse().read() == b"first"
    connection.close()


FACTORIES = ["shop:create_app('tea')", "shop.py:create_app('tea')", "shop:create_app(name='tea')"]


@pytest.mark.parametrize("app", FACTORIES)
@pytest.mark.parametrize("entry", ["--wsgi", "--asgi"])
def test_it_finds_an_app_as_flask_does(app: str, entry: str, start: Start, folder: Path) -> None:
    port = free_port()
    command = [sys.executable, *DUALAPP, "run", entry, "--port", str(port), app]
    with Server(command, port, cwd=folder, environment={"PYTHONPATH": str(ROOT)}) as server:
        assert ask(server.url, "/name").text == "tea"


def test_it_serves_an_app_of_flask(folder: Path) -> None:
    (folder / "plain.py").write_text("import flask\napp = flask.Flask('plain')\napp.add_url_rule('/', view_func=str)\n")
    port = free_port()
    command = [sys.executable, *DUALAPP, "run", "plain", "--port", str(port)]
    with Server(command, port, cwd=folder, environment={"PYTHONPATH": str(ROOT)}) as server:
        assert ask(server.url, "/").status == 200


@pytest.mark.parametrize("entry", ["0", "1"])
def test_the_environment_has_the_options(entry: str, folder: Path) -> None:
    port = free_port()
    variables = {"FLASK_APP": "shop:app", "FLASK_DEBUG": "1", "FLASK_RUN_PORT": str(port), "FLASK_RUN_ASGI": entry}
    environment = {"PYTHONPATH": str(ROOT), "FLASK_RUN_RELOAD": "0", **variables}
    with Server([sys.executable, *DUALAPP, "run"], port, cwd=folder, environment=environment) as server:
        assert ask(server.url, "/").text == ["wsgi", "asgi"][int(entry)]
        assert ask(server.url, "/debug").text == "True"


@pytest.mark.parametrize("entry", ["--wsgi", "--asgi"])
def test_flaskenv_is_read(entry: str, folder: Path) -> None:
    skip_unless_installed("dotenv")
    port = free_port()
    (folder / ".flaskenv").write_text(f"FLASK_APP=shop\nFLASK_RUN_PORT={port}\n")
    command = [sys.executable, *DUALAPP, "run", entry]
    with Server(command, port, cwd=folder, environment={"PYTHONPATH": str(ROOT)}) as server:
        assert ask(server.url, "/").text == entry[2:]


# What is refused, and says why.

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def refused(app: flask.Flask, *options: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signal, "signal", lambda *_: None)
        patch.setenv("FLASK_RUN_FROM_CLI", "true")  # Flask sets it, for good
        result = CliRunner().invoke(main, ["run", *options], obj=ScriptInfo(create_app=lambda: app))
    assert result.exit_code == 2, result.output
    return result.output


def test_a_server_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi_servers, "find_spec", lambda name: None)
    assert "pip install 'dualapp[uvicorn]'" in refused(DualApp("shop"), "--asgi")


def test_another_app_has_no_asgi_entry() -> None:
    assert "'shop' is a Flask, not a DualApp" in refused(flask.Flask("shop"), "--asgi")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--asgi", "--without-threads"], "'--without-threads' is for '--wsgi'"),
        (["--asgi", "--cert", f"{__name__}:context"], "takes a file or 'adhoc'"),
        (["--asgi", "--cert", CERTIFICATE], "Required when using"),
    ],
)
def test_options_that_cannot_be_had_say_so(options: list[str], said: str) -> None:
    assert said in refused(DualApp("shop"), *options)


def test_all_options_of_flask_are_there() -> None:
    theirs, ours = (
        {name for param in command.params for name in param.opts}
        for command in (flask.cli.run_command, main.commands["run"])
    )
    assert theirs < ours
