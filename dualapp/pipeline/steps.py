"""The steps of a request that a subclass or an extension may override."""

from __future__ import annotations

from functools import wraps
from typing import Any, TypeVar

from ..crossing.colour import Function
from .calls import awaited

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
#: All methods that Flask calls and Quart awaits, or that either passes the context to.
OVERRIDABLE = {**STEPS, "update_template_context": 1, "handle_background_exception": 1}
#: What our own steps do: coroutines of the context, the plan and the step's arguments.
BASES: dict[str, Function] = {}


def step(base: F) -> F:
    """Decorate a step of the pipeline: an override of it is called instead."""
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
