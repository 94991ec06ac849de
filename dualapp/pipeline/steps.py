"""The steps of a request that may be overridden, and what makes each callable from both colours.

Flask calls its steps, Quart awaits them. Flask 3.1 passes no context, Flask 3.2 and Quart 0.23 pass it first, Quart
0.22 last. An override may be written for any of them: its parameters tell which.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Any, NamedTuple, TypeVar

import flask

from ..compat.quart_binding import own_context, quarts_context
from ..compat.upstream import app_variable, request_context, takes_context
from ..crossing.bridge import to_loop
from ..crossing.colour import caller_is_async, is_async, markcoroutinefunction
from ..crossing.thread_pool import awaitable
from .calls import awaited
from .context import with_body

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)

#: The steps of the pipeline, and how many arguments each needs beside the app and the context.
STEPS = {
    "full_dispatch_request": 0,
    "preprocess_request": 0,
    "dispatch_request": 0,
    "handle_user_exception": 1,
    "handle_http_exception": 1,
    "handle_exception": 1,
    "log_exception": 1,
    "finalize_request": 1,
    "make_response": 1,
    "process_response": 1,
    "make_default_options_response": 0,
    "do_teardown_request": 1,
    "do_teardown_appcontext": 1,
}
#: What our own steps do: coroutines of the context, the plan and the step's arguments.
BASES: dict[str, Function] = {}

#: All that Quart awaits and Flask calls, or that either passes the context to.
OVERRIDABLE = {**STEPS, "update_template_context": 1, "handle_background_exception": 1}

#: What `async def` code need not await: Quart's is sync too, or the result is a response, which may be awaited.
NOT_AWAITED = frozenset({"log_exception", "make_response"})

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


#: What a step of our own takes.
CONTEXT_FIRST = Convention(0, lambda context: context)


def convention_of(func: Function, name: str) -> Convention:
    """Tell how an override, bound to its app, takes the context."""
    return Convention(context_position(func, name), quarts_context if is_async(func) else lambda context: context)


def context_position(func: Function, name: str) -> int | None:
    parameters = parameters_of(func)
    named = [parameter for parameter in parameters if parameter.kind in POSITIONAL]
    for position, parameter in enumerate(named):
        if parameter.name in CONTEXT_NAMES:
            return position
    if not named and parameters:  # `*args`: what Flask would pass
        own = parameters_of(getattr(flask.Flask, name, None))
        return 0 if any(parameter.name == "ctx" for parameter in own) else None
    required = [parameter for parameter in named if parameter.default is Parameter.empty]
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


def step(base: F) -> F:
    """Register a step of the pipeline under its name, and have an override of it called instead."""
    name = base.__name__
    BASES[name] = base

    @wraps(base)
    def run(context: Any, plan: Any, *args: Any, **kwargs: Any) -> Any:
        if (override := plan.overrides.get(name)) is not None:
            return call_override(plan.call, override, context, *args, **kwargs)
        return base(context, plan, *args, **kwargs)

    return run  # type: ignore[return-value]  # it takes and gives what the base does


async def call_override(call: Function, override: Function, *args: Any, **kwargs: Any) -> Any:
    return await awaited(call, await call(override, *args, **kwargs))


def for_both_colours(func: Function, name: str, bound: Function | None = None) -> Function:
    """Return an override as any code may call it: as Flask's in `def` code, awaited as Quart's in `async def` code.

    `bound` is the same function as a method of some object, if it takes the object first.
    """
    convention = convention_of(bound or func, name)
    if is_async(func):
        in_sync = with_body(to_loop(func))
        return markcoroutinefunction(callable_from_both(func, func, in_sync, convention, takes_self=bound is not None))
    in_async = func if name in NOT_AWAITED else awaitable(func)
    return callable_from_both(func, in_async, func, convention, takes_self=bound is not None)


def callable_from_both(
    like: Function, in_async: Function, in_sync: Function, convention: Convention, takes_self: bool = True
) -> Function:
    """Make a function that looks like one function, and calls one of two, by the colour of its caller.

    The caller may pass the context anywhere, or not at all: the function gets it as the convention says.
    """

    @wraps(like, updated=())
    def call(*args: Any, **kwargs: Any) -> Any:
        own, args = args[:takes_self], args[takes_self:]
        given = [kwargs.pop(name) for name in CONTEXT_NAMES & kwargs.keys()]
        context = next(filter(None, map(own_context, (*args, *given))), None) or current_context()
        rest = tuple(value for value in args if own_context(value) is None)
        func = in_async if caller_is_async() else in_sync
        return func(*own, *convention.arguments(context, rest), **kwargs)

    call.written = like  # type: ignore[attr-defined]  # see overrides.py
    return takes_context(call) if takes_self else call


def sync_step(func: Function) -> Function:
    """Decorate a method of ours that takes the context, and that is called, not awaited, in either colour."""
    return callable_from_both(func, func, func, CONTEXT_FIRST)


def async_step(func: Function) -> Function:
    """Decorate an async method of ours that takes the context."""
    return markcoroutinefunction(callable_from_both(func, func, to_loop(func), CONTEXT_FIRST))


def current_context() -> Any:
    """Return the context of the request, else that of the app, else None."""
    return request_context(None) or app_variable.get(None)
