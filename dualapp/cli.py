"""Run async commands of the `flask` command line on the host loop."""

from __future__ import annotations

import inspect
import sys
from functools import wraps
from typing import Any

import click
from flask.cli import AppGroup, ScriptInfo

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
    """Return Flask's ScriptInfo as an instance of Quart's too, which `quart.cli.pass_script_info` looks for."""
    cli = sys.modules.get("quart.cli")
    if cli is None or not isinstance(info, ScriptInfo) or isinstance(info, cli.ScriptInfo):
        return info
    cls: Any = type("ScriptInfo", (ScriptInfo, cli.ScriptInfo), {})
    twin = cls()
    twin.__dict__ = vars(info)
    return twin


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
