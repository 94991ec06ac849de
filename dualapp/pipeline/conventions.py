"""Tell how an override of a step takes the context, and call it so.

Flask 3.1 passes no context, Flask 3.2 and Quart 0.23 pass it first, Quart 0.22 last. An override may be written for any
of them: its parameters tell which.
"""

from __future__ import annotations

from inspect import Parameter, signature
from typing import Any, NamedTuple

from flask import Flask  # by this name also where tests have put another class in its place

from ..compat.quart_binding import quarts_context
from ..crossing.colour import Function, is_async, markcoroutinefunction
from .steps import OVERRIDABLE

#: The names that Flask and Quart give the context.
CONTEXT_NAMES = frozenset({"ctx", "request_context"})
POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


class Convention(NamedTuple):
    """How a function takes the context: at which position, None if it does not, and as which framework shows it."""

    position: int | None
    shown: Function

    def arguments(self, context: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Put the context among the other arguments."""
        at = self.position
        return args if at is None else (*args[:at], self.shown(context), *args[at:])


#: How the pipeline, and all of our own methods, take it.
CONTEXT_FIRST = Convention(0, lambda context: context)


def convention_of(func: Function, name: str) -> Convention:
    """Tell how an override of a step takes the context; `func` is bound to its app."""
    return Convention(context_position(func, name), quarts_context if is_async(func) else lambda context: context)


def context_position(func: Function, name: str) -> int | None:
    parameters = parameters_of(func)
    places = [parameter for parameter in parameters if parameter.kind in POSITIONAL]
    for position, parameter in enumerate(places):
        if parameter.name in CONTEXT_NAMES:
            return position
    if parameters and not places:  # `*args`: what Flask would pass
        flasks = parameters_of(getattr(Flask, name, None))
        return 0 if any(parameter.name == "ctx" for parameter in flasks) else None
    required = [parameter for parameter in places if parameter.default is Parameter.empty]
    return 0 if len(required) > OVERRIDABLE[name] else None


def parameters_of(func: Any) -> list[Parameter]:
    try:
        return list(signature(func).parameters.values())
    except (TypeError, ValueError):  # there is nothing to see, as in functions that are written in C
        return []


def with_context(func: Function, name: str) -> Function:
    """Return an override as the pipeline calls it: with the context first."""
    convention = convention_of(func, name)

    def call(context: Any, *args: Any, **kwargs: Any) -> Any:
        return func(*convention.arguments(context, args), **kwargs)

    return markcoroutinefunction(call) if is_async(func) else call
