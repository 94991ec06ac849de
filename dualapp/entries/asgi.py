"""The ASGI entry: make an exchange of a scope, run the pipeline, and send the response as messages."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

import flask

from ..compat.upstream import close_functions, running_loop
from ..crossing.coroutines import END as EXHAUSTED
from ..crossing.coroutines import Steps, close_stream, rest_of, step
from ..crossing.readahead import iterate_in_threads
from ..crossing.thread_pool import Threads
from ..exchange.asgi_exchange import ASGIExchange, Receive
from ..exchange.body import NO_BODY, Begun
from ..exchange.translation import Message, Scope
from ..lifespan import Lifespan, serve
from ..pipeline.answer import answer_in_place, answer_in_thread, answer_on_loop
from ..pipeline.context import Context
from ..pipeline.dispatch import move_on, recover
from ..pipeline.home import Home
from ..pipeline.life import CLOSED, END, STREAMING
from ..pipeline.overrides import is_replaced
from ..pipeline.plans import Plans
from ..shortcuts.plain_response import Plain, RawPairs, raw_pairs
from ..wrappers.response import encoded, is_bodiless
from ..wrappers.sending import is_short_file, parts_of_finished, read_at_once, timeout_of
from .disconnect import DisconnectWatch

if TYPE_CHECKING:
    from ..pipeline.generation import Generation
    from ..pipeline.plan import Plan

Send = Callable[[Message], Awaitable[None]]

LOOP = Home.LOOP
GET_WSGI_HEADERS = flask.Response.get_wsgi_headers


class ASGIGateway:
    """The ASGI entry of one app."""

    def __init__(self, app: flask.Flask, generation: Generation, threads: Threads, lifespan: Lifespan) -> None:
        self.app = app
        self.threads = threads
        self.lifespan = lifespan
        self.plans = Plans(app, generation, home_at, threads.adapt)
        self._context_of: Any = app._context_of if is_replaced(app, "_context_of") else None  # type: ignore[attr-defined]  # DualApp's

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._serve_other(scope, receive, send)
            return
        if self.lifespan.startup_loop is not running_loop():
            await self.lifespan.start_async()
        exchange = ASGIExchange(scope, receive)
        context = self._context_of(exchange) if self._context_of else Context(self.app, exchange)
        context.enter()
        try:
            # Most requests never suspend: one `next` on a coroutine that returns None is faster than awaiting it, and
            # shows whether it suspended.
            steps = self._answering(context).__await__()
            waits_for = next(steps, EXHAUSTED)
        except BaseException:
            context.leave()
            raise
        messages = None
        if waits_for is EXHAUSTED:
            context.leave()
            messages = messages_of(context)
        if messages is None:
            await self._finish(context, steps, waits_for, send)
            return
        try:
            for message in messages:
                await send(message)
        except OSError:  # as in `raising_client_left`
            pass

    async def _finish(self, context: Context, steps: Steps, waits_for: Any, send: Send) -> None:
        """Run a suspended request to its end and send its response, unless its client disconnects first."""
        exchange: Any = context.exchange
        watch = DisconnectWatch(exchange.body, exchange.receive)
        try:
            if waits_for is not EXHAUSTED:
                await self._rest(context, steps, waits_for, watch)
            send = raising_client_left(send)
            if (messages := messages_of(context)) is None:
                await self._deliver(context.response, context, watch, send)
                return
            for message in messages:
                await send(message)
        except ClientLeft:
            pass
        except asyncio.CancelledError:
            if not watch.saw_disconnect:
                raise
            asyncio.current_task().uncancel()  # type: ignore[union-attr]  # the watch cancelled this very task
        finally:
            watch.stop()

    async def _rest(self, context: Context, steps: Steps, waits_for: Any, watch: DisconnectWatch) -> None:
        if context.plan.home is LOOP:  # a thread cannot be cancelled
            watch.start()
        try:
            await rest_of(steps, waits_for)
        finally:
            watch.pause()
            context.leave()

    async def _serve_other(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            await serve(self.lifespan, receive, send)
        elif kind == "websocket":
            await send({"type": "websocket.close"})
        else:
            raise ValueError(f"ASGI scope type {kind!r} is not supported; 'http' and 'lifespan' are.")

    def _answering(self, context: Context) -> Coroutine[Any, Any, None]:
        """Return the coroutine that answers a request at the home of its pipeline: on this loop, or in a thread."""
        plan, body = self.plans.find(context), context.exchange.body
        context.plan, begun = plan, None
        if body is not NO_BODY and body.is_to_come:
            begun = body.begin()  # most short bodies have arrived with their headers
        if plan.home is LOOP and (body.complete or not body.is_to_come):
            return answer_on_loop(context, plan)
        return self._answer_later(context, plan, begun)

    async def _answer_later(self, context: Context, plan: Plan, begun: Begun | None) -> None:
        if context.exchange.body.is_to_come:
            await context.exchange.body.read_ahead_async(self.app.config["BODY_TIMEOUT"], begun)
        if plan.home is LOOP:
            await answer_on_loop(context, plan)
        else:
            in_place = answer_in_place(context, plan)
            context.response = in_place or await self.threads.call_or_discard(
                partial(discard, context), answer_at_once, context, plan
            )

    async def _deliver(self, response: flask.Response, context: Context, watch: DisconnectWatch, send: Send) -> None:
        try:
            try:
                if is_read_at_once(response, context):
                    await self.threads.call(read_at_once, response, context.exchange.method)
                await self._send(response, context, watch, send)
            finally:
                await self._close(response)
        finally:
            if context.state is not CLOSED:
                await self._in_context(context, move_on, END)

    async def _in_context(self, context: Context, pipeline: Callable[..., Any], *args: Any) -> Any:
        """Run a pipeline to its end within a context that was left before."""
        context.enter()
        try:
            if context.plan.home is LOOP:
                return await pipeline(context, context.plan, *args)
            return await self.threads.call(run_stepped, pipeline, context, context.plan, *args)
        finally:
            context.leave()

    async def _send(self, response: flask.Response, context: Context, watch: DisconnectWatch, send: Send) -> None:
        if is_bodiless(response, context.exchange.method):
            await send(start_of(response, context))
            await send(chunk_of(b"", more=False))
        elif response.is_sequence:
            await send(start_of(response, context))
            await send(chunk_of(b"".join(response.iter_encoded()), more=False))
        elif path := sendable_path(response, context.exchange.scope):
            await send(start_of(response, context))
            await send({"type": "http.response.pathsend", "path": path})
        else:
            watch.start()
            async with asyncio.timeout(timeout_of(response, self.app)):
                await self._stream(response, context, watch, send)

    async def _stream(self, response: flask.Response, context: Context, watch: DisconnectWatch, send: Send) -> None:
        """Send a body chunk by chunk; if it fails before its first chunk, send the error's response instead."""
        chunks: AsyncIterator[Any] = self._chunks(response)
        try:
            try:
                first = await anext(chunks, EXHAUSTED)
            except Exception as error:
                answer = await self._in_context(context, recover, error)
                watch.pause()  # as below; if the error's response is a stream, `_send` starts the watch again
                try:
                    await self._send(answer, context, watch, send)
                finally:
                    await self._close(answer)
                return
            await send(start_of(response, context))
            if first is not EXHAUSTED:
                await send(chunk_of(first))  # type: ignore[arg-type]  # it is not EXHAUSTED
                async for chunk in chunks:
                    await send(chunk_of(chunk))
            watch.stop()  # servers send http.disconnect after the last chunk too
            await send(chunk_of(b"", more=False))
        finally:
            await close_stream(chunks)

    def _chunks(self, response: flask.Response) -> AsyncIterator[bytes]:
        """Iterate over the chunks of a body of either colour."""
        if hasattr(response.response, "__aiter__"):
            return encoded(response.response)  # type: ignore[arg-type]  # werkzeug knows sync bodies only
        return iterate_in_threads(self.threads, iter(response.iter_encoded()))

    async def _close(self, response: flask.Response) -> None:
        """Close the body and call the functions given to `call_on_close`, in a thread, where they may block."""
        if hasattr(response.response, "close") or close_functions(response):
            await self.threads.call(response.close)


class ClientLeft(Exception):
    """The client has disconnected: the server's `send` raised OSError."""


def messages_of(context: Context) -> tuple[Message, Message] | None:
    """Return the messages that send a finished response; None for one that has yet to be made, adjusted or closed."""
    response = context.response
    if isinstance(response, Plain):
        headers, body = response.raw_headers(), response.body
    elif context.state is not STREAMING and (parts := parts_of_finished(response)):
        headers, body = raw_pairs(parts[0]), parts[1]
    else:
        return None
    if context.exchange.method == "HEAD":
        body = b""
    return (
        {"type": "http.response.start", "status": response.status_code, "headers": headers},
        {"type": "http.response.body", "body": body, "more_body": False},
    )


def raising_client_left(send: Send) -> Send:
    """Make `send` raise ClientLeft for its OSError (a broken connection, ASGI spec 2.4), not for one of the app's."""

    async def send_or_raise(message: Message) -> None:
        try:
            await send(message)
        except OSError as error:
            raise ClientLeft() from error

    return send_or_raise


def answer_at_once(context: Context, plan: Plan) -> flask.Response | Plain:
    """Answer a request in a thread, and read a short file there, which would cost another crossing later."""
    response = answer_in_thread(context, plan)
    if not isinstance(response, Plain) and is_read_at_once(response, context):
        read_at_once(response, context.exchange.method)
    return response


def is_read_at_once(response: flask.Response, context: Context) -> bool:
    method = context.exchange.method
    if context.state is STREAMING or not is_short_file(response, method):
        return False
    return is_bodiless(response, method) or sendable_path(response, context.exchange.scope) is None


def home_at(home: Home) -> Home:
    return Home.LOOP if home is Home.EITHER else home


def run_stepped(pipeline: Callable[..., Any], *args: Any) -> Any:
    return step(pipeline(*args))


def discard(context: Context, response: flask.Response | Plain) -> None:
    """Close a response that a thread returned after its task was cancelled, and tear its context down."""
    try:
        if not isinstance(response, Plain):
            response.close()
    finally:
        if context.state is not CLOSED:
            context.enter()
            try:
                step(move_on(context, context.plan, END))
            finally:
                context.leave()


def sendable_path(response: flask.Response, scope: Scope) -> str | None:
    """Return the path of a file that is the whole body, if the server has the ASGI extension http.response.pathsend."""
    if not response.direct_passthrough or "http.response.pathsend" not in (scope.get("extensions") or ()):
        return None
    file: Any = getattr(response.response, "file", None)
    return os.path.abspath(file.name) if file is not None and is_all_of_its_path(file) else None


def is_all_of_its_path(file: Any) -> bool:
    """Tell whether opening the path of a file gives the same bytes as reading the file."""
    # A file that unpacks or decrypts has a name too; an open file may have been read from, or removed.
    if not isinstance(file, io.BufferedReader) or not isinstance(file.name, str) or file.tell() != 0:
        return False
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(file.name))
    except OSError:
        return False


def start_of(response: flask.Response, context: Context) -> Message:
    # The environ is costly to make and to keep while a stream lasts: only these responses read it.
    reads_environ = response.autocorrect_location_header or type(response).get_wsgi_headers is not GET_WSGI_HEADERS
    headers = response.get_wsgi_headers(context.exchange.environ if reads_environ else {}).to_wsgi_list()
    return start_message(response.status_code, raw_pairs(headers))


def start_message(status: int, headers: RawPairs) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


def chunk_of(data: bytes, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}
