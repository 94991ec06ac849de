"""The argument APP of dualapp's own commands: `dualapp run shop:app` is `dualapp --app shop:app run`."""

from __future__ import annotations

import click
from flask.cli import ScriptInfo

from ..app import DualApp


def choose_app(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """Load the app that the argument names instead of that of `--app` or `FLASK_APP`."""
    if value is not None:
        ctx.ensure_object(ScriptInfo).app_import_path = value


#: Takes what `--app` takes, and goes before it.
app_argument = click.Argument(["app"], required=False, metavar="[APP]", expose_value=False, callback=choose_app)


def require_dual_app(app: object, instead: str) -> DualApp:
    """Return a DualApp; raise UsageError for any other app, which says what to do instead."""
    if isinstance(app, DualApp):
        return app
    raise click.UsageError(f"{getattr(app, 'name', app)!r} is no DualApp but a {type(app).__name__}: {instead}.")
