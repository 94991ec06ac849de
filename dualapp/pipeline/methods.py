"""The steps of a request as methods of an app, in both colours: what `super()` finds in an override, and tests call.

Each runs the pipeline's step in place: awaited on a loop, or stepped in a thread. So an override keeps its colour, and
adds no crossing to the step that it wraps.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial, wraps
from types import FunctionType
from typing import Any

import flask

from ..compat.upstream import request_context
from ..crossing.bridge import call_in_waiting_thread, is_loop_thread
from ..crossing.colour import Function
from ..crossing.context_variables import is_current, is_shared
from ..crossing.thread_pool import Threads, from_loop
from ..crossing.waiting_threads import current_call, unfinished
from . import dispatch
from .both_colours import callable_from_both, for_both_colours
from .calls import run_rest, run_until_suspended
from .context import Context
from .conventions import CONTEXT_FIRST
from .generation import Generation
from .home import Home
from .overrides import is_callable_from_both, is_frameworks
from .plan_cache import PlanCache
from .steps import BASES, OVERRIDABLE

#: Steps that need no request.
WITHOUT_REQUEST = frozenset({"do_teardown_appcontext"})


def method(step: Function) -> Callable[..., Any]:
    """Make a method of a step, which calls what is beneath all overrides."""
    name = step.__name__

    def in_sync(app: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
        return run_rest(None, run_until_suspended(base_of(name, app, Home.THREAD, context, *args, **kwargs)))

    async def in_async(app: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_loop_thread():  # this coroutine is stepped by hand
            return in_sync(app, context, *args, **kwargs)
        return await base_of(name, app, Home.LOOP, context, *args, **kwargs)

    return callable_from_both(BASES[name], in_async, in_sync, CONTEXT_FIRST)


def base_of(name: str, app: Any, home: Home, context: Any, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
    """Begin what is beneath all overrides of a step, for a thread or for the loop."""
    if isinstance(context, Context):
        context.response_observed = True
    elif name not in WITHOUT_REQUEST:
        raise RuntimeError(
            f"Working outside of request context: {name}() can be called while a request is handled,"
            " or within `with app.test_request_context()`."
        )
    rule = getattr(context, "rule", None)
    method = context.exchange.method if rule is not None else ""
    plan = app._step_plans[home].plan_for(None if rule is None else rule.endpoint, method)
    if (beneath := plan.beneath.get(name)) is not None:
        return plan.call(beneath, context, *args, **kwargs)  # type: ignore[no-any-return]  # it is awaitable
    return BASES[name](context, plan, *args, **kwargs)  # type: ignore[no-any-return]  # as above


def in_waiting_thread(threads: Threads, func: Function) -> Function:
    """Make a sync function awaitable: it runs in the thread that waits for the running code, else in a pool."""

    @wraps(func, updated=())
    async def crossing(*args: Any, **kwargs: Any) -> Any:
        variables = getattr(request_context(None), "variables", None)
        if variables is None or is_shared.get() or not is_current(variables):
            return await from_loop(func, *args, **kwargs)
        if unfinished(current_call.get()) is None:
            return await threads.call_within(variables, func, args, kwargs)
        return await call_in_waiting_thread(variables, func, args, kwargs)

    return crossing


def step_plans(app: flask.Flask, generation: Generation, threads: Threads) -> dict[Home, PlanCache]:
    """Make the plans by which the methods run the pipeline, by the place where they are called."""
    crossing = partial(in_waiting_thread, threads)
    return {
        Home.THREAD: PlanCache(app, generation, lambda home: Home.THREAD, crossing),
        Home.LOOP: PlanCache(app, generation, lambda home: Home.LOOP, crossing),
    }


class Steps(flask.Flask):
    """The steps of a request, as methods of an app.

    In `def` code they are called, in `async def` code awaited, with or without the context as their first argument.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make the overrides of a subclass callable from both colours."""
        for name in OVERRIDABLE:
            func = getattr(cls, name)
            if type(func) is FunctionType and not (is_callable_from_both(func) or is_frameworks(func)):
                setattr(cls, name, for_both_colours(func, name, func.__get__(cls)))
        super().__init_subclass__(**kwargs)

    full_dispatch_request = method(dispatch.full_dispatch_request)
    preprocess_request = method(dispatch.preprocess_request)
    dispatch_request = method(dispatch.dispatch_request)
    handle_user_exception = method(dispatch.handle_user_exception)
    handle_http_exception = method(dispatch.handle_http_exception)
    handle_exception = method(dispatch.handle_exception)
    finalize_request = method(dispatch.finalize_request)
    process_response = method(dispatch.process_response)
    make_default_options_response = method(dispatch.make_default_options_response)
    do_teardown_request = method(dispatch.do_teardown_request)
    do_teardown_appcontext = method(dispatch.do_teardown_appcontext)
