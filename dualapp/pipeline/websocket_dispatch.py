"""The pipeline of a websocket: Quart's steps, in Quart's order, on the loop.

Sync hooks run in threads of the app, a sync view in a thread of its own for as long as the websocket lasts. What the
hooks and the view return refuses the websocket unless it was accepted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import flask
from flask.signals import appcontext_pushed
from quart.signals import (
    got_websocket_exception,
    websocket_finished,
    websocket_started,
    websocket_tearing_down,
)

from ..exchange.conversation import CONNECTING, WebsocketClosed
from ..wrappers.return_values import response_from
from .await_notes import add_await_note
from .calls import ERRORS, as_exception, awaited_body, is_asked_for, is_coroutine
from .context import Context
from .dispatch import (
    check_sendable,
    handle_user_exception,
    propagates,
    save_session,
    sendable_page,
    tear_down_app,
    value_for_unhandled,
)
from .hooks import each_applied, each_called, first_answer
from .signals import is_heard
from .teardown_errors import each_torn_down

if TYPE_CHECKING:
    from blinker import Signal

    from .plan import Plan

CallView = Callable[..., Awaitable[Any]]


async def converse(context: Context, plan: Plan, call_view: CallView) -> flask.Response | None:
    """Run the hooks and the view of a websocket; return the response to refuse it with, None if there is none.

    Raises an unhandled error where the app propagates errors, and any that comes after the websocket was accepted.
    """
    try:
        try:
            response = await full_dispatch(context, plan, call_view)
            if response is not None and is_undecided(context):
                check_sendable(plan, response)
            return response
        except WebsocketClosed:
            return None
        except ERRORS as raised:
            if is_asked_for(raised, plan.call, context):
                raise
            error = context.error = as_exception(raised)
            add_await_note(error)
            note_failure(context)
            return sendable_page(context, plan, await handle_exception(context, plan, error))
    except BaseException as error:
        context.error = error
        raise
    finally:
        await tear_down(context, plan)


async def full_dispatch(context: Context, plan: Plan, call_view: CallView) -> flask.Response | None:
    try:
        if context.owns_app_context:
            await send(context, plan, appcontext_pushed)
        await send(context, plan, websocket_started)
        value = await value_of(context, plan, call_view)
    except WebsocketClosed:
        raise
    except ERRORS as error:
        if is_asked_for(error, plan.call, context):
            raise
        note_failure(context)
        value = await handle_user_exception(context, plan, as_exception(error))
    return await finalize(context, plan, value)


def is_undecided(context: Context) -> bool:
    """Tell whether the websocket was neither accepted nor refused: a response of the view will refuse it."""
    return context.conversation.state == CONNECTING  # type: ignore[union-attr]  # there is one


def note_failure(context: Context) -> None:
    context.conversation.has_failed = True  # type: ignore[union-attr]  # there is one


async def value_of(context: Context, plan: Plan, call_view: CallView) -> Any:
    """Return the first answer of the hooks before the view, or the view's value."""
    if plan.preprocessors:
        endpoint = None if context.rule is None else context.rule.endpoint
        await each_called(plan.call, plan.preprocessors, endpoint, context.view_args)
    value = await first_answer(plan.call, plan.websocket_hooks.before)
    if value is not None:
        return value
    if context.routing_failure is not None:
        raise context.routing_failure
    if context.routing_exception is not None:
        raise context.routing_exception
    return await call_view(plan.view, context.view_args or {})


async def finalize(context: Context, plan: Plan, value: Any) -> flask.Response | None:
    """Make the response, if there is a value, and pass it through the hooks after the view."""
    if is_coroutine(value):  # of an error handler
        value = await awaited_body(plan.call, value)
    response = None if value is None else response_from(context.app, value, plan.view)
    plan = plan.renewed()
    response = await each_applied(plan.call, plan.websocket_hooks.after, response)
    if response is not None and context.opened_session is not None:
        await save_session(context, plan, response)
    await send(context, plan, websocket_finished, response=response)
    return response  # type: ignore[no-any-return]  # what the hooks return


async def handle_exception(context: Context, plan: Plan, error: Exception) -> flask.Response:
    """Log an unhandled error and make the 500 page, or re-raise the error if the app propagates it."""
    app = context.app
    await send(context, plan, got_websocket_exception, exception=error)
    if propagates(app):
        raise error
    value = await value_for_unhandled(context, plan, error)
    return response_from(app, await awaited_body(plan.call, value) if is_coroutine(value) else value, plan.view)


async def tear_down(context: Context, plan: Plan) -> None:
    """Run the teardown functions with the error that ended the websocket, or None."""
    plan = plan.renewed()
    try:
        await each_torn_down(plan.call, plan.websocket_hooks.teardown, context.error)
        await send(context, plan, websocket_tearing_down, exc=context.error)
    finally:
        context.close_request()
        await tear_down_app(context, plan, context.error)


async def send(context: Context, plan: Plan, signal: Signal, **arguments: Any) -> None:
    if is_heard(signal, context.app):
        await plan.call(plan.send, signal, **arguments)
