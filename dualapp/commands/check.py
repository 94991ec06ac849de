"""The command `dualapp check`: one line for each thing about an app that will surprise, and a status that says so."""

from __future__ import annotations

import click
import flask.cli

from .app_argument import app_argument, require_dual_app
from .checks import CHECKS


@click.pass_context
def check(ctx: click.Context, /, ignore: tuple[str, ...]) -> None:
    """Say what about the app will surprise in production, and what to do about it.

    The app is loaded, and neither started nor served. Each line ends with the name of its check, which '--ignore'
    takes. The exit status is 0 without findings, 1 with findings, and 2 without an app.
    """
    app = require_dual_app(flask.current_app._get_current_object(), "there is nothing to check")  # type: ignore[attr-defined]  # a proxy's
    lines = [
        f"{where}: {what}; {remedy} [{name}]"
        for name, find in CHECKS.items()
        if name not in ignore
        for where, what, remedy in find(app)
    ]
    click.echo("\n".join(lines) or f"Nothing to say about {app.name!r}.")
    ctx.exit(1 if lines else 0)


ignore_option = click.Option(
    ["--ignore"], multiple=True, type=click.Choice(list(CHECKS)), help="Leave this check out; may be given again."
)
check_command = click.Command(
    "check",
    params=[app_argument, ignore_option],
    short_help="Say what will surprise in production.",
    help=check.__doc__,
    callback=flask.cli.with_appcontext(check),
)
