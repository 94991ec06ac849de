"""Enter the pipeline, or call the view directly where the pipeline would do nothing else.

A request without hooks, an opened session or received signals needs only its view. So the view is called before any
coroutine of the pipeline is made, and a plain answer is sent unchanged. Any other outcome of the view, a value or an
error, is passed to the rest of the pipeline (`respond` and `conclude` in dispatch.py) as an awaitable: there is one
copy of the rules, and the view, like the code that encodes its value, is called once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flask

from ..shortcuts.plain_response import Plain, response_from_plain
from ..wrappers.faces import close_request
from ..wrappers.head import is_sendable
from ..wrappers.response import Response
from .calls import Suspended, run_until_suspended
from .context_states import CLOSED
from .dispatch import conclude, cookie_arrived, dispatch, respond
from .signals import FINISHED, POPPED, PUSHED, STARTED, TEARING_APP_DOWN, TEARING_DOWN

if TYPE_CHECKING:
    from .context import Context
    from .plan import Plan


def answer_in_thread(context: Context, plan: Plan) -> flask.Response | Plain | Suspended:
    """Answer a request in a thread; return a `Suspended` if that waits for an async function."""
    if context.exchange.method not in plan.view_only_methods or PUSHED or STARTED:
        return run_until_suspended(dispatch(context, plan))  # type: ignore[no-any-return]  # as the last line
    if plan.static is not None and (known := static_answer(context, plan)):
        return known
    try:
        arguments, view = context.view_args, plan.view
        value = view(**arguments) if arguments else view()  # type: ignore[misc]  # there is one
    except BaseException as error:
        rest = respond(context, plan, raised(error))
    else:
        rest = plain_answer(context, plan, value)
        if context.state is CLOSED:
            return rest  # type: ignore[no-any-return]  # a plain answer
    return run_until_suspended(conclude(context, plan, rest))  # type: ignore[no-any-return]  # the pipeline's result


async def answer_on_loop(context: Context, plan: Plan) -> None:
    """Answer a request on the loop; store the response in `context.response`."""
    if context.exchange.method not in plan.view_only_methods or PUSHED or STARTED:
        context.response = await dispatch(context, plan)
        return
    try:
        arguments, view = context.view_args, plan.view
        value = await (view(**arguments) if arguments else view())  # type: ignore[misc]  # as above
    except BaseException as error:
        rest = respond(context, plan, raised(error))
    else:
        rest = plain_answer(context, plan, value)
        if context.state is CLOSED:
            context.response = rest
            return
    context.response = await conclude(context, plan, rest)


async def returned(value: Any) -> Any:
    return value


async def raised(error: BaseException) -> Any:
    try:
        raise error
    finally:
        del error  # breaks a reference cycle: its traceback holds this frame


def plain_answer(context: Context, plan: Plan, value: Any) -> Any:
    """Make a plain answer of a view's value, and close the context.

    Where a hook, signal or session may change the answer, or making it fails, return the rest of the pipeline, to be
    awaited. Encoding a value may call the user's code, which the rest does not call again.
    """
    if (
        context.response_observed
        or (FINISHED or TEARING_DOWN or TEARING_APP_DOWN or POPPED)
        or (context.exchange.has_cookies and cookie_arrived(context))
        or plan.made_in != plan.generation.number  # the view has registered a hook
    ):
        return respond(context, plan, returned(value))
    try:
        answer: flask.Response | Plain | None = plan.plain_from(value, plan.view)
    except BaseException as error:
        return raised(error)
    if answer is None:
        answer = value if isinstance(value, Response) and is_sendable(value) else None
    elif context.response_observed:
        value, answer = response_from_plain(answer), None  # type: ignore[unreachable]  # encoding may have called code that sets it
    if answer is None:
        return respond(context, plan, returned(value))
    context.state = CLOSED  # there are no teardown functions
    if context.request_observed:
        close_request(context.request)
    return answer


def answer_in_place(context: Context, plan: Plan) -> Plain | None:
    """Answer a request for a static file on the loop, not in a thread, if that takes only a `stat`; else None."""
    if plan.static is None or context.exchange.method not in plan.view_only_methods or PUSHED or STARTED:
        return None
    return static_answer(context, plan, may_block=False)


def static_answer(context: Context, plan: Plan, may_block: bool = True) -> Plain | None:
    """Make the answer for a cached static file; None if it is not cached, or a signal or session may change it."""
    if FINISHED or TEARING_DOWN or TEARING_APP_DOWN or POPPED or cookie_arrived(context):
        return None
    answer = plan.static.answer(context.exchange, context.view_args or {}, may_block)  # type: ignore[union-attr]  # there is one
    if answer is not None:
        context.state = CLOSED  # as above
        context.close_request()
    return answer
