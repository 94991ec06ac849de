"""Flask-Migrate

`flask db` in the process and on the command line: a first migration, one that is found in changed models, up and down
again.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import flask
import pytest
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Mapped, mapped_column

from dualapp import DualApp, request

from ..conftest import NAME, Serve
from ..support.entry_driver import Client
from ..support.recolour import Build
from ..support.server_process import ROOT

# The `env.py` that Flask-Migrate 4.1 writes asks for the engine by its old name first.
pytestmark = pytest.mark.filterwarnings("ignore:'get_engine' is deprecated:DeprecationWarning")

old, new = SQLAlchemy(), SQLAlchemy()


class Author(old.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class AuthorOfBooks(new.Model):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    books: Mapped[int] = mapped_column(server_default="1")


def library(db: SQLAlchemy, model: type) -> Build:
    """Make what gives an app its models, its database and its migrations, both below the instance folder."""

    def build(app: DualApp) -> None:
        name = type(app).__module__
        app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{name}.db"
        db.init_app(app)
        Migrate(app, db, directory=f"{app.instance_path}/{name}")

        @app.errorhandler(OperationalError)
        async def not_migrated(error):
            return {"error": "not migrated"}, 503

        @app.post("/authors")
        async def create():
            author = model(**await request.get_json())
            db.session.add(author)
            db.session.commit()
            return {"id": author.id}

        @app.get("/authors")
        async def authors():
            names = [column.name for column in model.__table__.columns]
            rows = db.session.scalars(db.select(model).order_by(model.id))
            return [{name: getattr(row, name) for name in names} for row in rows]

    return build


def deployed(folder: str) -> flask.Flask:
    """Make the app that the command line runs its commands for."""
    app = DualApp(NAME, instance_path=folder)
    library(old, Author)(app)
    return app


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Alembic's `env.py` sets up logging from a file, which takes handlers away and disables loggers."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for logger in root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False


@pytest.fixture
def first(serve: Serve, tmp_path: Path) -> Iterator[Client]:
    yield from serving(serve, old, Author, tmp_path)


@pytest.fixture
def second(first: Client, serve: Serve, tmp_path: Path) -> Iterator[Client]:
    yield from serving(serve, new, AuthorOfBooks, tmp_path)


def serving(serve: Serve, db: SQLAlchemy, model: type, folder: Path) -> Iterator[Client]:
    client = serve(library(db, model), instance_path=str(folder))
    yield client
    for app in apps(client):
        with app.app_context():
            db.engine.dispose()


def apps(client: Client) -> list[flask.Flask]:
    assert client.twin is not None
    return [client.app, client.twin.app]


def run(client: Client, *arguments: str) -> None:
    """Run `flask db ...` for the app, and for its twin."""
    for app in apps(client):
        result = app.test_cli_runner().invoke(args=["db", *arguments])
        assert result.exit_code == 0, result.output


def test_tables_are_made_by_a_migration_and_served(first: Client) -> None:
    assert first.get("/authors").json() == {"error": "not migrated"}
    run(first, "init")
    run(first, "migrate", "-m", "first")
    assert first.get("/authors").status == 503
    run(first, "upgrade")
    first.post("/authors", json={"name": "Ada"})
    assert first.get("/authors").json() == [{"id": 1, "name": "Ada"}]


def test_a_changed_model_is_migrated_up_and_down(first: Client, second: Client) -> None:
    for command in (["init"], ["migrate", "-m", "first"], ["upgrade"]):
        run(first, *command)
    first.post("/authors", json={"name": "Ada"})
    assert second.get("/authors").status == 503
    run(second, "migrate", "-m", "second")
    run(second, "upgrade")
    assert second.get("/authors").json() == [{"id": 1, "name": "Ada", "books": 1}]
    run(second, "downgrade")
    assert second.get("/authors").status == 503
    assert first.get("/authors").json() == [{"id": 1, "name": "Ada"}]


def test_the_command_line_migrates_what_another_process_serves(first: Client, tmp_path: Path) -> None:
    for command in ("init", "migrate", "upgrade"):
        factory = f"tests.extensions.test_flask_migrate:deployed({str(tmp_path)!r})"
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", factory, "db", command],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    migrated = Client(first.app, first.entry)  # without its twin, whose database is another
    migrated.post("/authors", json={"name": "Ada"})
    assert migrated.get("/authors").json() == [{"id": 1, "name": "Ada"}]
