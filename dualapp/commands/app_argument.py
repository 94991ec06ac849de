"""Name the app as an argument of a command: `dualapp run shop:app` is `dualapp --app shop:app run`."""

from __future__ import annotations

from typing import Any

import click
from flask import Flask
from flask.cli import FlaskGroup, NoAppException, ScriptInfo

from ..app import DualApp


def choose_app(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """Load the app that the argument names instead of that of `--app` or `FLASK_APP`."""
    if value is not None:
        ctx.ensure_object(ScriptInfo).app_import_path = value


#: Takes the values of `--app`; overrides it.
app_argument = click.Argument(["app"], required=False, metavar="[APP]", expose_value=False, callback=choose_app)


class AppOfCommand(ScriptInfo):
    """The app of a command; the error without one says how to name it."""

    def load_app(self) -> Flask:
        try:
            return super().load_app()
        except NoAppException as error:
            raise NoAppException(error.message.replace("'flask --app' option", how_to_name_an_app())) from None


def how_to_name_an_app() -> str:
    ctx = click.get_current_context(silent=True)
    if ctx is not None and app_argument in ctx.command.params:
        return f"APP argument ({ctx.command_path} shop:app)"
    return "--app option (dualapp --app shop:app)"


class DualAppGroup(FlaskGroup):
    """Flask's commands and dualapp's, with an `AppOfCommand`."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        extra.setdefault("obj", AppOfCommand())
        return super().make_context(*args, **extra)


def require_dual_app(app: object, instead: str) -> DualApp:
    """Return a DualApp; raise UsageError for any other app, which says what to do instead."""
    if isinstance(app, DualApp):
        return app
    raise click.UsageError(f"{getattr(app, 'name', app)!r} is a {type(app).__name__}, not a DualApp: {instead}.")
