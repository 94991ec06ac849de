"""The debugger at the ASGI entry: it shows an error that leaves the app before the response has started."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from io import RawIOBase
from typing import TYPE_CHECKING, Any

from ..crossing.coroutines import END as EXHAUSTED
from ..crossing.coroutines import rest_of
from ..crossing.thread_pool import Threads
from ..exchange.translation import PRESERVE, VARIABLES, Message, Scope, environ_from, fields_from
from ..pipeline.tracebacks import hide_plumbing
from ..shortcuts.plain_response import raw_pairs
from .asgi_messages import chunk_of, start_message
from .debugger import Debugger, is_active, is_for_debugger, is_shown_elsewhere, keep_origins

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from ..exchange.asgi_exchange import Receive
    from .asgi_messages import Send

#: Seconds that the rest of a body may take to arrive before the end of the page is sent.
LINGER = 1


class ObservedCall:
    """What one call of the ASGI entry has received and sent so far."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.has_started = False
        self.is_received = False

    async def receive(self) -> Message:
        message = await self._receive()
        self.is_received = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        self.has_started = True
        await self._send(message)


class ASGIDebugger:
    """The ASGI entry of an app in debug mode."""

    def __init__(self, app: Any, threads: Threads) -> None:
        self._app = app
        self._threads = threads
        self._debugger = Debugger(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, one of a console too; show the error that leaves the app."""
        variables = scope.get(VARIABLES, {})
        is_shown = is_shown_elsewhere(variables)
        if not is_shown:
            asyncio.get_running_loop().set_debug(True)
            keep_origins()
        if scope["type"] != "http" or is_shown:
            await self._app._asgi_entry(scope, receive, send)
            return
        call = ObservedCall(receive, send)
        # The debugger reads no body, and a scope does not tell whether there are several processes.
        environ = {**environ_from(scope, fields_from(scope["headers"]), RawIOBase()), "wsgi.multiprocess": False}
        if is_active(self._app) and is_for_debugger(environ):
            await self._send(call, environ)
            return
        contexts: list[Any] = []
        observed = {**scope, VARIABLES: {**variables, PRESERVE: contexts.append}}
        try:
            await self._answer(observed, call, contexts)
        except Exception as error:
            if call.has_started or not is_active(self._app):
                hide_plumbing(error)
                raise
            await self._send(call, self._debugger.failed(environ, error, contexts))

    async def _answer(self, scope: Scope, call: ObservedCall, contexts: list[Any]) -> None:
        """Call the app; name the task after its request, for asyncio's message of a blocked loop."""
        steps = self._app._asgi_entry(scope, call.receive, call.send).__await__()
        try:
            waits_for = next(steps, EXHAUSTED)
        finally:
            if contexts and (task := asyncio.current_task()):  # some servers have none
                task.set_name(repr(contexts[0]))
        if waits_for is not EXHAUSTED:
            await rest_of(steps, waits_for)

    async def _send(self, call: ObservedCall, environ: WSGIEnvironment) -> None:
        """Send what the debugger answers; in a thread, as consoles run the user's code and wrong PINs take time."""
        response = await self._threads.call(self._debugger.answer, environ)
        await call.send(start_message(response.status_code, raw_pairs(response.headers.to_wsgi_list())))
        await call.send(chunk_of(response.get_data()))
        with suppress(TimeoutError):  # some clients read nothing before they have sent all (RFC 9112 section 9.6)
            async with asyncio.timeout(LINGER):
                while not call.is_received:
                    await call.receive()
        await call.send(chunk_of(b"", more=False))
