"""Commands for the command line that may be async."""

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
    """The commands of an app; those that are async, its blueprints' too, run on the host loop."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            take_both_colours(command)
            ctx.obj = known_to_quart(ctx.obj)
        return command


def known_to_quart(info: Any) -> Any:
    """Return what Flask's commands find the app by, so that those made with `quart.cli.pass_script_info` do too."""
    cli = sys.modules.get("quart.cli")
    if cli is None or not isinstance(info, ScriptInfo) or isinstance(info, cli.ScriptInfo):
        return info
    cls: Any = type("ScriptInfo", (ScriptInfo, cli.ScriptInfo), {})
    twin = cls()
    twin.__dict__ = vars(info)
    return twin


def take_both_colours(command: click.Command) -> None:
    """Have a command, or all of a group, wait for what its function returns if that is to be awaited."""
    for subcommand in getattr(command, "commands", {}).values():
        take_both_colours(subcommand)
    callback = command.callback
    if callback is None or hasattr(callback, "takes_both_colours"):
        return

    @wraps(callback)
    def waiting(*args: Any, **kwargs: Any) -> Any:
        value = callback(*args, **kwargs)
        return run_on_loop(await_value, value) if inspect.isawaitable(value) else value

    waiting.takes_both_colours = True  # type: ignore[attr-defined]  # a mark, so that it is wrapped once
    command.callback = waiting
