"""The one pipeline: from a matched request to its response, for both entries and both colours.

It is written once, as coroutines whose only awaits are `plan.call(...)`. In a thread it is stepped by hand and never
suspends; on a loop it is awaited. The steps are Flask's, in Flask's order, and each of them that somebody has replaced
by an own method is left to that method.
"""

from __future__ import annotations

from functools import partial
from types import CoroutineType
from typing import Any

import flask
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

from ..compat.import_hook import after_import
from ..crossing.coroutines import step
from ..shortcuts.plain_response import Plain, response_from_plain
from ..shortcuts.signed_sessions import kept
from ..shortcuts.static_files import StaticView
from ..wrappers.response import Response, outcome_of, response_from
from .context import Context
from .plan import Home, Plan, each_called, first_answer, is_heard

# Who receives the signals that are sent for each request: dicts that blinker keeps as long as the signals.
PUSHED, STARTED, FINISHED, TEARING_DOWN, TEARING_APP_DOWN, POPPED = (
    signal.receivers
    for signal in (
        appcontext_pushed,
        request_started,
        request_finished,
        request_tearing_down,
        appcontext_tearing_down,
        appcontext_popped,
    )
)


def answer_in_thread(context: Context, plan: Plan) -> flask.Response | Plain:
    """Answer a request in a thread: by the short road if it leads there, or else by the pipeline.

    The short road is for requests for which the pipeline would do nothing but call the view. Whatever comes of the
    view that is no simple value, an error too, is handed to the pipeline as if it had called the view.
    """
    if context.exchange.method in plan.short_methods and not (PUSHED or STARTED):
        if plan.static is not None and (known := static_answer(context, plan.static)):
            return known
        try:
            arguments, view = context.view_args, plan.view
            value = view(**arguments) if arguments else view()  # type: ignore[misc]  # there is one
        except BaseException as error:
            context.viewed = partial(raise_again, error)
        else:
            if (plain := plain_answer(context, plan, value)) is not None:
                return plain
            context.viewed = lambda: value
    return step(dispatch(context, plan))


async def answer_on_loop(context: Context, plan: Plan) -> None:
    """Do the same on the loop, and leave the answer in the context."""
    if context.exchange.method in plan.short_methods and not (PUSHED or STARTED):
        try:
            arguments, view = context.view_args, plan.view
            value = await (view(**arguments) if arguments else view())  # type: ignore[misc]  # as above
        except BaseException as error:
            context.viewed = partial(raise_again, error)
        else:
            context.response = plain_answer(context, plan, value)
            if context.response is not None:
                return
            context.viewed = lambda: value
    context.response = await dispatch(context, plan)


def plain_answer(context: Context, plan: Plan, value: Any) -> flask.Response | Plain | None:
    """Make the answer of a view's value; None if anybody else has a say in it, or if it is for the pipeline to fail."""
    if context.is_touched or FINISHED or TEARING_DOWN or TEARING_APP_DOWN or POPPED:
        return None
    if context.exchange.has_cookies and cookie_arrived(context):
        return None
    try:
        answer: flask.Response | Plain | None = plan.plain_from(value, plan.view)
    except Exception:
        return None
    if answer is None and isinstance(value, Response):
        answer = value
    if answer is None or context.is_touched:  # by what was encoded
        return None
    if context.has_request:
        context.close_request()
    return answer


def answer_in_place(context: Context, plan: Plan) -> Plain | None:
    """Answer a request whose view is at home in a thread on the loop; None unless that takes no more than a `stat`."""
    if plan.static is None or context.exchange.method not in plan.short_methods or PUSHED or STARTED:
        return None
    return static_answer(context, plan.static, may_block=False)


def static_answer(context: Context, static: StaticView, may_block: bool = True) -> Plain | None:
    """Make the answer for a static file that is known; None if anybody but its view has a say in it."""
    if FINISHED or TEARING_DOWN or TEARING_APP_DOWN or POPPED or cookie_arrived(context):
        return None
    arguments: Any = context.view_args
    if arguments.keys() != {"filename"}:  # those of a rule of the user's own
        return None
    answer = static.answer(context.exchange, arguments["filename"], may_block)
    if answer is not None and context.has_request:
        context.close_request()
    return answer


def raise_again(error: BaseException) -> None:
    raise error


async def dispatch(context: Context, plan: Plan) -> flask.Response | Plain:
    """Answer a request and tear its context down; the context stays entered.

    Raises what the view raised only where Flask would let it out: when PROPAGATE_EXCEPTIONS says so.
    """
    try:
        try:
            return await full_dispatch(context, plan)
        except Exception as error:
            return await recover(context, plan, error)
    except BaseException as error:
        context.error = error
        context.is_kept = context.waits_for_start = False  # there is no response for which to wait
        raise
    finally:
        if not (context.is_kept or context.waits_for_start):
            await tear_down(context, plan)


async def recover(context: Context, plan: Plan, error: Exception) -> flask.Response:
    """Answer an error that nobody handled, as one before the first byte of a response is, too."""
    context.error = error
    return await handle_exception(context, plan, error)


async def full_dispatch(context: Context, plan: Plan) -> flask.Response | Plain:
    has_begun = context.viewed is not None  # so that it is too late for signals that somebody listens to since
    if PUSHED and context.owns_app_context and not has_begun and is_heard(appcontext_pushed, context.app):
        await plan.call(plan.send, appcontext_pushed)
    if context.routing_failure is not None:
        raise context.routing_failure
    if not plan.opens_session_late:
        await plan.call(plan.open_session)
    if replacement := plan.adapted.get("full_dispatch_request"):
        return await plan.call(replacement)  # type: ignore[no-any-return]  # whatever it is, it is the answer
    try:
        if STARTED and not has_begun and is_heard(request_started, context.app):
            await plan.call(plan.send, request_started)
        value = await preprocess(context, plan) if plan.has_hooks or plan.replaced else None
        if value is None:
            value = await dispatch_view(context, plan)
            if type(value) is CoroutineType and plan.home is Home.THREAD:
                value = outcome_of(value)
    except Exception as error:
        value = await handle_user_exception(context, plan, error)
    if plan.is_plain and is_unseen(context) and (plain := plan.plain_from(value, plan.view)) and not context.is_touched:
        return plain
    return await finalize(context, plan, value)


def is_unseen(context: Context) -> bool:
    """Tell whether nobody is going to look at the response before the client does."""
    return not (context.is_touched or cookie_arrived(context) or is_heard(request_finished, context.app))


async def preprocess(context: Context, plan: Plan) -> Any:
    if replacement := plan.adapted.get("preprocess_request"):
        return await plan.call(replacement)
    if plan.preprocessors:
        endpoint = None if context.rule is None else context.rule.endpoint
        await each_called(plan.call, plan.preprocessors, endpoint, context.request.view_args)
    return await first_answer(plan.call, plan.before) if plan.before else None


async def dispatch_view(context: Context, plan: Plan) -> Any:
    if replacement := plan.adapted.get("dispatch_request"):
        return await plan.call(replacement)
    if (error := context.current_routing_exception) is not None:
        if plan.raises_for_routing or isinstance(error, RequestRedirect):  # to which debug mode has something to add
            context.app.raise_routing_exception(context.request)
        else:
            raise error
    rule = context.rule
    if context.exchange.method.upper() == "OPTIONS" and getattr(rule, "provide_automatic_options", False):
        return context.app.make_default_options_response()
    if context.viewed is not None:
        return context.viewed()
    if plan.adapted_view is None:
        raise KeyError(rule.endpoint)  # type: ignore[union-attr]  # Flask's error for an endpoint without a view
    return await plan.call(plan.adapted_view, **context.current_view_args)


async def handle_user_exception(context: Context, plan: Plan, error: Exception) -> Any:
    """Answer an error with the handler registered for it; raise it again if there is none."""
    if replacement := plan.adapted.get("handle_user_exception"):
        return await plan.call(replacement, error)
    app = context.app
    if isinstance(error, BadRequestKeyError) and (app.debug or app.config["TRAP_BAD_REQUEST_ERRORS"]):
        error.show_exception = True
    if isinstance(error, HTTPException) and not app.trap_http_exception(error):
        return await handle_http_exception(context, plan, error)
    handler = app._find_error_handler(error, plan.names)
    if handler is None:
        raise error
    return await plan.call(plan.adapt(handler), error)


async def handle_http_exception(context: Context, plan: Plan, error: HTTPException) -> Any:
    """Answer an HTTP error with the handler registered for it, or with its own page."""
    if replacement := plan.adapted.get("handle_http_exception"):
        return await plan.call(replacement, error)
    # A redirect of the router, or a response that was raised, is an answer and not an error.
    if error.code is None or isinstance(error, RoutingException):
        return error
    handler = context.app._find_error_handler(error, plan.names)
    return error if handler is None else await plan.call(plan.adapt(handler), error)


async def handle_exception(context: Context, plan: Plan, error: Exception) -> flask.Response:
    """Answer an error that nobody handled: log it and give the 500 page, or let it out where the app says so."""
    if replacement := plan.adapted.get("handle_exception"):
        return await plan.call(replacement, error)  # type: ignore[no-any-return]  # whatever it is, it is the answer
    app = context.app
    if is_heard(got_request_exception, app):
        await plan.call(plan.send, got_request_exception, exception=error)
    if propagates(app):
        raise error
    app.log_exception((type(error), error, error.__traceback__))  # type: ignore[arg-type]  # it was raised
    server_error = InternalServerError(original_exception=error)
    handler = app._find_error_handler(server_error, plan.names)
    value = server_error if handler is None else await plan.call(plan.adapt(handler), server_error)
    return await finalize(context, plan, value, from_error_handler=True)


def propagates(app: flask.Flask) -> bool:
    """Tell whether unhandled errors go to the server instead of becoming a 500 page."""
    propagate = app.config["PROPAGATE_EXCEPTIONS"]
    return bool(app.testing or app.debug if propagate is None else propagate)


async def finalize(context: Context, plan: Plan, value: Any, from_error_handler: bool = False) -> flask.Response:
    """Make the response and hand it through the hooks; while answering an error, one in them is only logged."""
    if replacement := plan.adapted.get("finalize_request"):
        return await plan.call(replacement, value, from_error_handler)  # type: ignore[no-any-return]  # as full_dispatch
    if replacement := plan.adapted.get("make_response"):
        response: flask.Response = await plan.call(replacement, value)
    else:
        response = make_response(context, plan, value)
    try:
        response = await process_response(context, plan, response)
        if FINISHED and is_heard(request_finished, context.app):
            await plan.call(plan.send, request_finished, response=response)
    except Exception:
        if not from_error_handler:
            raise
        context.app.logger.exception("Request finalizing failed with an error while handling an error")
    return response


def make_response(context: Context, plan: Plan, value: Any) -> flask.Response:
    is_made = isinstance(value, Response)  # and may be kept by somebody who changes it later
    if plan.has_stock_responses and not is_made and (plain := plan.plain_from(value, plan.view)) and plain.body:
        return response_from_plain(plain)
    return response_from(context.app, value, plan.view)


async def process_response(context: Context, plan: Plan, response: flask.Response) -> flask.Response:
    if replacement := plan.adapted.get("process_response"):
        return await plan.call(replacement, response)  # type: ignore[no-any-return]  # as full_dispatch
    for func in vars(context).get("_after_request_functions", ()):  # made when the first is registered
        response = await plan.call(plan.adapt(func), response)
    for func in plan.after:  # written out, as in tear_down_request: another coroutine takes as long as a short hook
        response = await plan.call(func, response)
    # One that was opened, or that came with the request and may want its cookie renewed.
    if context._session is not None or cookie_arrived(context):
        await save_session(context, plan, response)
    return response


async def save_session(context: Context, plan: Plan, response: flask.Response) -> None:
    app, interface = context.app, context.app.session_interface
    context.open_session()
    if not interface.is_null_session(context._session):
        await plan.call(plan.save_session(kept(interface).save_session), app, context._session, response)


def cookie_arrived(context: Context) -> bool:
    """Tell whether the request may carry a session cookie; cheap, and never wrong when it says no."""
    cookies = context.exchange.cookies if context.exchange.has_cookies else None
    return cookies is not None and context.app.session_interface.get_cookie_name(context.app) in cookies


async def tear_down(context: Context, plan: Plan) -> None:
    """Run the teardown functions, once, with the error that ended the request if one did."""
    if context.is_torn_down:
        return
    context.is_torn_down = True
    app, error = context.app, context.error
    if error is not None and app.should_ignore_error(error):
        error = None
    try:
        await tear_down_request(context, plan, error)
    finally:
        if context.owns_app_context and (plan.tears_app_down or TEARING_APP_DOWN or POPPED):
            await tear_down_app(app, plan, error)


async def tear_down_request(context: Context, plan: Plan, error: BaseException | None) -> None:
    if replacement := plan.adapted.get("do_teardown_request"):
        await plan.call(replacement, error)
    else:
        for func in plan.teardown:
            await plan.call(func, error)
        if TEARING_DOWN and is_heard(request_tearing_down, context.app):
            await plan.call(plan.send, request_tearing_down, exc=error)
    context.close_request()


async def tear_down_app(app: flask.Flask, plan: Plan, error: BaseException | None) -> None:
    if replacement := plan.adapted.get("do_teardown_appcontext"):
        await plan.call(replacement, error)
    else:
        if plan.teardown_app:
            await each_called(plan.call, plan.teardown_app, error)
        if is_heard(appcontext_tearing_down, app):
            await plan.call(plan.send, appcontext_tearing_down, exc=error)
    if is_heard(appcontext_popped, app):
        await plan.call(plan.send, appcontext_popped)


def join_quarts_signals() -> None:
    """Have who listens to a signal of Quart's hear what Flask's signals say, and the other way round."""
    from ..compat import quart_signals

    quart_signals.connect_flasks()


after_import("quart", join_quarts_signals)
