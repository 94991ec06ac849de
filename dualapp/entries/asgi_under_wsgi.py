"""Serve an ASGI app to a WSGI server: the app runs on the host loop, the request's thread passes on what it sends.

The thread reads the body from the server when the app asks for it, and waits for messages of the app otherwise. The
response starts with the app's first body message, as ASGI servers have it, so that an error before that is a 500. When
the app has sent the last one, the thread is given back, even if the app goes on (a background task).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any
from wsgiref.util import is_hop_by_hop

from werkzeug.exceptions import ClientDisconnected, HTTPException
from werkzeug.wsgi import ClosingIterator

from ..compat.upstream import STATUS_LINES
from ..crossing.readahead import Give, LoopIteration
from ..exchange.translation import FILE_CHUNK_SIZE, STATUSES_WITHOUT_BODY, Message, Scope
from ..exchange.wsgi_exchange import WSGIExchange, asks_for_websocket
from .foreign_calls import await_foreign
from .websockets_under_wsgi import WebsocketsUnderWSGI

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]

logger = logging.getLogger("dualapp")

DISCONNECT: Message = {"type": "http.disconnect"}
ENDED = "The app has sent its whole response already; it sent {!r} after it."


class ASGIUnderWSGI:
    """A WSGI application that serves an ASGI app."""

    def __init__(self, app: ASGIApp, websockets: WebsocketsUnderWSGI, state: dict[str, Any] | None = None) -> None:
        """`websockets` takes connections over; the app's lifespan fills `state` (ASGI spec, "Lifespan State")."""
        self.app = app
        self._websockets = websockets
        self._state = state
        #: Whether a call of the app has suspended: until then, the request's thread borrows the loop for it.
        self._suspends = False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if "HTTP_UPGRADE" in environ and asks_for_websocket(environ):
            return self._websockets.answer(environ, start_response, self._converse)
        exchange = WSGIExchange(environ)
        try:
            exchange.body.check_whole()  # no app can read a body whose end the server does not tell
        except HTTPException as refusal:
            return refusal(environ, start_response)
        if exchange.body.is_to_come:
            exchange.read_ahead()
        call = RelayedCall(self.app, exchange, self._state)
        response = call.until_started(borrows=not self._suspends)
        self._suspends |= call.has_suspended
        return response(start_response)

    async def _converse(self, scope: Scope, receive: Any, send: Any) -> None:
        await self.app(with_state(scope, self._state), receive, send)


class RelayedCall:
    """One call of an ASGI app for a request, whose thread relays the messages."""

    def __init__(self, app: ASGIApp, exchange: WSGIExchange, state: dict[str, Any] | None) -> None:
        self._app = app
        self._environ = exchange.environ
        self._method = exchange.method
        self._body = exchange.body
        self._scope = scope_of(exchange, state)
        self._start: Message | None = None
        self._path: str | None = None
        self._is_complete = self._has_left = False
        self._is_asked = True  # for the body, whose end is told once
        self._iteration = LoopIteration(self._converse)

    # In the request's thread.

    def until_started(self, borrows: bool) -> Callable[[StartResponse], Iterable[bytes]]:
        """Call the app and wait for the beginning of its response; return a function that starts it.

        Raises what the app raises before it has sent any of the body.
        """
        iteration = self._iteration
        iteration.start_producing(borrows=borrows)
        try:
            first = iteration.next_item()
        except BaseException:  # raised from outside while the thread waits, as by gunicorn's timeout
            iteration.stop()
            raise
        if self._start is None or (first is None and not self._is_complete):
            raise iteration.error or RuntimeError(f"{self._app!r} returned before it had sent a response.")
        return partial(self._respond, first)

    @property
    def has_suspended(self) -> bool:
        """Whether the app has suspended, or runs on the loop anyway."""
        return self._iteration.has_suspended

    def _respond(self, first: bytes | None, start_response: StartResponse) -> Iterable[bytes]:
        status, headers = head_of(self._start)  # type: ignore[arg-type]  # there is one
        try:
            start_response(status, headers)
        except BaseException:
            self._leave()
            raise
        if self._method == "HEAD" or self._start["status"] in STATUSES_WITHOUT_BODY:  # type: ignore[index]  # as above
            self._leave()
            return [b""]  # hypercorn's WSGI side sends no head before there is a chunk
        if self._path is not None:
            return self._environ["wsgi.file_wrapper"](open(self._path, "rb"), FILE_CHUNK_SIZE)  # type: ignore[no-any-return]  # PEP 3333 has it iterable
        if self._is_complete:
            return [b"".join((first or b"", *iter(self._iteration.next_item, None)))]
        return ClosingIterator(self._chunks(first), self._leave)

    def _chunks(self, first: bytes | None) -> Iterator[bytes]:
        item = first
        while item is not None:
            yield item
            item = self._iteration.next_item()
        if not self._is_complete:
            raise self._iteration.error or RuntimeError(f"{self._app!r} returned in the middle of its response.")

    def _leave(self) -> None:
        """Cancel the app unless it has sent all of its response."""
        self._has_left = True
        self._iteration.leave()

    # On the loop.

    async def _converse(self, give: Give) -> None:
        self._give = give
        self._over = asyncio.Event()
        try:
            await await_foreign(self._app, self._scope, self._receive, self._send)
        except Exception:
            if self._iteration.is_over:  # nobody waits for the error
                logger.exception("%r failed after its response had ended", self._app)
            raise
        finally:
            self._over.set()

    async def _receive(self) -> Message:
        """Return the next chunk of the body; after it, wait for the end of the response."""
        body = self._body
        if self._is_asked and not self._has_left:
            try:
                while not (body.arrived or body.complete):
                    await body.receive_async()
            except ClientDisconnected:
                return DISCONNECT
            self._is_asked = not body.complete
            return {"type": "http.request", "body": body.take(len(body.arrived)), "more_body": self._is_asked}
        if not self._has_left:
            await self._over.wait()
        return DISCONNECT

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if self._is_complete:
            raise RuntimeError(ENDED.format(kind))
        if self._has_left:
            raise OSError("The client has left.")  # ASGI spec 2.4, "Send"
        if kind == "http.response.start" and self._start is None:
            self._start = message
        elif kind == "http.response.body" and self._start is not None:
            await self._pass_on(message)
        elif kind == "http.response.pathsend" and self._start is not None and self._path is None:
            self._path = message["path"]
            self._complete()
        else:
            expected = "http.response.start" if self._start is None else "http.response.body"
            raise RuntimeError(f"The app sent {kind!r} instead of {expected!r}.")

    async def _pass_on(self, message: Message) -> None:
        chunk = message.get("body", b"")
        if message.get("more_body", False):
            await self._give(chunk)
            return
        if chunk:
            self._iteration.add(chunk)
        self._complete()

    def _complete(self) -> None:
        self._is_complete = True
        self._over.set()
        self._iteration.release()


def scope_of(exchange: WSGIExchange, state: dict[str, Any] | None) -> Scope:
    """Make the scope of a request (ASGI spec), with what a WSGI server can do beyond it."""
    scope = with_state(exchange.scope, state)
    if "wsgi.file_wrapper" in exchange.environ:
        scope["extensions"] = {**scope["extensions"], "http.response.pathsend": {}}
    if "asgi.scope" in exchange.environ:
        keep_told(scope, exchange.environ["asgi.scope"])
    return scope


def keep_told(scope: Scope, server: Scope) -> None:
    """Add what the server's scope had and an environ lost, between hooks or WSGI middleware."""
    scope["state"] = {**server.get("state", {}), **scope.get("state", {})}
    if (tls := (server.get("extensions") or {}).get("tls")) is not None:
        scope["extensions"] = {**scope["extensions"], "tls": tls}


def with_state(scope: Scope, state: dict[str, Any] | None) -> Scope:
    """Add a copy of the state to a scope: each request has its own, as from an ASGI server."""
    if state is not None:
        scope["state"] = {**state}
    return scope


def head_of(start: Message) -> tuple[str, list[tuple[str, str]]]:
    """Return the status line and the headers for `start_response`, which refuses hop-by-hop headers (PEP 3333)."""
    status = start["status"]
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start.get("headers", ())]
    return STATUS_LINES.get(status) or f"{status} Unknown", [
        header for header in headers if not is_hop_by_hop(header[0])
    ]
