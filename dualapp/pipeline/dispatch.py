"""The one pipeline: from a matched request to its response, for both entries and both colours.

It is written once, as coroutines whose only awaits are `plan.call(...)`. In a thread it is stepped by hand and never
suspends; on a loop it is awaited. The steps are Flask's, in Flask's order and under Flask's names; a step that a
subclass or an extension has overridden is called instead. Its `super()` leads back to the step here: see `methods.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Coroutine
from typing import TYPE_CHECKING, Any

import flask
from flask import Flask  # by this name also where tests have put another class in its place
from flask.signals import (
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    got_request_exception,
    request_finished,
    request_started,
    request_tearing_down,
)
from werkzeug.exceptions import BadRequestKeyError, HTTPException, InternalServerError
from werkzeug.routing import RequestRedirect, RoutingException

from ..compat.upstream import find_error_handler, ignores_error, runs_all_teardowns, step_arguments
from ..exchange.translation import SHOWS_ERRORS
from ..shortcuts.plain_response import Plain, response_from_plain
from ..shortcuts.signed_sessions import fast_interface
from ..wrappers.error_pages import traceback_page
from ..wrappers.head import UnsendableHead, check_head
from ..wrappers.response import Response
from ..wrappers.return_values import add_view_note, response_from
from ..wrappers.sending import close_unsent
from .app_context import NOT_GIVEN
from .await_notes import add_await_note
from .calls import ERRORS, as_exception, awaited, awaited_body, is_asked_for, is_coroutine
from .context import Context
from .context_states import ANSWER, END, closes
from .hooks import Hook, each_called, first_answer
from .plan import Plan
from .signals import FINISHED, POPPED, PUSHED, STARTED, TEARING_APP_DOWN, TEARING_DOWN, is_heard
from .steps import step
from .stream_with_context import keep_body
from .teardown_errors import Errors, each_torn_down

if TYPE_CHECKING:
    from blinker import Signal

Answer = Coroutine[Any, Any, flask.Response | Plain]


def dispatch(context: Context, plan: Plan) -> Answer:
    """Answer a request, then tear its context down unless the response still needs it; the context stays entered.

    Raises unhandled errors only where Flask does: see PROPAGATE_EXCEPTIONS.
    """
    return conclude(context, plan, full_dispatch(context, plan))


async def conclude(context: Context, plan: Plan, response: Answer) -> flask.Response | Plain:
    """Await the response, or answer the error that it raises; then move the context on."""
    event = END
    try:
        try:
            answer = await response
            if not isinstance(answer, Plain):  # which is made of what can be sent
                check_sendable(plan, answer)
        except ERRORS as error:
            if is_asked_for(error, plan.call, context):
                raise
            answer = await recover(context, plan, as_exception(error))
        if context.holds and not (isinstance(answer, Plain) or answer.is_sequence):
            keep_body(answer)
        event = ANSWER
        return answer
    except BaseException as error:
        context.error = error
        raise
    finally:
        if closes(context, event):
            await tear_down(context, plan)


async def recover(context: Context, plan: Plan, error: Exception) -> flask.Response:
    """Answer an unhandled error, in the pipeline or in a body before its first byte was sent.

    Raises the error if the app propagates it, except to a test client that shows it as a page.
    """
    context.error = error
    add_await_note(error)
    return sendable_page(context, plan, await answer_to(context, plan, error))


def sendable_page(context: Context, plan: Plan, page: flask.Response) -> flask.Response:
    """Return the page of an error; the plain page for a 500 instead of one that cannot be sent."""
    try:
        check_sendable(plan, page)
    except UnsendableHead:  # of a hook or a handler that all pages pass through
        context.app.logger.exception("The page of an error cannot be sent")
        return response_from(context.app, InternalServerError())
    return page


async def answer_to(context: Context, plan: Plan, error: Exception) -> flask.Response:
    """Have the app handle an error; show one that it propagates to a test client that asks for that."""
    try:
        return await handle_exception(context, plan, error)
    except Exception as raised:
        if not shows_errors(context):
            raise
        await log_exception(context, plan, (type(raised), raised, raised.__traceback__))
        return traceback_page(context.app, raised)


def check_sendable(plan: Plan, answer: flask.Response) -> None:
    """Raise UnsendableHead, with a note that names the view, for an answer that not every server can send."""
    try:
        check_head(answer)
    except UnsendableHead as error:
        close_unsent(answer)
        add_view_note(error, plan.view)
        raise


async def move_on(context: Context, plan: Plan, event: str) -> None:
    """Move a context on after its pipeline has ended; tear it down if that closes it."""
    if closes(context, event):
        await tear_down(context, plan)


async def full_dispatch(context: Context, plan: Plan) -> flask.Response | Plain:
    if PUSHED and context.owns_app_context and is_heard(appcontext_pushed, context.app):
        await plan.call(plan.send, appcontext_pushed)
    if context.routing_failure is not None:
        raise context.routing_failure
    if not plan.opens_session_late:
        await plan.call(plan.open_session)
    return await full_dispatch_request(context, plan)


@step
async def full_dispatch_request(context: Context, plan: Plan) -> flask.Response | Plain:
    """Answer the current request: run its hooks and its view, and make the response."""
    has_more_than_view = STARTED or plan.has_hooks or plan.replaced
    return await respond(context, plan, (value_of if has_more_than_view else dispatch_request)(context, plan))


async def respond(context: Context, plan: Plan, value: Awaitable[Any]) -> flask.Response | Plain:
    """Make a response of the view's value, or of its error, and pass it through the hooks."""
    try:
        try:
            returned = await value
            if is_coroutine(returned):
                returned = await awaited_body(plan.call, returned)
        except ERRORS as error:
            if is_asked_for(error, plan.call, context):
                raise
            returned = await handle_user_exception(context, plan, as_exception(error))
        if plan.made_in != plan.generation.number:
            plan = plan.renewed()
        if plan.sends_plain and is_unobserved(context):
            plain = plan.plain_from(returned, plan.view)
            if plain is not None:
                if not context.response_observed:
                    return plain
                returned = response_from_plain(plain)  # the user's code that encodes it is called once
        return await finalize_request(context, plan, returned)
    finally:
        returned = None  # breaks a reference cycle: it may be the error, whose traceback holds this frame


async def value_of(context: Context, plan: Plan) -> Any:
    """Return the first answer of the hooks before the view, or the view's value."""
    if STARTED and is_heard(request_started, context.app):
        await plan.call(plan.send, request_started)
    value = await preprocess_request(context, plan)
    return await dispatch_request(context, plan) if value is None else value


def is_unobserved(context: Context) -> bool:
    """Tell whether no hook, session or signal receiver is going to see the response."""
    return not (context.response_observed or cookie_arrived(context) or is_heard(request_finished, context.app))


@step
async def preprocess_request(context: Context, plan: Plan) -> Any:
    """Run the hooks before the view, and return the first answer or None."""
    if plan.preprocessors:
        endpoint = None if context.rule is None else context.rule.endpoint
        await each_called(plan.call, plan.preprocessors, endpoint, context.request.view_args)
    return await first_answer(plan.call, plan.before) if plan.before else None


@step
async def dispatch_request(context: Context, plan: Plan) -> Any:
    """Call the view and return its value."""
    if (error := context.current_routing_exception) is not None:
        if plan.raises_for_routing or isinstance(error, RequestRedirect):  # debug mode has an error of its own for it
            context.app.raise_routing_exception(context.request)
        else:
            raise error
    rule = context.rule
    if context.exchange.method.upper() == "OPTIONS" and getattr(rule, "provide_automatic_options", False):
        return await make_default_options_response(context, plan)
    if plan.adapted_view is None:
        raise KeyError(plan.endpoint)  # Flask's error for an endpoint without a view
    return await plan.call(plan.adapted_view, **context.current_view_args)


@step
async def make_default_options_response(context: Context, plan: Plan) -> flask.Response:
    """Answer OPTIONS with the allowed methods, sorted."""
    response = Flask.make_default_options_response(context.app, *step_arguments(context))
    if response.allow:
        response.headers["Allow"] = ", ".join(sorted(response.allow))
    return response


@step
async def handle_user_exception(context: Context, plan: Plan, error: Exception) -> Any:
    """Answer an error with its registered handler; re-raise it if there is none."""
    app = context.app
    if isinstance(error, BadRequestKeyError) and (app.debug or app.config["TRAP_BAD_REQUEST_ERRORS"]):
        error.show_exception = True
    if isinstance(error, HTTPException) and not app.trap_http_exception(error):
        return await handle_http_exception(context, plan, error)
    handler = find_error_handler(app, error, plan.names)
    if handler is None:
        raise error
    return await plan.call(plan.adapt(handler), error)


@step
async def handle_http_exception(context: Context, plan: Plan, error: HTTPException) -> Any:
    """Answer an HTTP error with its registered handler, or with its own page."""
    # A redirect of the router, or an HTTPException that carries a response, is an answer and not an error.
    if error.code is None or isinstance(error, RoutingException):
        return error
    handler = find_error_handler(context.app, error, plan.names)
    return error if handler is None else await plan.call(plan.adapt(handler), error)


@step
async def handle_exception(context: Context, plan: Plan, error: Exception) -> flask.Response:
    """Log an unhandled error and answer with the 500 page, or re-raise the error if the app propagates it."""
    app = context.app
    if is_heard(got_request_exception, app):
        await plan.call(plan.send, got_request_exception, exception=error)
    if propagates(app):
        raise error
    value = await value_for_unhandled(context, plan, error)
    return await finalize_request(context, plan, value, from_error_handler=True)


async def value_for_unhandled(context: Context, plan: Plan, error: Exception) -> Any:
    """Log an unhandled error; return what the handler for a 500 does, or the 500 itself."""
    await log_exception(context, plan, (type(error), error, error.__traceback__))
    server_error = InternalServerError(original_exception=error)
    handler = find_error_handler(context.app, server_error, plan.names)
    return server_error if handler is None else await plan.call(plan.adapt(handler), server_error)


def propagates(app: flask.Flask) -> bool:
    """Tell whether unhandled errors go to the server instead of becoming a 500 page."""
    propagate = app.config["PROPAGATE_EXCEPTIONS"]
    return bool(app.testing or app.debug if propagate is None else propagate)


def shows_errors(context: Context) -> bool:
    """Tell whether errors that the app propagates for its tests become a page: for async tests, as in Quart."""
    app = context.app
    return bool(
        context.exchange.variable(SHOWS_ERRORS)
        and (app.testing or app.debug)
        and not app.config["PROPAGATE_EXCEPTIONS"]
    )


@step
async def log_exception(context: Context, plan: Plan, exc_info: Any) -> None:
    """Log an unhandled error of a request."""
    Flask.log_exception(context.app, *step_arguments(context, exc_info))


@step
async def finalize_request(
    context: Context, plan: Plan, value: Any, from_error_handler: bool = False
) -> flask.Response:
    """Make the response and pass it through the hooks, whose errors are only logged while an error is answered."""
    if is_coroutine(value):  # of an error handler
        value = await awaited_body(plan.call, value)
    if (override := plan.overrides.get("make_response")) is not None:
        response: flask.Response = await awaited(plan.call, await plan.call(override, context, value))
    else:
        response = make_response(context, plan, value)
    made = response
    try:
        response = await process_response(context, plan, response)
        if FINISHED and is_heard(request_finished, context.app):
            await plan.call(plan.send, request_finished, response=response)
    except ERRORS as error:
        if not from_error_handler or is_asked_for(error, plan.call, context):
            close_unsent(made)
            raise
        context.app.logger.exception("Request finalizing failed with an error while handling an error")
    if response is not made:
        close_unsent(made, response)
    return response


def make_response(context: Context, plan: Plan, value: Any) -> flask.Response:
    is_made = isinstance(value, Response)  # the user's code may keep it and change it later
    if plan.may_be_plain and not is_made and (plain := plan.plain_from(value, plan.view)) and plain.body:
        return response_from_plain(plain)
    return response_from(context.app, value, plan.view)


@step
async def process_response(context: Context, plan: Plan, response: flask.Response) -> flask.Response:
    """Pass a response through the hooks after the view, and return it."""
    for func in vars(context).get("after_this_request_functions", ()):  # made when the first is registered
        response = await plan.call(plan.adapt(func), response)
    for func in plan.after:  # inlined, as in tear_down_request: one more coroutine takes as long as a short hook
        response = await plan.call(func, response)
    # The session was opened, or its cookie may have to be renewed.
    if context.opened_session is not None or cookie_arrived(context):
        await save_session(context, plan, response)
    return response


async def save_session(context: Context, plan: Plan, response: flask.Response) -> None:
    app, interface = context.app, fast_interface(context.app)
    context.open_session()
    if not interface.is_null_session(context.opened_session):
        await plan.call(plan.save_session(interface.save_session), app, context.opened_session, response)


def cookie_arrived(context: Context) -> bool:
    """Tell whether the request may carry a session cookie: a substring test, so True may be wrong, False never is."""
    cookies = context.exchange.cookies if context.exchange.has_cookies else None
    return cookies is not None and context.app.session_interface.get_cookie_name(context.app) in cookies


async def tear_down(context: Context, plan: Plan) -> None:
    """Run the teardown functions with the error that ended the request, or None; called on the move to CLOSED."""
    app, error = context.app, context.error
    if plan.made_in != plan.generation.number:
        plan = plan.renewed()
    if error is not None and ignores_error(app, error):
        error = None
    if runs_all_teardowns:
        await tear_down_throughout(context, plan, error)
        return
    try:
        await do_teardown_request(context, plan, error)
        context.close_request()
    finally:
        if context.owns_app_context and (plan.tears_app_down or TEARING_APP_DOWN or POPPED):
            await tear_down_app(context, plan, error)


async def tear_down_throughout(context: Context, plan: Plan, error: BaseException | None) -> None:
    """Run all parts of the teardown even if one fails, as Flask 3.2 does; raise the errors as one ExceptionGroup."""
    errors = Errors()
    with errors:
        await do_teardown_request(context, plan, error)
    with errors:
        context.close_request()
    with errors:
        await tear_down_app(context, plan, error)
    errors.raise_all("Errors during context teardown")


@step
async def do_teardown_request(context: Context, plan: Plan, exc: Any = NOT_GIVEN) -> None:
    """Run the teardown functions of the request with the error that ended it, by default the one being handled."""
    error = sys.exc_info()[1] if exc is NOT_GIVEN else exc
    if runs_all_teardowns:
        await each_torn_down(plan.call, with_signal(plan, plan.teardown, request_tearing_down), error)
    else:
        for func in plan.teardown:
            await plan.call(func, error)
        if TEARING_DOWN and is_heard(request_tearing_down, context.app):
            await plan.call(plan.send, request_tearing_down, exc=error)


async def tear_down_app(context: Context, plan: Plan, error: BaseException | None) -> None:
    await do_teardown_appcontext(context, plan, error)
    if is_heard(appcontext_popped, plan.app):
        await plan.call(plan.send, appcontext_popped)


@step
async def do_teardown_appcontext(context: Any, plan: Plan, exc: Any = NOT_GIVEN) -> None:
    """Run the teardown functions of the app context with the error that ended it, by default as of the request."""
    error = sys.exc_info()[1] if exc is NOT_GIVEN else exc
    if runs_all_teardowns:
        await each_torn_down(plan.call, with_signal(plan, plan.teardown_app, appcontext_tearing_down), error)
        return
    if plan.teardown_app:
        await each_called(plan.call, plan.teardown_app, error)
    if is_heard(appcontext_tearing_down, plan.app):
        await plan.call(plan.send, appcontext_tearing_down, exc=error)


def with_signal(plan: Plan, functions: list[Hook], signal: Signal) -> list[Hook]:
    """Return teardown functions, followed by one that sends a signal if it has receivers."""
    return [*functions, lambda error: plan.send(signal, exc=error)] if is_heard(signal, plan.app) else functions
