"""Config, the command line, names, and the development server."""

from __future__ import annotations

import asyncio
import gc
import http.client
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click.testing
import flask.cli
import pytest
import quart.cli
import werkzeug.serving
from flask.cli import routes_command

from dualapp import DualApp, current_app, request

from ..conftest import Serve
from ..support.waiting import LIMIT

ROOT = Path(__file__).parents[2]


def test_config(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config.from_mapping(A=1)
        app.config.from_object(type("Settings", (), {"B": 2, "lower": 3}))
        app.config.update(JSON_X=[1])

        @app.get("/")
        async def index():
            return {"a": current_app.config["A"], "b": app.config["B"], "lower": app.config.get("lower")}

    assert serve(build).get("/").json() == {"a": 1, "b": 2, "lower": None}


def test_defaults_are_flasks() -> None:
    import flask

    ours = DualApp("x").config
    assert {key: ours[key] for key in flask.Flask.default_config} == dict(flask.Flask("x").config)


def test_config_from_prefixed_environment_and_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DUAL_N", "5")
    (tmp_path / "config.py").write_text("FROM_FILE = 'yes'\n")
    app = DualApp("x", instance_path=str(tmp_path), instance_relative_config=True)
    app.config.from_prefixed_env("DUAL")
    app.config.from_pyfile("config.py")
    assert (app.config["N"], app.config["FROM_FILE"]) == (5, "yes")


def test_names_and_folders() -> None:
    """Row 13."""
    app = DualApp(__name__)
    assert app.logger.name == app.name == __name__
    assert app.root_path == os.path.dirname(__file__)
    assert app.static_folder == os.path.join(app.root_path, "static")
    assert app.jinja_env.get_template("hello.html").filename == os.path.join(app.root_path, "templates/hello.html")
    with app.open_resource("static/hello.txt", "r") as file:
        assert file.read(10) == "0123456789"


def test_commands() -> None:
    app = DualApp("commands")

    @app.cli.command("hello")
    @click.argument("name")
    def hello(name: str) -> None:
        click.echo(f"Hello {name} from {current_app.name}")

    @app.get("/page/<int:n>")
    async def page(n: int) -> str:
        return str(n)

    runner = app.test_cli_runner()
    assert runner.invoke(args=["hello", "ann"]).output == "Hello ann from commands\n"
    routes = runner.invoke(routes_command).output
    assert re.search(r"^page +GET +/page/<int:n> *$", routes, re.MULTILINE)
    assert re.search(r"^static +GET +/static/<path:filename> *$", routes, re.MULTILINE)


def test_async_commands() -> None:
    app = DualApp("commands")

    @app.cli.command("later")
    @click.argument("name")
    async def later(name: str) -> None:
        await asyncio.sleep(0)
        click.echo(f"later, {name} of {current_app.name}")

    output = app.test_cli_runner().invoke(args=["later", "ann"]).output
    gc.collect()  # A coroutine that nobody awaited is to fail this test, and not the one that runs when it is found.
    assert output == "later, ann of commands\n"


def test_commands_of_a_blueprint() -> None:
    from dualapp import Blueprint

    app, blueprint = DualApp("commands"), Blueprint("bp", __name__)

    @blueprint.cli.command("count")
    def count() -> None:
        click.echo("counted")

    app.register_blueprint(blueprint)
    assert app.test_cli_runner().invoke(args=["bp", "count"]).output == "counted\n"


@pytest.mark.parametrize("pass_script_info", [flask.cli.pass_script_info, quart.cli.pass_script_info])
def test_commands_that_ask_for_the_app(pass_script_info: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "false")  # FlaskGroup sets it, and what runs later would see it
    app = DualApp("commands")

    @click.command("name")
    @pass_script_info
    def name(info: Any) -> None:
        click.echo(f"{info.load_app() is app} {info.data}")

    app.cli.add_command(name)
    app.cli.add_command(click.Group("group", commands=[name]))
    runner = app.test_cli_runner()
    assert runner.invoke(args=["name"]).output == "True {}\n"
    info = flask.cli.ScriptInfo(create_app=lambda: app)
    info.data["a"] = 1
    group = flask.cli.FlaskGroup(load_dotenv=False)
    assert runner.invoke(group, ["group", "name"], obj=info).output == "True {'a': 1}\n"


def test_the_shell_has_its_context() -> None:
    app = DualApp("shell")

    @app.shell_context_processor
    def more() -> dict[str, Any]:
        return {"more": 1}

    context = app.make_shell_context()
    assert (context["app"], context["more"]) == (app, 1)


def test_test_request_context_in_both_colours(serve: Serve) -> None:
    async def outside(app):
        async with app.test_request_context("/x?q=1", method="POST", json={"a": 1}) as _:
            return request.path, request.args["q"], await request.get_json()

    assert serve.call(outside, serve(twin=False).app) == ("/x", "1", {"a": 1})


# --------------------------------------------------------------------------------------------------------- app.run()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, ("127.0.0.1", 5000)),
        ({"port": 1234}, ("127.0.0.1", 1234)),
        ({"host": "0.0.0.0", "port": 0}, ("0.0.0.0", 0)),
    ],
)
def test_where_run_serves(
    monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], expected: tuple[str, int]
) -> None:
    """Row 2."""
    served: list[Any] = []
    monkeypatch.setattr(werkzeug.serving, "run_simple", lambda *what, **how: served.append((*what[:2], how)))
    monkeypatch.delenv("FLASK_RUN_FROM_CLI", raising=False)
    DualApp("x").run(**arguments)
    [(host, port, how)] = served
    assert (host, port) == expected
    assert how["threaded"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# A shell that runs the tests in the background leaves SIGINT ignored, and children inherit that.
PROGRAM = """
import signal

from dualapp import DualApp

signal.signal(signal.SIGINT, signal.default_int_handler)

app = DualApp("shopping")

@app.get("/sync/<name>")
def sync(name):
    return name

@app.get("/async/<name>")
async def async_(name):
    return name

app.run(host="127.0.0.1", port={port})
"""


class Running:
    """A program on its port; `output` is what it said, once it has been told to stop."""

    def __init__(self, log: Path) -> None:
        self.port, self.log = free_port(), log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM.format(port=self.port)], stdout=file, stderr=file, cwd=ROOT
            )

    def get(self, path: str) -> tuple[int, str]:
        end = time.monotonic() + LIMIT
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                return response.status, response.read().decode()
            except ConnectionRefusedError:
                assert time.monotonic() < end, self.log.read_text()
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.05)
            finally:
                connection.close()

    def stop(self) -> str:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(LIMIT)
        return self.log.read_text()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    program = Running(tmp_path / "log")
    yield program
    program.process.kill()
    program.process.wait()


def test_run_says_what_it_serves_and_logs_each_request(running: Running) -> None:
    """Row 2."""
    assert running.get("/sync/a") == (200, "a")
    assert running.get("/async/b") == (200, "b")
    assert running.get("/nowhere")[0] == 404
    said = running.stop()
    assert "shopping" in said
    assert re.search("debug mode: (off|false)", said, re.IGNORECASE)
    assert f"http://127.0.0.1:{running.port}" in said
    assert re.search(r"ctrl ?\+ ?c", said, re.IGNORECASE)
    for path, status in (("/sync/a", 200), ("/async/b", 200), ("/nowhere", 404)):
        [line] = [line for line in said.splitlines() if path in line]
        assert str(status) in line
    assert "Traceback" not in said


def test_the_logger_of_the_app(caplog: pytest.LogCaptureFixture) -> None:
    app = DualApp("own.logger")
    with caplog.at_level(logging.INFO):
        app.logger.info("hello")
    assert [(record.name, record.message) for record in caplog.records] == [("own.logger", "hello")]


@pytest.mark.parametrize("pass_script_info", [flask.cli.pass_script_info, quart.cli.pass_script_info])
def test_commands_that_the_command_line_of_quart_runs(pass_script_info: Callable[..., Any]) -> None:
    app = DualApp("commands")

    @app.cli.command("name")
    @pass_script_info
    async def name(info: Any) -> None:
        click.echo(f"{info.load_app() is app} {quart.current_app.name} {current_app.name}")

    group = quart.cli.QuartGroup(create_app=lambda: app, load_dotenv=False)
    assert click.testing.CliRunner().invoke(group, ["name"]).output == "True commands commands\n"


def module(**attributes: Any) -> ModuleType:
    made = ModuleType("made")
    vars(made).update(attributes)
    return made


def test_the_command_line_of_quart_finds_an_app() -> None:
    app, made = DualApp("commands"), []

    def create_app(name: str = "made") -> DualApp:
        made.append(name)
        return DualApp(name)

    for attributes in ({"app": app}, {"application": app}, {"another": app, "plain": flask.Flask("plain")}):
        assert quart.cli.find_best_app(module(**attributes)) is app
    assert quart.cli.find_best_app(module(create_app=create_app)).name == "made"
    assert quart.cli.find_app_by_string(module(create_app=create_app), "create_app('own')").name == "own"
    assert made == ["made", "own"]
    assert quart.cli.find_app_by_string(module(mine=app), "mine") is app
    with pytest.raises(quart.cli.NoAppException, match="Detected multiple"):
        quart.cli.find_best_app(module(one=app, two=quart.Quart("two")))


def test_the_command_line_of_quart_refuses_what_is_no_app_of_its_kind() -> None:
    for other in (flask.Flask("plain"), "app", None):
        with pytest.raises(quart.cli.NoAppException, match="Failed to find"):
            quart.cli.find_best_app(module(app=other))
        with pytest.raises(quart.cli.NoAppException, match="valid Quart application"):
            quart.cli.find_app_by_string(module(app=other), "app")
    assert not isinstance(DualApp("app"), quart.Quart)


def test_a_key_without_a_certificate_is_no_encryption() -> None:
    for name in ("keyfile", "ca_certs"):
        with pytest.raises(ValueError, match="only with `certfile`"):
            DualApp("app").run(**{name: "key.pem"})
