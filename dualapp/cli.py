"""The command lines `flask` and `quart`: async commands run on the host loop, and both serve a DualApp."""

from __future__ import annotations

import inspect
import sys
from functools import wraps
from typing import Any

import click
from flask.cli import AppGroup, ScriptInfo

from .compat.import_hook import after_import
from .crossing.bridge import run_on_loop
from .crossing.coroutines import await_value


class DualGroup(AppGroup):
    """The commands of an app and its blueprints; async ones run on the host loop."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            allow_async(command)
            ctx.obj = for_both_frameworks(ctx.obj)
        return command


def for_both_frameworks(info: Any) -> Any:
    """Return a ScriptInfo of either framework as one of both, which commands of either framework look for."""
    cli = sys.modules.get("quart.cli")
    if cli is None or isinstance(info, ScriptInfo) is isinstance(info, cli.ScriptInfo):
        return info
    cls: Any = type("ScriptInfo", (ScriptInfo, cli.ScriptInfo), {})
    twin = cls()
    twin.__dict__ = vars(info)
    return twin


def accept_in_quart_cli(app_class: type) -> None:
    """Make the command line `quart` take an app of this class where it looks for a Quart app."""

    def accept() -> None:
        # It asks `isinstance(app, Quart)`. A global of the module goes before the builtin, and the apps of all other
        # modules stay what they are.
        cli: Any = sys.modules["quart.cli"]
        cli.isinstance = lambda value, cls: isinstance(value, (app_class, cls))

    after_import("quart.cli", accept)


def allow_async(command: click.Command) -> None:
    """Make a command, or all commands of a group, run an awaitable that its function returns on the host loop."""
    for subcommand in getattr(command, "commands", {}).values():
        allow_async(subcommand)
    callback = command.callback
    if callback is None or hasattr(callback, "allows_async"):
        return

    @wraps(callback)
    def call(*args: Any, **kwargs: Any) -> Any:
        value = callback(*args, **kwargs)
        return run_on_loop(await_value, value) if inspect.isawaitable(value) else value

    call.allows_async = True  # type: ignore[attr-defined]  # a mark, so that it is wrapped once
    command.callback = call
