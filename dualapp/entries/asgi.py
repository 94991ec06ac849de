"""The ASGI entry: make an exchange of a scope, run the pipeline, and send the response as messages."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextvars import Context as Variables
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

import flask

from ..compat.upstream import close_functions, running_loop_of_thread
from ..crossing.context_variables import await_within, call_moved, iterate_within
from ..crossing.coroutines import END as EXHAUSTED
from ..crossing.coroutines import close_stream, is_being_cancelled, rest_of
from ..crossing.readahead import ThreadProducer, iterate_in_threads
from ..crossing.thread_pool import Threads
from ..exchange.asgi_exchange import ASGIExchange, Receive
from ..exchange.body import Begun, Body
from ..exchange.target import with_path
from ..exchange.translation import PRESERVE, VARIABLES, Message, Scope, path_of
from ..lifespan import Lifespan, serve
from ..pipeline.answer import answer_in_place, answer_in_thread, answer_on_loop
from ..pipeline.calls import as_exception, in_thread, run_again, run_rest
from ..pipeline.context import Context
from ..pipeline.context_states import CLOSED, END, STREAMING, note_early_end
from ..pipeline.dispatch import move_on, recover
from ..pipeline.home import Home
from ..pipeline.overrides import is_replaced
from ..pipeline.plans import Plans
from ..shortcuts.plain_response import Plain
from ..wrappers.response import encoded, is_bodiless
from ..wrappers.sending import checked_chunk, is_short_file, read_at_once, timeout_of
from .asgi_messages import (
    ClientLeft,
    HeldEnd,
    Send,
    chunk_of,
    messages_of,
    raising_client_left,
    send_whole,
    sendable_path,
    start_of,
)
from .disconnect import DisconnectWatch, WaitingRequests, waiting_on

if TYPE_CHECKING:
    from ..pipeline.generation import Generation
    from ..pipeline.plan import Plan
    from .mounts import Mount, Mounts
    from .websockets import Websockets

LOOP = Home.LOOP


class ASGIGateway:
    """The ASGI entry of one app."""

    def __init__(
        self,
        app: flask.Flask,
        generation: Generation,
        threads: Threads,
        lifespan: Lifespan,
        websockets: Callable[[], Websockets],
    ) -> None:
        self.app: Any = app  # a DualApp, whose module imports this one
        self._websockets = websockets
        self.threads = threads
        self.lifespan = lifespan
        self._generation = generation
        self.plans = Plans(app, generation, home_at, partial(in_thread, threads.call_within))
        self._waiting: WaitingRequests | None = None
        self._context_of: Any = app._context_of if is_replaced(app, "_context_of") else None  # type: ignore[attr-defined]  # DualApp's

    def hand_on(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Like `__call__`, but return the mounted app's coroutine itself, unwrapped."""
        loop = self.lifespan.startup_loop
        has_started = loop is not None and loop is running_loop_of_thread()
        if has_started and scope["type"] == "http" and not scope.get("root_path"):
            path = scope["path"]
            found: tuple[Mount, str] | None = self._generation.found_mounts.get(path)
            if found or (found := self.app._mounts.find_surely(path)):
                mount, _ = found
                if mount.state:
                    return mount.answer_at(mount.path, scope, receive, send)
                if mount.path:  # `answer_at` inlined: its call would be a tenth of what a mount costs
                    scope = {**scope}
                    scope["root_path"] = mount.path
                return (mount.generation.asgi_entry or mount.asgi)(scope, receive, send)
        return self(scope, receive, send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # One long function: each function more that a request calls takes half a percent of a small one.
        try:
            if scope["type"] != "http":
                await self._serve_other(scope, receive, send)
                return
            loop = running_loop_of_thread()
            if self.lifespan.startup_loop is not loop:
                await self.lifespan.start_async()
            if scope["path"][:1] != "/":
                scope = with_path(scope)
            if (mounts := self.app._mounts) is not None and (mount := self._mount_of(scope, mounts)) is not None:
                await mount.answer_asgi(scope, receive, send)
                return
            exchange = ASGIExchange(scope, receive, loop)
            context = self._context_of(exchange) if self._context_of else Context(self.app, exchange)
            if VARIABLES in scope and (preserve := exchange.variable(PRESERVE)):
                preserve(context)
            body = exchange.body
            begun = None if body.complete else self._begin_body(body)
            # Each request runs in a context of its own, as under WSGI: values that it sets stay within it.
            context.variables = variables = copy_context()
            # Most requests never suspend: one step by hand is faster than awaiting them, and shows whether they do.
            steps, waits_for = variables.run(take_first_step, context, self.plans)
            is_begun = steps is not None
            if not is_begun:
                steps = self._answer_later(context, begun).__await__()
                waits_for = next(steps, EXHAUSTED)
            messages: Sequence[Message] | None = None
            if waits_for is EXHAUSTED and body.complete:  # a body that nobody has read is to be discarded
                messages = messages_of(context)
            if messages is None:
                run: Callable[..., Any] = variables.run if is_begun else operator.call
                work = None if waits_for is EXHAUSTED else rest_of(steps, waits_for, run, has_result=False)
                messages = await self._finish(context, work, send)
            else:
                context.end()
            try:
                for message in messages:
                    await send(message)
            except OSError:  # as in `raising_client_left`
                pass
        except (asyncio.CancelledError, GeneratorExit) as error:
            if is_being_cancelled():
                raise
            raise as_exception(error) from error

    def _begin_body(self, body: Body) -> Begun | None:
        """Receive a short body, if it has arrived with its headers, as most have."""
        begun = body.receive_first() if body.is_to_come else None
        if not body.complete:
            body.timeout = self.app.config["BODY_TIMEOUT"]
        return begun

    def _mount_of(self, scope: Scope, mounts: Mounts) -> Mount | None:
        path = path_of(scope)
        found: tuple[Mount, str] | None = self._generation.found_mounts.get(path) or mounts.find_surely(path)
        if found:
            return found[0]
        host = host_in(scope) if mounts.have_hosts else None
        return mounts.find(host, path, exchange_of, scope, self.plans)

    async def _answer_later(self, context: Context, begun: Begun | None) -> None:
        """Answer a request in a thread, or on the loop once its body has arrived."""
        plan, body, variables = context.plan, context.exchange.body, context.variables
        if body.is_to_come:
            await body.read_ahead_async(body.timeout, begun)
        if plan.home is LOOP:
            await await_within(variables, answer_on_loop, context, plan)
            return
        context.response = variables.run(answer_in_place, context, plan) or await self.threads.run(
            partial(answer_at_once, context, plan),
            partial(discard, context),
            begins=VARIABLES not in context.exchange.scope,  # a test client's request is part of other work
        )

    async def _finish(self, context: Context, work: Awaitable[None] | None, send: Send) -> Sequence[Message]:
        """Wait for the answer; return its messages, none if the client has left, or if more than two were sent."""
        exchange: Any = context.exchange
        self._waiting = waiting = waiting_on(exchange.loop, self._waiting)
        watch = DisconnectWatch(waiting, exchange)
        try:
            if work is not None:
                watch.start(context.plan.home is LOOP, context)  # a thread cannot be cancelled
                await work
            messages = messages_of(context)
            if messages is not None:
                context.end()
                if exchange.body.complete:
                    return messages
            watch.pause()
            if messages is not None:
                await send_whole(*messages, watch, raising_client_left(send))
            else:
                await self._deliver(context.response, context, watch, raising_client_left(send))
        except ClientLeft:
            pass
        except asyncio.CancelledError:
            context.is_abandoned = True
            if not watch.uncancel():
                raise
        finally:
            watch.stop()
        return ()

    async def _serve_other(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            await serve(self.lifespan, receive, send)
        elif kind == "websocket":
            scope = with_path(scope)
            mounts: Mounts | None = self.app._mounts
            if mounts is not None and (mount := mounts.find_for_websocket(host_in(scope), path_of(scope))) is not None:
                await mount.answer_asgi(scope, receive, send)
            else:
                await self._websockets().serve(scope, receive, send)  # type: ignore[arg-type]  # servers pass coroutine functions
        else:
            raise ValueError(f"ASGI scope type {kind!r} is not supported; 'http', 'websocket' and 'lifespan' are.")

    async def _deliver(self, response: flask.Response, context: Context, watch: DisconnectWatch, send: Send) -> None:
        if context.plan.home is LOOP:
            context.variables.run(context.leave)
        try:
            error = await self._sent(response, context, watch, send)
            if error is not None:
                answer = await self._in_context(context, recover, error)
                watch.pause()  # as in `_stream`; if the error's response is a stream, `_send` starts the watch again
                error = await self._sent(answer, context, watch, send)
                if error is not None:
                    raise error
        except BaseException:
            note_early_end(context)
            raise
        finally:
            if context.state is not CLOSED:
                await self._in_context(context, move_on, END)

    async def _sent(
        self, response: flask.Response, context: Context, watch: DisconnectWatch, send: Send
    ) -> Exception | None:
        """Send a response and close it; return the error of a body that fails before its first chunk is sent."""
        try:
            if is_read_at_once(response, context):
                await self.threads.call_within(context.variables, read_at_once, (response, context.exchange.method), {})
            return await self._send(response, context, watch, send)
        finally:
            await self._close(response, context)

    async def _in_context(self, context: Context, pipeline: Callable[..., Any], *args: Any) -> Any:
        """Run a pipeline to its end at its home, within a context that was left before."""
        if context.plan.home is not LOOP:
            # To its end: the next pipeline of this context, its teardown, cannot run beside it.
            return await self.threads.run_to_end(partial(run_again, pipeline, context, *args))
        variables = context.variables
        variables.run(context.enter)
        try:
            return await await_within(variables, pipeline, context, context.plan, *args)
        finally:
            variables.run(context.leave)

    async def _send(
        self, response: flask.Response, context: Context, watch: DisconnectWatch, send: Send
    ) -> Exception | None:
        if is_bodiless(response, context.exchange.method):
            await send_whole(start_of(response, context), chunk_of(b"", more=False), watch, send)
        elif response.is_sequence:
            body = b"".join(response.iter_encoded())
            await send_whole(start_of(response, context), chunk_of(body, more=False), watch, send)
        elif path := sendable_path(response, context):
            await send(start_of(response, context))
            await send({"type": "http.response.pathsend", "path": path})
        else:
            is_read = context.request_observed or context.state is STREAMING  # else the stream cannot read the body
            if not is_read:
                watch.discard()
            watch.start(at_once=not is_read or context.exchange.body.complete)
            async with asyncio.timeout(timeout_of(response, self.app)):
                return await self._stream(response, context, watch, send)
        return None

    async def _stream(
        self, response: flask.Response, context: Context, watch: DisconnectWatch, send: Send
    ) -> Exception | None:
        """Send a body chunk by chunk; return the error of one that fails before its first chunk."""
        chunks = self._chunks(response, context.variables)
        try:
            try:
                chunk = await next_chunk(chunks)
            except Exception as error:
                return error
            start = start_of(response, context)
            end = None if context.exchange.body.complete else HeldEnd(start)
            await send(start)
            while chunk is not None:
                await send(chunk_of(chunk if end is None else end.released(chunk)))
                try:
                    chunk = await next_chunk(chunks)
                except Exception as error:
                    context.error = error
                    raise
            watch.pause()  # servers send http.disconnect after the last chunk too
            watch.discard()
            await watch.linger()
            await send(chunk_of(b"" if end is None else end.held, more=False))
            return None
        finally:
            watch.pause()  # what closes the stream, and the teardown, is not interrupted by a client that leaves now
            await close_stream(chunks)

    def _chunks(self, response: flask.Response, variables: Variables) -> AsyncIterator[bytes]:
        """Iterate over the chunks of a body of either colour, in the context variables of its request."""
        if hasattr(response.response, "__aiter__"):
            return iterate_within(variables, encoded(response.response))  # type: ignore[arg-type]  # werkzeug knows sync bodies only
        return iterate_in_threads(ThreadProducer(self.threads, iter(variables.run(response.iter_encoded)), variables))

    async def _close(self, response: flask.Response, context: Context) -> None:
        """Close the body and call the functions given to `call_on_close`, in a thread, where they may block."""
        if hasattr(response.response, "close") or close_functions(response):
            await self.threads.call_within(context.variables, response.close, (), {})


def take_first_step(context: Context, plans: Plans) -> tuple[Any, Any]:
    """Begin to answer a request on the loop: return the steps, and what they wait for; else None and None."""
    context.enter()
    context.plan = plan = plans.find(context)
    if plan.read_ahead is not None:
        context.exchange.body.read_up_to(plan.read_ahead)
    body = context.exchange.body
    if plan.home is not LOOP or (not body.complete and body.is_to_come):
        return None, None
    steps = answer_on_loop(context, plan).__await__()
    return steps, next(steps, EXHAUSTED)


async def next_chunk(chunks: AsyncIterator[Any]) -> bytes | None:
    """Return the next chunk of a stream, None after the last one."""
    try:
        chunk = await anext(chunks, EXHAUSTED)
    except (asyncio.CancelledError, GeneratorExit) as error:
        if is_being_cancelled():
            raise
        raise as_exception(error) from error
    return None if chunk is EXHAUSTED else checked_chunk(chunk)


def answer_at_once(context: Context, plan: Plan) -> flask.Response | Plain:
    """Answer a request in a thread, and read a short file there, which would cost another crossing later."""
    variables = context.variables
    begun = variables.run(call_moved, variables, answer_in_thread, (context, plan), {})
    response: flask.Response | Plain = run_rest(variables, begun)
    if not isinstance(response, Plain):
        if is_read_at_once(response, context):
            variables.run(read_at_once, response, context.exchange.method)
        variables.run(context.leave)
    return response


def is_read_at_once(response: flask.Response, context: Context) -> bool:
    method = context.exchange.method
    if context.state is STREAMING or not is_short_file(response, method):
        return False
    return is_bodiless(response, method) or sendable_path(response, context) is None


def home_at(home: Home) -> Home:
    return Home.LOOP if home is Home.EITHER else home


def discard(context: Context, response: flask.Response | Plain) -> None:
    """Close a response that a thread returned after its task was cancelled, and tear its context down."""
    try:
        if not isinstance(response, Plain):
            context.variables.run(response.close)
    finally:
        if context.state is not CLOSED:
            note_early_end(context)
            run_again(move_on, context, END)


def exchange_of(scope: Scope) -> ASGIExchange:
    """Make an exchange, to read only its head."""
    return ASGIExchange(scope, never, running_loop_of_thread())


async def never() -> Message:
    raise RuntimeError("Nothing receives before a mount is found.")


def host_in(scope: Scope) -> str | None:
    """Return the Host header of a scope."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), None)
