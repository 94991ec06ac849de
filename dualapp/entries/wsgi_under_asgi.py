"""Serve a WSGI app to an ASGI server: the app runs in a thread, which runs ahead of the client within bounds.

The app is called and iterated by one job of a thread as long as the buffer has room, so that a short response crosses
once. The response starts with the first chunk (PEP 3333), a client that leaves has the app's iterable closed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Generator, Iterable
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from werkzeug.wsgi import FileWrapper

from ..compat.upstream import running_loop_of_thread
from ..crossing.context_variables import bound_to, restore
from ..crossing.coroutines import close_stream, is_being_cancelled
from ..crossing.readahead import ThreadProducer, iterate_in_threads
from ..crossing.thread_pool import Threads
from ..exchange.asgi_exchange import ASGIExchange, Receive
from ..exchange.conversation import PLAIN_TEXT, refusal
from ..exchange.translation import STATUSES_WITHOUT_BODY, VARIABLES, Message, Scope
from ..pipeline.calls import as_exception
from ..shortcuts.plain_response import raw_pairs
from .asgi_messages import (
    ClientLeft,
    HeldEnd,
    Send,
    chunk_of,
    is_all_of_its_path,
    raising_client_left,
    send_whole,
    start_message,
)
from .disconnect import DisconnectWatch, WaitingRequests, waiting_on

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

logger = logging.getLogger("dualapp")

#: The body of the 501 for a websocket.
NO_WEBSOCKETS = "This is a WSGI app: its websockets need the socket of a WSGI server, and this is an ASGI server.\n"


class WSGIUnderASGI:
    """An ASGI application that serves a WSGI app to HTTP requests, and refuses websockets."""

    def __init__(self, app: WSGIApplication, threads: Threads, body_timeout: Callable[[], float | None]) -> None:
        """Run the app in `threads`; `body_timeout` returns how many seconds a read of the body may wait."""
        self.app = app
        self._threads = threads
        self._body_timeout = body_timeout
        self._waiting: WaitingRequests | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await refuse_websocket(scope, receive, send)
            return
        exchange = ASGIExchange(scope, receive, running_loop_of_thread())
        body = exchange.body
        if not body.complete:
            body.timeout = self._body_timeout()
            if body.is_to_come:
                await body.read_ahead_async(body.timeout, body.receive_first())
        self._waiting = waiting = waiting_on(exchange.loop, self._waiting)
        watch = DisconnectWatch(waiting, exchange)
        try:
            watch.start()
            await self._answer(exchange, watch, raising_client_left(send))
        except ClientLeft:
            pass
        except asyncio.CancelledError as error:
            if not watch.uncancel():
                if is_being_cancelled():
                    raise
                raise as_exception(error) from error
        finally:
            watch.stop()

    async def _answer(self, exchange: ASGIExchange, watch: DisconnectWatch, send: Send) -> None:
        variables = copy_context()
        answer = Answer(self.app, exchange)
        source = answer.chunks()
        producer = ThreadProducer(self._threads, source, variables)
        answer.write = producer.write
        chunks = iterate_in_threads(producer, begins=VARIABLES not in exchange.scope)
        try:
            first = await anext(chunks, None)
            restore(variables)
            await send_answer(answer, first, chunks, watch, send)
        finally:
            watch.pause()  # what closes the body is not interrupted by a client that leaves now
            await close_stream(chunks)
            if not answer.is_closed:
                await self._threads.run_to_end(bound_to(variables, source.close, (), {}))


async def refuse_websocket(scope: Scope, receive: Receive, send: Any) -> None:
    """Refuse a websocket with a 501 that says why, where the server can send one."""
    await receive()  # websocket.connect
    with suppress(OSError):  # the client has left (ASGI spec 2.4)
        for message in refusal(scope, 501, PLAIN_TEXT, NO_WEBSOCKETS.encode()):
            await send(message)


class Answer:
    """One response of a WSGI app, whose code runs in threads."""

    write: Callable[[bytes], None]
    #: The file that is the whole body, where the server sends files by their path.
    path: str | None = None
    #: Whether the app's iterable is exhausted or closed.
    is_closed = False
    #: How many bytes of the body may follow; known when the first are sent.
    _left = 0
    #: Whether more bytes came.
    _is_cut = False

    def __init__(self, app: WSGIApplication, exchange: ASGIExchange) -> None:
        self._app = app
        self._environ = exchange.environ
        self.request_body = exchange.body
        self._sends_paths = "http.response.pathsend" in (exchange.scope.get("extensions") or ())
        self._status_line: str | None = None
        self._headers: list[tuple[str, str]] = []
        self._has_begun = False
        self.is_head = exchange.method == "HEAD"

    def chunks(self) -> Generator[bytes, None, None]:
        """Call the app, and iterate over the body."""
        try:
            body = self._app(self._environ, self._start_response)
            try:
                if not self._is_sent_by_path(body):
                    for chunk in body:
                        if kept := self._begun(chunk):
                            yield kept
                        if self._is_cut:
                            break
                self._begun(b"")
            finally:
                if hasattr(body, "close"):
                    body.close()
        finally:
            self.is_closed = True

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], None]:
        """Note the head of the response; with `exc_info` it replaces another, unless that one was sent (PEP 3333)."""
        if exc_info is not None and self._has_begun:
            raise exc_info[1].with_traceback(exc_info[2])
        if exc_info is None and self._status_line is not None:
            raise AssertionError("start_response was called twice without exc_info (PEP 3333).")
        self._status_line, self._headers = status, list(headers)
        return self._write

    def _write(self, chunk: bytes) -> None:
        if kept := self._begun(chunk):
            self.write(kept)

    def _begun(self, chunk: bytes) -> bytes:
        """Return the part of a chunk to send; the first non-empty one fixes the head."""
        if self._status_line is None:
            raise AssertionError(f"{self._app!r} began a body before it called start_response (PEP 3333).")
        if chunk and not self._has_begun:
            self._has_begun = True
            self._left = self._announced()
        self._left -= len(chunk)
        return chunk if self._left >= 0 else self._cut(chunk)

    def _announced(self) -> int:
        """Return the Content-Length, or a number that no body reaches."""
        lengths = (value for name, value in self._headers if name.lower() == "content-length")
        return next((int(value) for value in lengths if value.isdecimal()), sys.maxsize)

    def _cut(self, chunk: bytes) -> bytes:
        """Cut a chunk at the Content-Length (PEP 3333), lest the server fail."""
        if not self._is_cut:
            logger.warning("%r sends more than its Content-Length, %d bytes: it is cut", self._app, self._announced())
        self._is_cut = True
        kept = chunk[: self._left]  # below zero: so many bytes too many
        self._left = 0
        return kept

    def _is_sent_by_path(self, body: Iterable[bytes]) -> bool:
        if not (self._sends_paths and type(body) is FileWrapper and is_all_of_its_path(body.file)):
            return False
        if not self.request_body.complete:  # as in `sendable_path`
            return False
        if os.fstat(body.file.fileno()).st_size > self._announced():
            return False
        self.path = os.path.abspath(body.file.name)
        return True

    def start(self) -> Message:
        """Return the message that starts the response."""
        return start_message(int(self._status_line.split(None, 1)[0]), raw_pairs(self._headers))  # type: ignore[union-attr]  # it is set by the first chunk


async def send_answer(
    answer: Answer, first: bytes | None, chunks: AsyncIterator[bytes], watch: DisconnectWatch, send: Send
) -> None:
    start = answer.start()
    if first is None or answer.is_head or start["status"] in STATUSES_WITHOUT_BODY:
        if answer.path is None or answer.is_head:
            await send_whole(start, chunk_of(b"", more=False), watch, send)
            return
        await send(start)
        await send({"type": "http.response.pathsend", "path": answer.path})
        return
    end = None if answer.request_body.complete else HeldEnd(start)
    chunk: bytes | None = first
    await send(start)
    while chunk is not None:
        await send(chunk_of(chunk if end is None else end.released(chunk)))
        chunk = await anext(chunks, None)
    watch.pause()  # servers send http.disconnect after the last chunk too
    watch.discard()
    await watch.linger()
    await send(chunk_of(b"" if end is None else end.held, more=False))
