"""Serve a websocket, whichever entry its client came in through: from its handshake to its end, in ASGI messages.

When the client leaves, an async view that waits for anything but the next message is cancelled, as Quart does it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import flask
from werkzeug.exceptions import Forbidden, ServiceUnavailable
from werkzeug.exceptions import NotImplemented as NotImplementedHere

from ..compat.upstream import close_functions
from ..crossing.colour import is_async
from ..crossing.context_variables import await_within, iterate_within
from ..crossing.thread_pool import Threads
from ..exchange.conversation import (
    ABNORMAL,
    CONNECTING,
    ENDED,
    INTERNAL_ERROR,
    NORMAL,
    Conversation,
    WebsocketClosed,
)
from ..exchange.handshake import Handshake
from ..exchange.translation import Message, Scope
from ..exchange.wsgi_exchange import WSGIExchange
from ..pipeline.calls import awaited_body, call_async, in_thread, is_coroutine
from ..pipeline.context import Context
from ..pipeline.home import Home
from ..pipeline.plan_cache import PlanCache
from ..pipeline.websocket_views import is_websocket_view
from ..shortcuts.plain_response import raw_pairs
from ..wrappers.response import encoded
from .disconnect import WaitingRequests, waiting_on
from .websocket_timeouts import WebsocketTimeouts

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from ..lifespan import Lifespan
    from ..pipeline.generation import Generation
    from ..pipeline.plan import Plan
    from .websockets_under_wsgi import WebsocketsUnderWSGI

Send = Callable[[Message], Coroutine[Any, Any, None]]
Receive = Callable[[], Coroutine[Any, Any, Message]]


class Websockets:
    """The websockets of one app."""

    def __init__(
        self,
        app: flask.Flask,
        generation: Generation,
        threads: Threads,
        lifespan: Lifespan,
        under_wsgi: WebsocketsUnderWSGI,
    ) -> None:
        self.app = app
        self._threads = threads
        self._under_wsgi = under_wsgi
        self._lifespan = lifespan
        self._plans = PlanCache(app, generation, lambda home: Home.LOOP, partial(in_thread, threads.call_within))
        self._view_threads = Threads(f"{app.name}-websocket", lambda: app.config["WEBSOCKET_THREADS"], grows=False)
        #: How many sync views are running.
        self._running = 0
        self._waiting: WaitingRequests | None = None

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one websocket of an ASGI server."""
        loop = asyncio.get_running_loop()
        if self._lifespan.startup_loop is not loop:
            await self._lifespan.start_async()
        if (await receive())["type"] != "websocket.connect":
            return
        self._waiting = waiting = waiting_on(loop, self._waiting)
        conversation = Conversation(scope, receive, send, loop, self.app.config["WEBSOCKET_MAX_QUEUE"], waiting.add)
        handshake = Handshake(scope, receive, loop)
        context = Context(self.app, handshake)
        context.conversation = conversation
        context.variables = copy_context()
        plan: Plan = context.variables.run(self._match_handshake, context, handshake)
        worker = asyncio.current_task()
        conversation.inbox.listen_soon()
        timeouts = WebsocketTimeouts(conversation, self.app.config)
        try:
            await self._converse(context, plan, conversation)
        except asyncio.CancelledError:
            if worker is None or conversation.state != ENDED or worker.uncancel():
                raise  # it was the server that cancelled the task, not the listener
        finally:
            conversation.end(ABNORMAL, "")  # unless it has ended: the server has cancelled this task
            conversation.inbox.stop_listening()
            waiting.remove(conversation.inbox)
            timeouts.cancel()
            context.end()

    def _match_handshake(self, context: Context, handshake: Handshake) -> Plan:
        """Match the handshake; return the plan of the view."""
        context.enter()
        context.route_websocket()
        if context.rule is not None and is_foreign(context, self.app.config["WEBSOCKET_ORIGINS"]):
            context.refuse(Forbidden("This origin may not open websockets here."))
        context.forget_request()
        handshake.forget_environ()
        endpoint = None if context.rule is None else context.rule.endpoint
        return self._plans.plan_for(endpoint, "GET")

    async def _converse(self, context: Context, plan: Plan, conversation: Conversation) -> None:
        from ..pipeline.websocket_dispatch import converse  # imported late: it imports quart

        try:
            response = await await_within(context.variables, converse, context, plan, partial(self._call_view, context))
        except Exception:
            await end(conversation, INTERNAL_ERROR)
            raise
        if conversation.state == CONNECTING and response is not None:
            body = await self._body_of(response, context)
            await refuse(conversation, response, body)
        else:
            await end(conversation, INTERNAL_ERROR if conversation.has_failed else NORMAL)

    async def _body_of(self, response: flask.Response, context: Context) -> bytes:
        """Return the body of a refusal, made and closed in the context variables of the view."""
        if response.is_sequence and not close_functions(response):
            return b"".join(response.iter_encoded())
        variables, stream = context.variables, async_body_of(response)
        try:
            if stream is not None:
                return b"".join([chunk async for chunk in iterate_within(variables, encoded(stream))])
            return await self._threads.call_within(variables, b"".join, (response.iter_encoded(),), {})
        finally:
            await self._threads.call_within(variables, response.close, (), {})

    async def _call_view(self, context: Context, view: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """Call a view, and await the coroutine that it returns, as a request's: a decorator may be around it."""
        conversation: Any = context.conversation
        returned = view(**arguments) if is_async(view) else await self._call_sync_view(context, view, arguments)
        conversation.view = asyncio.current_task()
        try:
            if is_async(view):
                returned = await returned
            return await awaited_body(call_async, returned) if is_coroutine(returned) else returned
        finally:
            conversation.view = None

    async def _call_sync_view(self, context: Context, view: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """Call a view in a thread of its own."""
        if not is_websocket_view(self.app, context.rule.endpoint):  # type: ignore[union-attr]  # it has matched
            raise NotImplementedHere("This view takes the socket of a WSGI server; an ASGI server gives none.")
        if self._running >= self.app.config["WEBSOCKET_THREADS"]:
            raise ServiceUnavailable("All threads for websockets are taken (WEBSOCKET_THREADS).")
        self._running += 1
        try:
            return await self._view_threads.call_within(context.variables, view, (), arguments)
        finally:
            self._running -= 1

    # Under WSGI.

    def answer_wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        """Take a handshake's connection over from its WSGI server; None if no websocket of ours matches the request."""
        if not copy_context().run(self._matches, Context(self.app, WSGIExchange(environ))):
            return None
        return self._under_wsgi.answer(environ, start_response, self.serve)

    def _matches(self, context: Context) -> bool:
        context.enter()
        try:
            context.route_websocket()
        finally:
            context.leave()
        return context.rule is not None and is_websocket_view(self.app, context.rule.endpoint)


async def end(conversation: Conversation, code: int) -> None:
    with suppress(WebsocketClosed):  # the client was faster
        await conversation.close(code)


def async_body_of(response: flask.Response) -> Any:
    """Return the body if it is async; to `async def` code a response would show any stream as an async one."""
    return response.response if hasattr(response.response, "__aiter__") else None


async def refuse(conversation: Conversation, response: flask.Response, body: bytes) -> None:
    """Answer a handshake with a response."""
    headers = response.get_wsgi_headers({}).to_wsgi_list()
    with suppress(WebsocketClosed):
        await conversation.refuse(response.status_code, raw_pairs(headers), body)


def is_foreign(context: Context, origins: Any) -> bool:
    """Tell whether a handshake comes from a page of another origin than those allowed; without `origins`, another host.

    Browsers send cookies along with it, whichever page opens a websocket (RFC 6455 section 10.2).
    """
    environ = context.exchange.environ
    origin = environ.get("HTTP_ORIGIN")
    if origin is None or origins == "*":
        return False
    if origins is not None:
        return origin not in ([origins] if isinstance(origins, str) else origins)
    page = urlsplit(origin)
    host, scheme = environ.get("HTTP_HOST", ""), environ["wsgi.url_scheme"]
    return without_default_port(page.netloc, page.scheme) != without_default_port(host, scheme)


def without_default_port(netloc: str, scheme: str) -> str:
    """Return a host with its port unless that is the scheme's own."""
    return netloc.lower().removesuffix(":443" if scheme == "https" else ":80")
