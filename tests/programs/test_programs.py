"""Real programs run by one changed import: as their authors wrote them, and on both entries.

The program as its authors wrote it is served by a server of its framework's world, and says what the answers are. Then
the one import is changed, and both entries must answer a visitor the same: driven in process, and by the two commands.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.support.entry_driver import LOOP, Answer, Ask, Client, Headers
from tests.support.server_process import HOST, ROOT, free_port, serving
from tests.support.waiting import LIMIT
from tests.support.workers import one_worker_each

from . import tours
from .browser import Browser

HERE = Path(__file__).parent
FRAMEWORKS = {"blog": "flask", "notes": "quart", "inventory": "quart", "admin": "flask", "dashboard": "flask"}


def changed_import(name: str) -> tuple[str, str]:
    """The only line that was changed, as the authors had it and as it is now."""
    framework = FRAMEWORKS[name]
    return f"from {framework} import {framework.title()}\n", f"from dualapp import DualApp as {framework.title()}\n"


def copied(name: str, where: Path) -> Path:
    """Copy a program to where it may write, beside the file that the README has its users copy."""
    shutil.copytree(HERE / name, where, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "gunicorn.conf.py", where)
    return where / f"{name}.py"


def as_its_authors_wrote_it(name: str, program: Path) -> None:
    theirs, ours = changed_import(name)
    text = program.read_text()
    assert text.count(ours) == text.count("import DualApp") == 1, "more than one import was changed"
    program.write_text(text.replace(ours, theirs))


def gunicorn(port: int, app: str) -> list[str]:
    return [sys.executable, "-m", "gunicorn", app, "--bind", f"{HOST}:{port}"]


def uvicorn(port: int, app: str) -> list[str]:
    return [sys.executable, "-m", "uvicorn", app, "--host", HOST, "--port", str(port)]


def over_a_socket(port: int) -> Any:
    def send(method: str, target: str, headers: Headers, body: bytes) -> Answer:
        connection = HTTPConnection(HOST, port, timeout=LIMIT)
        try:
            connection.request(method, target, body or None, dict(headers))
            with connection.getresponse() as response:
                lines = [(name.lower(), value) for name, value in response.getheaders()]
                return Answer(response.status, response.reason, lines, [response.read()])
        finally:
            connection.close()

    return send


def in_process(client: Client) -> Any:
    def send(method: str, target: str, headers: Headers, body: bytes) -> Answer:
        answer = client.speak(Ask(method, target, headers, body))
        assert answer.error is None, answer.error
        return answer

    return send


@contextmanager
def served_by(command: Any, program: Path, app: str) -> Iterator[Browser]:
    port = free_port()
    path = {"PYTHONPATH": str(ROOT)}
    with serving(command(port, f"{program.stem}:{app}"), port, cwd=program.parent, environment=path):
        yield Browser(over_a_socket(port))


@contextmanager
def driven(entry: str, program: Path, patch: pytest.MonkeyPatch) -> Iterator[Browser]:
    app = loaded(program, patch).app
    try:
        yield Browser(in_process(Client(app, entry)))  # its first request starts the app
    finally:
        if entry == "asgi":
            LOOP.run(app._lifespan.shutdown())
        else:
            app._lifespan.stop()
        close_database(app)


def close_database(app: Any) -> None:
    """Close what Flask-SQLAlchemy leaves open until the process ends."""
    if database := app.extensions.get("sqlalchemy"):
        with app.app_context():
            database.engine.dispose()


def loaded(program: Path, patch: pytest.MonkeyPatch) -> Any:
    """Import a program anew, by its name and from the directory where it may write."""
    patch.chdir(program.parent)
    patch.syspath_prepend(program.parent)
    patch.delitem(sys.modules, program.stem, raising=False)
    return import_module(program.stem)


@pytest.fixture(scope="module", params=one_worker_each(FRAMEWORKS))
def original(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[object]]:
    """The name of a program, and what a visitor sees of it as its authors wrote it."""
    name: str = request.param
    program = copied(name, tmp_path_factory.mktemp(name) / "original")
    as_its_authors_wrote_it(name, program)
    command = {"flask": gunicorn, "quart": uvicorn}[FRAMEWORKS[name]]
    with served_by(command, program, "app") as browser:
        getattr(tours, name)(browser)
    return name, browser.seen


@pytest.mark.parametrize("way", ["wsgi", "asgi", "gunicorn", "uvicorn"])
def test_a_program_runs_by_one_changed_import(
    original: tuple[str, list[object]], way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, expected = original
    program = copied(name, tmp_path / way)
    if way == "gunicorn":
        visit = served_by(gunicorn, program, "app.wsgi")
    elif way == "uvicorn":
        visit = served_by(uvicorn, program, "app")
    else:
        visit = driven(way, program, monkeypatch)
    with visit as browser:
        getattr(tours, name)(browser)
    for ours, theirs in zip(browser.seen, expected, strict=True):
        assert ours == theirs
