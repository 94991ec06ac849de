"""The command lines `flask` and `quart`: async commands run on the host loop, and both serve a DualApp."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from functools import wraps
from typing import Any

import click
import flask
from flask.cli import AppGroup, ScriptInfo, with_appcontext

from .compat.import_hook import after_import
from .crossing.bridge import run_on_loop
from .lifespan import StartupFailed


class DualGroup(AppGroup):
    """The commands of an app and its blueprints; async ones run on the host loop."""

    def command(  # type: ignore[override]  # as in Flask: click's has overloads
        self, *args: Any, serving: bool = False, **kwargs: Any
    ) -> Callable[..., click.Command]:
        """Register the decorated function, of either colour, as a command; takes the arguments of Flask's method.

        With `serving=True` the app starts before the command and stops after it, as around serving. Async functions
        of all three run on one loop, and the command has an app context whatever `with_appcontext` says.
        """
        register = super().command(*args, **kwargs)
        return (lambda func: register(with_appcontext(while_serving(func)))) if serving else register

    def group(self, *args: Any, **kwargs: Any) -> Callable[..., click.Group]:  # type: ignore[override]  # as above
        """Register the decorated function as a group of commands, whose commands take `serving` too."""
        kwargs.setdefault("cls", DualGroup)
        return super().group(*args, **kwargs)

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
    if command.callback is not None and not hasattr(command.callback, "allows_async"):
        command.callback = made_sync(command.callback)


def made_sync(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Return a sync function that awaits on the host loop what `callback` returns, if it is awaitable."""

    @wraps(callback)
    def call(*args: Any, **kwargs: Any) -> Any:
        value = callback(*args, **kwargs)
        return (
            run_on_loop(await_in_click, value, click.get_current_context(silent=True))
            if inspect.isawaitable(value)
            else value
        )

    call.allows_async = True  # type: ignore[attr-defined]  # a mark, so that it is wrapped once
    return call


async def await_in_click(value: Awaitable[Any], context: click.Context | None) -> Any:
    """Await in a thread whose current click context, which click keeps per thread, is the command's."""
    with nullcontext() if context is None else context.scope(cleanup=False):
        return await value


def while_serving(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function of a command around which the app starts and stops, unless it has started already."""
    run = made_sync(callback)

    @wraps(callback)
    def call(*args: Any, **kwargs: Any) -> Any:
        lifespan = flask.current_app._lifespan  # type: ignore[attr-defined]  # a DualApp's
        is_ours = not lifespan.has_started
        try:
            lifespan.start()
        except StartupFailed as failure:  # it is logged with its traceback
            raise click.ClickException(f"The app did not start: {failure}") from None
        try:
            return run(*args, **kwargs)
        finally:
            if is_ours:
                lifespan.stop()

    return call
