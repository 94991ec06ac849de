"""One request to an ASGI app in this process, from the server's side: the test client is the server.

The app runs as a task of the loop of whoever sends the request. Its response is returned when the app has ended, a
stream when its first chunk is there. The rest of a stream is received while the test goes on, and at most 512 KiB or 64
chunks of it wait for the reader.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers

from ..compat.upstream import running_loop
from ..crossing.bounded_queue import BoundedQueue
from ..crossing.bridge import await_on, is_loop_thread, run_on_loop
from ..crossing.coroutines import until_done
from ..crossing.readahead import MOST_BYTES, MOST_ITEMS
from ..exchange.translation import STATUSES_WITHOUT_BODY, Message, Scope
from .asgi_request import request_messages, request_scope
from .time_limit import TimeLimit

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ASGIApp = Callable[[Scope, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]
#: The arguments of Werkzeug's TestResponse: the body, the status and the headers.
Parts = tuple[Any, int, Headers]


async def answer_of(app: ASGIApp, environ: WSGIEnvironment, buffered: bool, timeout: float | None) -> Parts:
    """Send a request to an ASGI app, and return the response once it has begun; `buffered`: once it has ended.

    Raises what the app raises, and TimeoutError, as reading the response does, after `timeout` seconds of waiting.
    """
    call = ASGICall(app, request_scope(environ), request_messages(environ), TimeLimit(timeout))
    try:
        return await call.answer(buffered)
    except asyncio.CancelledError:
        await call.cancel()
        raise


class ASGICall:
    """A call of an ASGI app; as the body of its response, the chunks that have not been read."""

    def __init__(self, app: ASGIApp, scope: Scope, messages: Iterable[Message], limit: TimeLimit) -> None:
        self._incoming = iter(messages)
        self._outgoing = BoundedQueue[Message](MOST_BYTES)
        #: Whether the response is complete, or the client has left.
        self._is_over = asyncio.Event()
        self._error: BaseException | None = None
        self._limit = limit
        #: Whether the test has waited too long: it does not wait for the end of the app, either.
        self._is_abandoned = False
        self._begun: list[bytes] = []
        self._method: str = scope["method"]
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._serve(app, scope))

    async def _serve(self, app: ASGIApp, scope: Scope) -> None:
        try:
            await app(scope, self._receive, self._send)
        except BaseException as error:  # for the test; KeyboardInterrupt and SystemExit would end the loop
            self._error = error
        self._is_over.set()
        self._outgoing.close()

    async def _receive(self) -> Message:
        if not self._is_over.is_set() and (message := next(self._incoming, None)) is not None:
            return message
        await self._is_over.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._is_over.is_set():
            raise ClientLeft("The test client has left.")
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self._is_over.set()
        self._outgoing.give(message, max(len(message.get("body", b"")), MOST_BYTES // MOST_ITEMS))
        await self._outgoing.until_room()

    async def answer(self, buffered: bool) -> Parts:
        """Wait for the first chunk of a stream, or for the end of the app."""
        status: Any = None
        headers = Headers()
        while (message := await self._next()) is not None:
            if message["type"] == "http.response.start":
                status, headers = message["status"], headers_from(message["headers"])
            elif message["type"] == "http.response.body":
                if chunk := message.get("body"):
                    self._begun.append(chunk)
                if not buffered and message.get("more_body") and self._is_incomplete(status, headers):
                    return self, status, headers
        if status is None:
            raise RuntimeError("The ASGI app has ended without a response.")
        return self._begun, status, headers

    def _is_incomplete(self, status: int, headers: Headers) -> bool:
        """Tell whether more of the body is to come than its end: its last byte may wait for an unread body."""
        if self._method == "HEAD" or status in STATUSES_WITHOUT_BODY:
            return False
        return sum(map(len, self._begun)) + 1 < headers.get("Content-Length", math.inf, type=int)

    async def _next(self) -> Message | None:
        """Wait for the app's next message; None if the app has ended, unless that was an error."""
        try:
            async with self._limit.waiting_async():
                message = await self._outgoing.take()
        except TimeoutError:
            self._is_abandoned = True
            self._loop.call_soon_threadsafe(self._leave)
            raise
        if message is None and self._error is not None:
            raise self._error
        return message

    def __aiter__(self) -> ASGICall:
        return self

    async def __anext__(self) -> bytes:
        if self._begun:
            return self._begun.pop(0)
        while (message := await self._next()) is not None:
            if chunk := message.get("body"):
                return chunk  # type: ignore[no-any-return]  # a message's body is bytes
        raise StopAsyncIteration

    def close(self) -> None:
        """Leave the response; wait for the app to end, except on the loop, where it ends as the loop goes on."""
        if is_loop_thread():
            with suppress(RuntimeError):  # the loop is closed, and the app was cancelled
                self._loop.call_soon_threadsafe(self._leave)
        else:
            run_on_loop(self.aclose)

    async def aclose(self) -> None:
        """Leave the response and wait for the app to end; raise its error."""
        if running_loop() is not self._loop:
            if self._loop.is_running():
                await await_on(self._loop, self.aclose)
            return
        self._leave()
        if self._is_abandoned:
            return
        await until_done(self._task, on_cancel=self._cancel)
        if self._error is not None and not isinstance(self._error, ClientLeft):
            raise self._error

    async def cancel(self) -> None:
        """Cancel the app's task and wait for its end."""
        self._leave()
        self._cancel()
        await until_done(self._task)

    def _cancel(self) -> None:
        self._task.cancel()

    def _leave(self) -> None:
        self._is_over.set()
        self._outgoing.discard()


class ClientLeft(OSError):
    """What `send` raises after the client has left (ASGI spec, "Disconnected Client")."""


def headers_from(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the headers of a response, their names as HTTP/1.1 servers of WSGI apps spell them."""
    return Headers([(name.decode("latin-1").title(), value.decode("latin-1")) for name, value in pairs])
