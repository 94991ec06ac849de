"""Make methods callable from both colours: as Flask's in `def` code, awaited as Quart's in `async def` code."""

from __future__ import annotations

from functools import wraps
from typing import Any

from ..compat.quart_binding import own_context
from ..compat.upstream import app_variable, request_context, takes_context
from ..crossing.bridge import to_loop
from ..crossing.colour import Function, caller_is_async, is_async, markcoroutinefunction
from ..crossing.thread_pool import awaitable
from .context import with_body
from .conventions import CONTEXT_FIRST, CONTEXT_NAMES, Convention, convention_of

#: Overrides that `async def` code need not await: Quart's is sync too, or gives a response, which may be awaited.
NOT_AWAITED = frozenset({"log_exception", "make_response"})


def callable_from_both(
    like: Function, in_async: Function, in_sync: Function, convention: Convention, takes_self: bool = True
) -> Function:
    """Make a function that looks like one function, and calls one of two, by the colour of its caller.

    The caller may pass the context anywhere, or not at all; the function gets it by its convention.
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


def current_context() -> Any:
    """Return the context of the request, else that of the app, else None."""
    return request_context(None) or app_variable.get(None)


def for_both_colours(func: Function, name: str, bound: Function | None = None) -> Function:
    """Make an override of a step callable from both colours.

    `bound` is the function as a method of some object, if it is one that takes the object first.
    """
    convention, takes_self = convention_of(bound or func, name), bound is not None
    if is_async(func):
        return markcoroutinefunction(callable_from_both(func, func, with_body(to_loop(func)), convention, takes_self))
    in_async = func if name in NOT_AWAITED else awaitable(func)
    return callable_from_both(func, in_async, func, convention, takes_self)


def sync_step(func: Function) -> Function:
    """Decorate a method of ours that takes the context, and is called, not awaited, in either colour."""
    return callable_from_both(func, func, func, CONTEXT_FIRST)


def async_step(func: Function) -> Function:
    """Decorate an async method of ours that takes the context."""
    return markcoroutinefunction(callable_from_both(func, func, to_loop(func), CONTEXT_FIRST))
