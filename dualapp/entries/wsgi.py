"""The WSGI entry (PEP 3333): from an environ to an exchange, and from a response to `start_response`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context as Variables
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.datastructures import EnvironHeaders

from ..compat.cached import cached_property
from ..crossing.bridge import offer_loop, to_request_thread
from ..crossing.coroutines import END, step
from ..exchange.body import NO_BODY, Body, BodyStream, announced_length
from ..exchange.translation import Scope, from_latin1, scope_from
from ..lifespan import Lifespan
from ..pipeline.context import Context
from ..pipeline.dispatch import answer_in_thread, answer_on_loop, recover, tear_down
from ..pipeline.plan import Home, Plan, Plans, is_replaced
from ..shortcuts.plain_response import Plain
from ..wrappers.response import STATUS_LINES, finished, is_bodiless, timeout_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


LOOP = Home.LOOP

# How Werkzeug's debugger and Flask's test client ask for the context, which they enter again.
PRESERVE = "werkzeug.debug.preserve_context"


class WSGIExchange:
    """A request that came in through WSGI."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        path = environ.get("PATH_INFO") or ""
        self.fields = environ
        self.method: str = environ["REQUEST_METHOD"]
        self.path = path if path.isascii() else from_latin1(path)
        self.host: str | None = environ.get("HTTP_HOST")
        self.has_cookies = "HTTP_COOKIE" in environ
        self.upgrades = "HTTP_UPGRADE" in environ
        is_bare = not environ.get("CONTENT_LENGTH") and "HTTP_TRANSFER_ENCODING" not in environ
        self.body = NO_BODY if is_bare else body_from(environ)

    @cached_property
    def environ(self) -> WSGIEnvironment:
        """The request in WSGI's words, with the body that both faces read between the server and its readers."""
        environ, body = self.fields, self.body
        if body is not NO_BODY and type(environ["wsgi.input"]) is not BodyStream:
            environ["wsgi.input"] = BodyStream(body)
            environ["wsgi.input_terminated"] = True
        return environ

    @property
    def cookies(self) -> str | None:
        """The Cookie header, None if there is none."""
        return self.fields.get("HTTP_COOKIE")

    @property
    def content_type(self) -> str:
        """The Content-Type header, empty if there is none."""
        return self.fields.get("CONTENT_TYPE", "")  # type: ignore[no-any-return]  # as query_string

    @property
    def headers(self) -> EnvironHeaders:
        """What the request says of its headers."""
        return EnvironHeaders(self.environ)

    @property
    def stream(self) -> Any:
        """What sync code reads the body from."""
        return self.environ["wsgi.input"]

    @property
    def query_string(self) -> bytes:
        """What follows the question mark, not decoded."""
        return self.fields.get("QUERY_STRING", "").encode("latin-1")  # type: ignore[no-any-return]  # it is a string

    def read_ahead(self) -> None:
        """Read a short body before the request crosses to the loop."""
        self.environ  # noqa: B018 - with it `wsgi.input` becomes what gives that to whoever reads it later
        self.body.read_ahead()

    @cached_property
    def scope(self) -> Scope:
        """The request in ASGI's words."""
        return scope_from(self.fields)


def body_from(environ: WSGIEnvironment) -> Body:
    """Find the body of a request."""
    stream = environ["wsgi.input"]
    if type(stream) is BodyStream:  # an outer app has done it, as when one app mounts another
        return stream.body
    length = announced_length(environ.get("CONTENT_LENGTH"), environ.get("HTTP_TRANSFER_ENCODING"))
    if length is None and not environ.get("wsgi.input_terminated"):
        length = 0  # without a length, only a server that marks the end lets anybody read safely
    if length == 0:
        return NO_BODY
    return Body(length, stream.read)


class WSGIGateway:
    """The WSGI entry of one app."""

    def __init__(self, app: flask.Flask, lifespan: Lifespan) -> None:
        self.app = app
        self.lifespan = lifespan
        self.plans = Plans(app, where, to_request_thread)
        has_own = is_replaced(app, "request_context") or is_replaced(app, "context_of")
        self._context_of: Any = app.request_context if has_own else None

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if not self.lifespan.has_started:
            self.lifespan.start()
        offer_loop()
        # A request has its own set of context variables, so that none it sets is there for the next one on this thread.
        variables = copy_context()
        answer: Iterable[bytes] = variables.run(self._answer, environ, start_response, variables)
        return answer

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse, variables: Variables) -> Iterable[bytes]:
        context = self._context_of(environ) if self._context_of else Context(self.app, WSGIExchange(environ))
        context.enter()
        try:
            plan = self.plans.find(context)
            if "wsgi_app" in vars(self.app):  # there is middleware
                start_response = within(context, plan, start_response)
            try:
                if plan.home is LOOP:
                    on_host_loop(answer_on_loop, context, plan)
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
            return self._send(response, context, plan, start_response, variables)
        finally:
            if context.waits_for_start:  # for what did not come
                context.waits_for_start = False
                in_context(tear_down, context, plan)

    def _send(
        self,
        response: flask.Response,
        context: Context,
        plan: Plan,
        start_response: StartResponse,
        variables: Variables,
    ) -> Iterable[bytes]:
        if not context.is_kept and (parts := finished(response)):
            headers, body = parts
            start_response(response.status, headers)
            return [b"" if context.exchange.method == "HEAD" else body]
        is_file = response.direct_passthrough and not is_bodiless(response, context.exchange.method)
        if is_file and not context.is_kept:
            return response(context.exchange.environ, start_response)  # which servers send themselves
        return self._start(response, context, plan, start_response, variables)

    def _start(
        self,
        response: flask.Response,
        context: Context,
        plan: Plan,
        start_response: StartResponse,
        variables: Variables,
    ) -> Iterable[bytes]:
        """Start a response with its first chunk; if its body fails before that, start the answer to the error."""
        body, status, headers = response.get_wsgi_response(context.exchange.environ)
        chunks = iter(body)
        try:
            first = b"".join(chunks) if response.is_sequence else next(chunks, b"")
        except Exception as error:
            close(chunks)
            if context.error is not None:  # what failed was the answer to an error
                raise
            return self._recover(error, context, plan, start_response, variables)
        start_response(status, headers)
        deadline = time.monotonic() + (timeout_of(response, self.app) or math.inf)
        return Stream(first, chunks, variables, deadline, lambda: finish(context, plan))

    def _recover(
        self, error: Exception, context: Context, plan: Plan, start_response: StartResponse, variables: Variables
    ) -> Iterable[bytes]:
        """Start the answer to an error that came before the first chunk."""
        try:
            answer = in_context(recover, context, plan, error)
            return self._start(answer, context, plan, start_response, variables)
        except BaseException:
            finish(context, plan)
            raise


class Stream:
    """The chunks of a response on their way to the server, made with the context variables of their request."""

    def __init__(
        self,
        first: bytes,
        chunks: Iterator[bytes],
        variables: Variables,
        deadline: float,
        finish: Callable[[], None],
    ) -> None:
        # There is always a first chunk, if an empty one: a server may wait for it to send the headers (PEP 3333).
        self._first: bytes | None = first
        self._chunks = chunks
        self._variables = variables
        self._deadline = deadline
        self._finish = finish

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        chunk: Any = self._variables.run(next, self._chunks, END)
        if chunk is END:
            raise StopIteration
        if time.monotonic() > self._deadline:
            raise TimeoutError("The response took longer than RESPONSE_TIMEOUT, or than its own timeout.")
        return chunk  # type: ignore[no-any-return]  # it is not END

    def close(self) -> None:
        """End the response, whether all of it was sent or the server gave up."""
        try:
            self._variables.run(close, self._chunks)
        finally:
            self._variables.run(self._finish)


def close(chunks: Iterator[bytes]) -> None:
    """Close what can be closed: the iterator that a response gives closes the response too."""
    if hasattr(chunks, "close"):
        chunks.close()


def within(context: Context, plan: Plan, start_response: StartResponse) -> StartResponse:
    """Have a response started within its context, which is torn down after that: middleware may look into it."""
    context.waits_for_start = context.is_touched = True

    def start(*args: Any) -> Any:
        context.enter()
        try:
            return start_response(*args)
        finally:
            context.waits_for_start = False
            try:
                if not context.is_kept:
                    drive(tear_down, context, plan)
            finally:
                context.leave()

    return start


def where(home: Home) -> Home:
    return Home.THREAD if home is Home.EITHER else home


def on_host_loop(pipeline: Callable[..., Any], context: Context, plan: Plan, *args: Any) -> Any:
    """Run a pipeline to its end on the host loop while this thread waits, or does it itself."""
    if context.exchange.body.is_to_come:
        context.exchange.read_ahead()
    return plan.habit.run(pipeline, context, plan, *args)


def drive(pipeline: Callable[..., Any], context: Context, plan: Plan, *args: Any) -> Any:
    """Run a pipeline to its end where it is at home."""
    return on_host_loop(pipeline, context, plan, *args) if plan.home is LOOP else step(pipeline(context, plan, *args))


def in_context(pipeline: Callable[..., Any], context: Context, plan: Plan, *args: Any) -> Any:
    """Run a pipeline with a context that was left already."""
    context.enter()
    try:
        return drive(pipeline, context, plan, *args)
    finally:
        context.leave()


def finish(context: Context, plan: Plan) -> None:
    """Tear down the context that a stream kept."""
    if context.is_kept:
        context.is_kept = False
        in_context(tear_down, context, plan)
