"""The ASGI entry: from a scope to an exchange, and from a response to `send`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.exceptions import ClientDisconnected
from werkzeug.sansio.utils import get_content_length

from . import lifespan
from .body import Body, BodyStream
from .context import Context
from .crossing import Threads, close_stream, iterate_in_pool, step, to_pool
from .dispatch import dispatch, recover, tear_down
from .plan import Function, Home, Plan, Plans
from .responses import encoded, is_bodiless
from .translation import Scope, environ_from

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

END = object()


class ASGIExchange:
    """A request that came in through ASGI."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self._receive = receive
        self._ended = False

    @cached_property
    def environ(self) -> WSGIEnvironment:
        """The request in WSGI's words."""
        return environ_from(self.scope, BodyStream(self.body))

    @property
    def cookies(self) -> str:
        """The Cookie headers, empty if there are none."""
        return "; ".join(value.decode("latin-1") for name, value in self.scope["headers"] if name == b"cookie")

    @cached_property
    def body(self) -> Body:
        """The body, of the length that the headers announce."""
        headers = {name: value.decode("latin-1") for name, value in self.scope["headers"]}
        length = get_content_length(headers.get(b"content-length"), headers.get(b"transfer-encoding"))
        if length is None and b"transfer-encoding" not in headers and self.scope["http_version"] < "2":
            length = 0  # RFC 9112 section 6.3: a request without either has no content
        return Body(length, fetch_async=self._fetch)

    async def _fetch(self) -> bytes:
        chunk = b""
        while not chunk and not self._ended:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnected()
            chunk = message.get("body", b"")
            self._ended = not message.get("more_body", False)
        return chunk


class ASGIGateway:
    """The ASGI entry of one app."""

    def __init__(self, app: flask.Flask) -> None:
        self.app = app
        self.threads = Threads(app.name)
        self.plans = Plans(app, where, self._to_thread)

    def _to_thread(self, func: Function) -> Function:
        """Make an async function of a sync one: it runs in one of the app's threads."""

        async def crossing(*args: Any, **kwargs: Any) -> Any:
            return await to_pool(func, self._executor())(*args, **kwargs)

        return crossing

    def _executor(self) -> Any:
        return self.threads.executor(self.app.config["THREAD_POOL_SIZE"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._answer(scope, receive, send)
        elif kind == "lifespan":
            await lifespan.serve(receive, send)
        elif kind == "websocket":
            await send({"type": "websocket.close"})
        else:
            raise ValueError(f"An ASGI scope of type {kind!r} is not known; 'http' and 'lifespan' are.")

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        context: Context = self.app.context_of(ASGIExchange(scope, receive))  # type: ignore[attr-defined]  # DualApp's
        context.enter()
        try:
            context.route()
            plan = self.plans.find(context)
            response = await self._drive(plan, dispatch, context, plan)
        finally:
            context.leave()
        try:
            await self._send(response, context, plan, send)
        finally:
            if context.is_kept:
                await self._in_context(context, plan, tear_down)

    async def _drive(self, plan: Plan, pipeline: Function, context: Context, *args: Any) -> Any:
        """Run a pipeline to its end: here, or in one thread while the loop goes on."""
        if plan.home is Home.LOOP:
            return await pipeline(context, *args)
        await context.exchange.body.read_ahead_async()
        return await self._to_thread(stepped)(pipeline, context, *args)

    async def _in_context(self, context: Context, plan: Plan, pipeline: Function, *args: Any) -> Any:
        """Run a pipeline with a context that was left already."""
        context.enter()
        try:
            return await self._drive(plan, pipeline, context, plan, *args)
        finally:
            context.leave()

    async def _send(self, response: flask.Response, context: Context, plan: Plan, send: Send) -> None:
        """Send a response; if its body fails before its first chunk, send the answer to that error."""
        if is_bodiless(response, context.exchange.method):
            await start(response, context, send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        elif response.is_sequence:
            await start(response, context, send)
            await send({"type": "http.response.body", "body": b"".join(response.iter_encoded()), "more_body": False})
        else:
            await self._stream(response, context, plan, send)
            return
        await self._close(response)

    async def _stream(self, response: flask.Response, context: Context, plan: Plan, send: Send) -> None:
        chunks = self._chunks(response)
        try:
            try:
                first = await anext(chunks, END)
            except Exception as error:
                answer = await self._in_context(context, plan, recover, error)
                await self._send(answer, context, plan, send)
                return
            await start(response, context, send)
            if first is not END:
                await send({"type": "http.response.body", "body": first, "more_body": True})
                async for chunk in chunks:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await close_stream(chunks)
            await self._close(response)

    def _chunks(self, response: flask.Response) -> AsyncIterator[bytes]:
        """Iterate over the chunks of a body of either colour."""
        if hasattr(response.response, "__aiter__"):
            return encoded(response.response)  # type: ignore[arg-type]  # werkzeug knows sync bodies only
        return iterate_in_pool(iter(response.iter_encoded()), self._executor())

    async def _close(self, response: flask.Response) -> None:
        """Close the body, and call what `call_on_close` was given, where it may block."""
        if hasattr(response.response, "close") or response._on_close:
            await self._to_thread(response.close)()


def where(home: Home) -> Home:
    return Home.LOOP if home is Home.EITHER else home


def stepped(pipeline: Function, *args: Any) -> Any:
    return step(pipeline(*args))


async def start(response: flask.Response, context: Context, send: Send) -> None:
    headers = response.get_wsgi_headers(context.exchange.environ).to_wsgi_list()
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        }
    )
