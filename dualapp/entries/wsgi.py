"""The WSGI entry (PEP 3333): make an exchange of an environ, run the pipeline, and start and return the response."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from contextvars import Context as Variables
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import flask

from ..compat.upstream import STATUS_LINES
from ..crossing.bridge import offer_loop
from ..crossing.coroutines import step
from ..crossing.thread_pool import to_request_thread
from ..exchange.wsgi_exchange import WSGIExchange
from ..pipeline.answer import answer_in_thread, answer_on_loop
from ..pipeline.context import Context
from ..pipeline.dispatch import move_on, recover
from ..pipeline.home import Home
from ..pipeline.life import AWAITING_START, CLOSED, END, START, STREAMING
from ..pipeline.overrides import is_replaced
from ..pipeline.plans import Plans
from ..shortcuts.plain_response import Plain
from ..wrappers.response import is_bodiless
from ..wrappers.sending import parts_of_finished, timeout_of
from .wsgi_stream import WSGIStream, close

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from ..lifespan import Lifespan
    from ..pipeline.generation import Generation
    from ..pipeline.plan import Plan

LOOP = Home.LOOP

# The environ key of a function that takes the context, for Werkzeug's debugger or a test client to enter again.
PRESERVE = "werkzeug.debug.preserve_context"


class WSGIGateway:
    """The WSGI entry of one app."""

    def __init__(self, app: flask.Flask, generation: Generation, lifespan: Lifespan) -> None:
        self.app = app
        self.lifespan = lifespan
        self.plans = Plans(app, generation, home_at, to_request_thread)
        has_own = is_replaced(app, "request_context") or is_replaced(app, "_context_of")
        self._context_of: Any = app.request_context if has_own else None
        self._has_own_wsgi_app = is_replaced(app, "wsgi_app")

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request as a WSGI application."""
        lifespan = self.lifespan
        if not lifespan.has_started or ((loop := lifespan.startup_loop) is not None and loop.is_closed()):
            lifespan.start()
        offer_loop()
        # Each request runs in a context of its own: values it sets must not leak to the next one on this thread.
        variables = copy_context()
        answer: Iterable[bytes] = variables.run(self._answer, environ, start_response, variables)
        return answer

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse, variables: Variables) -> Iterable[bytes]:
        context = self._context_of(environ) if self._context_of else Context(self.app, WSGIExchange(environ))
        context.enter()
        try:
            context.plan = plan = self.plans.find(context)
            if self._has_own_wsgi_app or "wsgi_app" in vars(self.app):  # there may be middleware
                start_response = starting_in_context(context, start_response)
            try:
                if plan.home is LOOP:
                    run_on_host_loop(answer_on_loop, context, plan)
                    response = context.response
                else:
                    response = answer_in_thread(context, plan)
            finally:
                if PRESERVE in environ:
                    environ[PRESERVE](context)
        except BaseException:
            context.leave()
            raise
        if isinstance(response, Plain):
            context.end()
            start_response(STATUS_LINES[response.status_code], response.headers())
            return [b"" if context.exchange.method == "HEAD" else response.body]
        context.leave()
        try:
            return self._send(response, context, start_response, variables)
        except BaseException:
            end(context)
            raise

    def _send(
        self, response: flask.Response, context: Context, start_response: StartResponse, variables: Variables
    ) -> Iterable[bytes]:
        if context.state is not STREAMING:
            if parts := parts_of_finished(response):
                headers, body = parts
                start_response(response.status, headers)
                return [b"" if context.exchange.method == "HEAD" else body]
            if response.direct_passthrough and not is_bodiless(response, context.exchange.method):
                return start_file(response, context, start_response)
        return self._start(response, context, start_response, variables)

    def _start(
        self, response: flask.Response, context: Context, start_response: StartResponse, variables: Variables
    ) -> Iterable[bytes]:
        """Start a response once it has a first chunk; if its body fails before that, start the error's response."""
        body, status, headers = response.get_wsgi_response(context.exchange.environ)
        chunks = iter(body)
        try:
            first = b"".join(chunks) if response.is_sequence else next(chunks, b"")
        except Exception as error:
            close(chunks)
            if context.error is not None:  # the body of an error's response has failed
                raise
            answer = in_context(recover, context, error)
            return self._start(answer, context, start_response, variables)
        try:
            start_response(status, headers)
        except BaseException:  # a server may refuse the headers
            close(chunks)
            raise
        deadline = time.monotonic() + (timeout_of(response, self.app) or math.inf)
        return WSGIStream(first, chunks, variables, deadline, lambda: end(context))


def start_file(response: flask.Response, context: Context, start_response: StartResponse) -> Iterable[bytes]:
    """Start a response whose body is a file, and return a body that the server may send itself (wsgi.file_wrapper)."""
    try:
        return response(context.exchange.environ, start_response)
    except BaseException:
        response.close()
        raise


def starting_in_context(context: Context, start_response: StartResponse) -> StartResponse:
    """Wrap `start_response` to run within the context, which middleware may read, and to end the context after it."""
    context.state, context.response_observed = AWAITING_START, True

    def start(*args: Any) -> Any:
        context.enter()
        try:
            return start_response(*args)
        finally:
            try:
                drive(move_on, context, START)
            finally:
                context.leave()

    return start


def home_at(home: Home) -> Home:
    return Home.THREAD if home is Home.EITHER else home


def run_on_host_loop(pipeline: Callable[..., Any], context: Context, plan: Plan, *args: Any) -> Any:
    """Run a pipeline to its end on the host loop; this thread waits for it, or borrows the loop."""
    if context.exchange.body.is_to_come:
        context.exchange.read_ahead()
    return plan.loop_runner.run(pipeline, context, plan, *args)


def drive(pipeline: Callable[..., Any], context: Context, *args: Any) -> Any:
    """Run a pipeline to its end at its home."""
    plan = context.plan
    return (
        run_on_host_loop(pipeline, context, plan, *args) if plan.home is LOOP else step(pipeline(context, plan, *args))
    )


def in_context(pipeline: Callable[..., Any], context: Context, *args: Any) -> Any:
    """Run a pipeline to its end within a context that was left before."""
    context.enter()
    try:
        return drive(pipeline, context, *args)
    finally:
        context.leave()


def end(context: Context) -> None:
    """Tear a context down unless it is closed."""
    if context.state is not CLOSED:
        in_context(move_on, context, END)
