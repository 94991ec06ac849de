"""The WSGI entry (PEP 3333): make an exchange of an environ, run the pipeline, and start and return the response."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context as Variables
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.wsgi import ClosingIterator

from ..compat.upstream import STATUS_LINES, close_functions
from ..crossing.bridge import call_in_waiting_thread
from ..crossing.coroutines import CancelledError
from ..exchange.translation import PRESERVE, from_latin1
from ..exchange.wsgi_exchange import WSGIExchange, asks_for_websocket
from ..pipeline.answer import answer_in_thread, answer_on_loop
from ..pipeline.calls import ERRORS, Suspended, as_exception, in_thread, run_again, run_rest
from ..pipeline.context import Context
from ..pipeline.context_states import AWAITING_START, CLOSED, END, START, STREAMING, note_early_end
from ..pipeline.dispatch import move_on, recover
from ..pipeline.home import Home
from ..pipeline.overrides import is_replaced
from ..pipeline.plans import Plans
from ..shortcuts.plain_response import Plain
from ..wrappers.response import Response, is_bodiless
from ..wrappers.sending import parts_of_finished, timeout_of
from .wsgi_stream import ChunksWithin, WSGIStream, chunks_on_loop, close

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from ..lifespan import Lifespan
    from ..pipeline.generation import Generation
    from .mounts import Mount, Mounts
    from .websockets import Websockets

LOOP = Home.LOOP


class WSGIGateway:
    """The WSGI entry of one app."""

    def __init__(
        self,
        app: flask.Flask,
        generation: Generation,
        lifespan: Lifespan,
        websockets: Callable[[], Websockets],
    ) -> None:
        self.app: Any = app  # a DualApp, whose module imports this one
        self._websockets = websockets
        self.lifespan = lifespan
        self._generation = generation
        self.plans = Plans(app, generation, home_at, partial(in_thread, call_in_waiting_thread))
        has_own = is_replaced(app, "request_context") or is_replaced(app, "_context_of")
        self._context_of: Any = app.request_context if has_own else None

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request as a WSGI application."""
        try:
            lifespan = self.lifespan
            mounts: Mounts | None = self.app._mounts
            if not lifespan.has_started or ((loop := lifespan.closable_loop) is not None and loop.is_closed()):
                lifespan.start()
            if "HTTP_UPGRADE" in environ and asks_for_websocket(environ):
                upgraded = self._answer_handshake(environ, start_response, mounts)
                if upgraded is not None:
                    return upgraded
            elif mounts is not None:
                path = environ.get("PATH_INFO", "")
                if found := self._generation.found_mounts.get(path) or mounts.find_surely(path):
                    mount, below = found
                    if mount.path:  # `answer_wsgi` inlined: its call would be a tenth of what a mount costs
                        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + mount.raw_path
                        environ["PATH_INFO"] = below
                    return (mount.generation.wsgi_entry or mount.wsgi)(environ, start_response)
                if (other := self._mount_of(environ, mounts)) is not None:
                    return other.answer_wsgi(environ, start_response)
            # Each request runs in a context of its own: values it sets must not leak to the next one on this thread.
            variables = copy_context()
            answer = variables.run(ANSWER_IN_PLACE, self, environ, start_response, variables)
            return answer if type(answer) is list else self._answer(answer, start_response)  # type: ignore[arg-type]  # else it is a context
        except (CancelledError, GeneratorExit) as error:  # of the app's own: nobody cancels a thread
            raise as_exception(error) from error

    def _answer_handshake(
        self, environ: WSGIEnvironment, start_response: StartResponse, mounts: Mounts | None
    ) -> Iterable[bytes] | None:
        """Answer a websocket handshake for a mounted app or this one; None to handle it as a request."""
        host, path = environ.get("HTTP_HOST"), from_latin1(environ.get("PATH_INFO") or "")
        if mounts is not None and (mount := mounts.find_for_websocket(host, path)) is not None:
            return mount.answer_wsgi(environ, start_response)
        return self._websockets().answer_wsgi(environ, start_response)

    def _mount_of(self, environ: WSGIEnvironment, mounts: Mounts) -> Mount | None:
        path = from_latin1(environ.get("PATH_INFO") or "")
        return mounts.find(environ.get("HTTP_HOST"), path, WSGIExchange, environ, self.plans)

    def _answer_in_place(
        self, environ: WSGIEnvironment, start_response: StartResponse, variables: Variables
    ) -> list[bytes] | Context:
        """Answer a request that needs neither the loop nor a stream; return the context of any other."""
        context: Context = self._context_of(environ) if self._context_of else Context(self.app, WSGIExchange(environ))
        context.variables = variables
        context.enter()
        context.plan = plan = self.plans.find(context)
        if plan.read_ahead is not None:
            context.exchange.body.read_up_to(plan.read_ahead)
        if plan.has_middleware:
            context.state, context.response_observed = AWAITING_START, True
        if plan.home is LOOP or PRESERVE in environ:
            return context
        response = answer_in_thread(context, plan)
        if isinstance(response, Plain):
            return start_plain(response, context, start_response)
        context.response = response
        if isinstance(response, Suspended) or context.state is not CLOSED:
            return context
        if (parts := parts_of_finished(response)) is None:
            return context
        context.end()
        return start_finished(response, context, parts, start_response)

    def _answer(self, context: Context, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, outside of its context variables: the functions that need the loop run in them there."""
        variables: Variables = context.variables
        if context.state is AWAITING_START:
            start_response = starting_in_context(context, start_response)
        try:
            try:
                self._respond(context, variables)
            finally:
                if preserve := context.exchange.variable(PRESERVE):
                    preserve(context)
        except BaseException:
            variables.run(context.leave)
            raise
        if isinstance(context.response, Plain):
            return start_plain(context.response, context, start_response)
        variables.run(context.leave)
        try:
            return self._send(context.response, context, start_response)
        except BaseException:
            note_early_end(context)
            tear_down_if_open(context)
            raise

    def _respond(self, context: Context, variables: Variables) -> None:
        plan = context.plan
        if plan.home is LOOP:
            run_on_host_loop(answer_on_loop, context)
            return
        if context.response is None:
            context.response = variables.run(answer_in_thread, context, plan)
        context.response = run_rest(variables, context.response)

    def _send(self, response: flask.Response, context: Context, start_response: StartResponse) -> Iterable[bytes]:
        if type(response).__call__ is not Response.__call__:
            return call_response(response, context, start_response)
        if context.state is not STREAMING:
            if parts := parts_of_finished(response):
                if context.state is CLOSED:  # else it is entered to start the response
                    context.end()
                return start_finished(response, context, parts, start_response)
            if response.direct_passthrough and not is_bodiless(response, context.exchange.method):
                return start_file(response, context, start_response)
        return self._start(response, context, start_response)

    def _start(self, response: flask.Response, context: Context, start_response: StartResponse) -> Iterable[bytes]:
        """Start a response once it has a first chunk; if its body fails before that, start the error's response."""
        body, status, headers = context.variables.run(response.get_wsgi_response, context.exchange.environ)
        chunks = chunks_within(response, body, context)
        try:
            first = b"".join(chunks) if response.is_sequence else next(chunks, b"")
        except ERRORS as raised:
            close(chunks)
            error = as_exception(raised)
            if context.error is not None:  # the body of an error's response has failed
                raise error from error.__cause__
            answer = in_context(recover, context, error)
            return self._start(answer, context, start_response)
        try:
            start_response(status, headers)
        except BaseException:  # a server may refuse the headers
            close(chunks)
            raise
        deadline = time.monotonic() + (timeout_of(response, self.app) or math.inf)
        return WSGIStream(first, chunks, deadline, context, tear_down_if_open)


#: Making a bound method of it for each request would take as long as another call.
ANSWER_IN_PLACE = WSGIGateway._answer_in_place


def start_plain(plain: Plain, context: Context, start_response: StartResponse) -> list[bytes]:
    context.end()
    start_response(STATUS_LINES[plain.status_code], plain.headers())
    return [b"" if context.exchange.method == "HEAD" else plain.body]


def start_finished(
    response: flask.Response,
    context: Context,
    parts: tuple[list[tuple[str, str]], bytes],
    start_response: StartResponse,
) -> list[bytes]:
    headers, body = parts
    start_response(response.status, headers)
    return [b"" if context.exchange.method == "HEAD" else body]


def call_response(response: flask.Response, context: Context, start_response: StartResponse) -> Iterable[bytes]:
    """Call a response as a WSGI app, as Flask does, because its class has another way to answer.

    Flask-Sock's raises StopIteration, which tells gunicorn that the connection was taken.
    """
    body = context.variables.run(response, context.exchange.environ, start_response)
    return body if context.state is CLOSED else ClosingIterator(body, partial(tear_down_if_open, context))


def chunks_within(response: flask.Response, body: Iterable[bytes], context: Context) -> Iterator[bytes]:
    """Iterate over a body, made by `get_app_iter`, in the context variables of its request."""
    is_async = hasattr(response.response, "__aiter__") and type(response).iter_encoded is Response.iter_encoded
    if is_async and not is_bodiless(response, context.exchange.method):
        return chunks_on_loop(response, context)
    return ChunksWithin(context.variables, iter(body))


def start_file(response: flask.Response, context: Context, start_response: StartResponse) -> Iterable[bytes]:
    """Start a response whose body is a file, and return a body that the server may send itself (wsgi.file_wrapper).

    Not if functions are to be called at its end: the server would close the file only.
    """
    end = partial(context.variables.run, response.close)
    try:
        body = response(context.exchange.environ, start_response)
        return ClosingIterator(body, end) if close_functions(response) else body
    except BaseException:
        end()
        raise


def starting_in_context(context: Context, start_response: StartResponse) -> StartResponse:
    """Wrap `start_response` to run within the context, which middleware may read, and to end the context after it."""

    def start(*args: Any) -> Any:
        context.enter()
        try:
            return start_response(*args)
        finally:
            context.leave()
            in_context(move_on, context, START)

    return start


def home_at(home: Home) -> Home:
    return Home.THREAD if home is Home.EITHER else home


def run_on_host_loop(pipeline: Callable[..., Any], context: Context, *args: Any) -> Any:
    """Run a pipeline to its end on the host loop; this thread waits for it, or borrows the loop."""
    if context.exchange.body.is_to_come:
        context.exchange.read_ahead()
    return context.plan.loop_runner.run_within(context.variables, pipeline, context, context.plan, *args)


def in_context(pipeline: Callable[..., Any], context: Context, *args: Any) -> Any:
    """Run a pipeline to its end at its home, within a context that was left before."""
    if context.plan.home is not LOOP:
        return run_again(pipeline, context, *args)
    context.variables.run(context.enter)
    try:
        return run_on_host_loop(pipeline, context, *args)
    finally:
        context.variables.run(context.leave)


def tear_down_if_open(context: Context) -> None:
    """Tear a context down unless it is closed."""
    if context.state is not CLOSED:
        in_context(move_on, context, END)
