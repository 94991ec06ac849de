"""The test client for tests of either colour: Flask's client, with the methods that only Quart's has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Request
from werkzeug.wsgi import get_current_url

from ..compat.upstream import cookies_of, keep_cookies, send_cookies
from ..crossing.bridge import run_on_loop
from ..crossing.colour import caller_is_async, is_async
from ..crossing.thread_pool import from_loop
from ..exchange.translation import LIMITS_STREAM, PRESERVE, SHOWS_ERRORS, VARIABLES
from .arguments import QUART_PARAMETERS, request_of, translated
from .asgi_call import Parts, answer_of
from .blocking_websocket import BlockingWebsocket
from .cookies import cookiejar_cookie, without_server
from .kept_contexts import KeptContexts
from .redirects import follow, rewind
from .session_transaction import Transaction, opened_session
from .time_limit import TimeLimit, close, limited_stream

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from ..wrappers import dual_types

Entry = Literal["wsgi", "asgi"]

# Whether async code awaits the request that sync code of a client sends: it called a subclass's sync `open`, or asked
# for the WSGI entry.
is_awaited: ContextVar[bool] = ContextVar("dualapp.testing.is_awaited", default=False)
# The contexts of the request under way, for the client that sends it to keep; None if it keeps none.
answered: ContextVar[list[Any] | None] = ContextVar("dualapp.testing.answered", default=None)


class DualClient(FlaskClient):
    """Flask's test client, with the methods of Quart's; in `async def` code its requests are awaited.

    Requests of `def` code go to the WSGI entry, those of `async def` code to the ASGI entry, in the loop of that code;
    with `entry` all go to that one. `timeout` limits how long code waits for a response and for its stream. Like
    Flask's client it raises the errors that an app with `testing` or `debug` passes on; in `async def` code they are a
    500 response, as with Quart's, unless PROPAGATE_EXCEPTIONS is set.
    """

    def __init__(
        self,
        application: Any,
        response_wrapper: Any = None,
        *args: Any,
        entry: Entry | None = None,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> None:
        if entry not in (None, "wsgi", "asgi"):
            raise ValueError(f"A test client has the entry 'wsgi' or 'asgi', not {entry!r}; without one it chooses.")
        super().__init__(application, response_wrapper or application.response_class, *args, **kwargs)
        self.entry = entry
        #: How many seconds code waits for a response and its stream; then that raises TimeoutError.
        self.timeout = timeout
        self._kept = KeptContexts()

    if TYPE_CHECKING:  # Flask's method, which is annotated as returning a FlaskClient

        def __enter__(self) -> Self: ...

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        super().__exit__(exc_type, exc, traceback)
        self._kept.let_go()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        super().__exit__(exc_type, exc, traceback)
        await self._kept.let_go_async()

    def open(self, *args: Any, **kwargs: Any) -> dual_types.ClientResponse:
        """Send a request and return its response; await it in `async def` code.

        Takes the arguments of Werkzeug's EnvironBuilder or of Quart's test client.
        """
        if caller_is_async():
            return self._open_async(*args, **kwargs)  # type: ignore[return-value]  # to be awaited
        return self._open(*args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> dual_types.ClientResponse:
        """Send a GET request."""
        return self._send("GET", args, kwargs)

    def post(self, *args: Any, **kwargs: Any) -> dual_types.ClientResponse:
        """Send a POST request."""
        return self._send("POST", args, kwargs)

    def put(self, *args: Any, **kwargs: Any) -> dual_types.ClientResponse:
        """Send a PUT request."""
        return self._send("PUT", args, kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> dual_types.ClientResponse:
        """Send a DELETE request."""
        return self._send("DELETE", args, kwargs)

    def patch(self, *args: Any, **kwargs: Any) -> dual_types.ClientResponse:
        """Send a PATCH request."""
        return self._send("PATCH", args, kwargs)

    def options(self, *args: Any, **kwargs: Any) -> dual_types.ClientResponse:
        """Send an OPTIONS request."""
        return self._send("OPTIONS", args, kwargs)

    def head(self, *args: Any, **kwargs: Any) -> dual_types.ClientResponse:
        """Send a HEAD request."""
        return self._send("HEAD", args, kwargs)

    def trace(self, *args: Any, **kwargs: Any) -> dual_types.ClientResponse:
        """Send a TRACE request."""
        return self._send("TRACE", args, kwargs)

    def _send(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dual_types.ClientResponse | Any:
        kwargs["method"] = method
        if not caller_is_async(depth=2):
            return self.open(*args, **kwargs)
        return self.open(*args, **kwargs) if is_async(self.open) else self._open_async(*args, **kwargs)

    def _open(self, *args: Any, **kwargs: Any) -> dual_types.ClientResponse | Any:
        args, kwargs = translated(args, kwargs)
        if (
            is_awaited.get() or answered.get() is not None
        ):  # who awaits the response, or is redirected, keeps the context
            return super().open(*args, **kwargs)
        self._kept.let_go()
        with self._noting_contexts() as contexts:
            response = super().open(*args, **kwargs)
        self._kept.keep(contexts)
        return response

    async def _open_async(self, *args: Any, **kwargs: Any) -> Any:
        await self._kept.let_go_async()
        with self._noting_contexts() as contexts:
            if type(self).open is not DualClient.open and not is_async(self.open):
                response = await call_in_thread(self.open, *args, **kwargs)
            elif type(self)._make_request is DualClient._make_request:
                response = await self._ask(*args, **kwargs)
            else:
                response = await self._open_like_quart(*args, **kwargs)
        await self._kept.keep_async(contexts)
        return response

    @contextmanager
    def _noting_contexts(self) -> Iterator[list[Any]]:
        """Yield the list that collects the contexts of the block's requests, if they are kept."""
        contexts: list[Any] = []
        token = answered.set(contexts if self.preserve_context else None)
        try:
            yield contexts
        finally:
            answered.reset(token)

    async def _open_like_quart(
        self, path: str, *, method: str = "GET", follow_redirects: bool = False, **kwargs: Any
    ) -> Any:
        from quart.testing import sentinel

        defaults = {"json": sentinel, "scheme": "http", "root_path": "", "http_version": "1.1"}
        values = [kwargs.pop(name, defaults.get(name)) for name in QUART_PARAMETERS]
        if kwargs:
            raise TypeError(f"Quart's test client does not take {', '.join(kwargs)}")
        response = await self._make_request(path, method, *values)
        return await follow(self, response, self._ask) if follow_redirects else response

    async def _make_request(self, path: str, method: str, *values: Any) -> Any:
        """Send one request, with Quart's signature: subclasses written for Quart's client extend this method."""
        from quart.testing import sentinel

        pairs = zip(QUART_PARAMETERS, values, strict=False)
        arguments = {name: value for name, value in pairs if value not in (None, sentinel)}
        return await self._ask(path, method=method, **arguments)

    async def _ask(self, *args: Any, buffered: bool = False, follow_redirects: bool = False, **kwargs: Any) -> Any:
        """Send a request of async code, and those that it is redirected to."""
        if self.entry == "wsgi":
            response = await self._ask_in_thread(*args, buffered=buffered, **kwargs)
        else:
            response = await self._ask_in_place(request_of(self, *translated(args, kwargs)), buffered)
        return await follow(self, response, partial(self._ask, buffered=buffered)) if follow_redirects else response

    async def _ask_in_thread(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request to the WSGI entry, in a thread."""
        limit = TimeLimit(self.timeout)
        async with limit.waiting_async():
            response = await call_in_thread(self._open, *args, **kwargs)
        if self.timeout is not None and not response.is_sequence:
            body = response.response
            response.call_on_close(partial(close, body))
            response.response = limit.limited_async(body)
        return response

    async def _ask_in_place(self, request: Request, buffered: bool) -> Any:
        """Send a request to the ASGI entry, in the running loop."""
        request.environ[SHOWS_ERRORS] = True
        parts = await self._run_asgi_app(request.environ, buffered)
        response: Any = self.response_wrapper(*parts, request=request)  # type: ignore[arg-type]  # typed for WSGI
        response.json_module = self.application.json
        return response

    async def _run_asgi_app(self, environ: WSGIEnvironment, buffered: bool) -> Parts:
        """Send a request with the client's cookies, and keep those of the response, as `run_wsgi_app` does."""
        asgi = self.application.asgi  # type: ignore[attr-defined]  # DualApp's
        send_cookies(self, environ)
        with noted(environ):
            body, status, headers = await answer_of(asgi, environ, buffered, self.timeout)
        url = urlsplit(get_current_url(environ))
        keep_cookies(self, url.hostname or "localhost", url.path, headers.getlist("Set-Cookie"))
        return body, status, headers

    # Methods that Werkzeug's client calls, in a thread.

    def run_wsgi_app(self, environ: WSGIEnvironment, buffered: bool = False) -> Any:
        """Send a request to the entry that was chosen, and wait for the response."""
        token = is_awaited.set(False)  # what the app sends itself is not awaited by the same code
        is_for_async_code = token.old_value is True
        environ[SHOWS_ERRORS] = is_for_async_code
        try:
            if (self.entry or ("asgi" if is_for_async_code else "wsgi")) == "wsgi":
                with noted(environ):
                    return self._run_limited(environ, buffered, None if is_for_async_code else self.timeout)
            body, status, headers = run_on_loop(self._run_asgi_app, environ, buffered)
            # Of a client that does not buffer, `is_streamed` says so for any response.
            return body if buffered or not isinstance(body, list) else iter(body), status, headers
        finally:
            is_awaited.reset(token)

    def _run_limited(self, environ: WSGIEnvironment, buffered: bool, timeout: float | None) -> Any:
        if timeout is None:
            return super().run_wsgi_app(environ, buffered)
        limit, environ[LIMITS_STREAM] = TimeLimit(timeout), partial(limited_stream, timeout)
        with limit.waiting():
            body, status, headers = super().run_wsgi_app(environ, buffered)
        try:
            limit.check()  # the app may have taken the error for its view's
        except TimeoutError:
            close(body)
            raise
        return body if buffered else limit.limited(body), status, headers

    def resolve_redirect(self, response: Any, buffered: bool = False) -> Any:
        """Send the request that a redirect asks for, with the whole body again if it keeps that."""
        rewind(response.request.environ)
        return super().resolve_redirect(response, buffered)

    def session_transaction(self, *args: Any, **kwargs: Any) -> Transaction:  # type: ignore[override]  # Flask's is for `with` only
        """Open the client's session, for `with` and for `async with`, and store it at the end of the block.

        Raises TypeError if the client keeps no cookies, RuntimeError if the session interface opens no session.
        """
        return Transaction(opened_session(self, *args, **kwargs))

    # Methods that only Quart's client has.

    @property
    def app(self) -> Any:
        """The app under test."""
        return self.application

    @property
    def cookie_jar(self) -> list[Any] | None:
        """The cookies, with the attributes of `http.cookiejar.Cookie`; None if the client keeps no cookies."""
        cookies = cookies_of(self)
        return None if cookies is None else list(map(cookiejar_cookie, cookies.values()))

    def set_cookie(self, *args: Any, **kwargs: Any) -> None:
        """Set a cookie: `key, value` as in Werkzeug's client, or `server_name, key, value` as in Quart's."""
        if len(args) + len({"server_name", "key", "value"} & kwargs.keys()) > 2:
            kwargs.setdefault("origin_only", kwargs.get("domain") is None)
            args, kwargs = without_server(args, kwargs)
        super().set_cookie(*args, **kwargs)

    def delete_cookie(self, *args: Any, **kwargs: Any) -> None:
        """Delete a cookie: `key` as in Werkzeug's client, or `server_name, key` as in Quart's."""
        if len(args) + len({"server_name", "key"} & kwargs.keys()) > 1:
            args, kwargs = without_server(args, kwargs)
        super().delete_cookie(*args, **kwargs)

    def request(self, path: str, **kwargs: Any) -> Any:
        """Open a connection to the ASGI entry that sends one request's body and receives its response in chunks."""
        from quart.testing import QuartClient

        headers = kwargs["headers"] = Headers(kwargs.get("headers"))
        if "Content-Length" not in headers and kwargs.get("method", "GET") not in ("GET", "HEAD"):
            headers["Transfer-Encoding"] = "chunked"  # without either there is no body (RFC 9112 section 6.3)
        base = {**(kwargs.pop("scope_base", None) or {}), VARIABLES: {SHOWS_ERRORS: True}}
        return QuartClient.request(self, path, scope_base=base, **kwargs)  # type: ignore[arg-type]  # it takes the app and the cookies

    def websocket(self, path: str, **kwargs: Any) -> Any:
        """Open a websocket: `async with client.websocket("/ws") as ws`, with the methods of Quart's client.

        In `def` code it is `with`, and nothing is awaited. With the entry "wsgi" the app takes over a socket that is
        in between; otherwise it is called with messages of ASGI, which both entries have in common.
        """
        from quart.testing import QuartClient

        if subprotocols := kwargs.pop("subprotocols", None):  # Quart's client forgets them
            kwargs["scope_base"] = {**(kwargs.get("scope_base") or {}), "subprotocols": subprotocols}
        connection: Any = QuartClient.websocket(self, path, **kwargs)  # type: ignore[arg-type]  # as in `request`
        connection.timeout = self.timeout
        return connection if caller_is_async() else BlockingWebsocket(connection)

    @property
    def websocket_connection_class(self) -> type:
        """The class of the connections that `websocket` opens."""
        if self.entry == "wsgi":
            from .taken_websocket import TakenClientWebsocket

            return TakenClientWebsocket
        from .websocket import ClientWebsocket

        return ClientWebsocket

    @property
    def http_connection_class(self) -> type:
        """The class of the connections that `request` opens: Quart's."""
        from quart.testing.connections import TestHTTPConnection

        return TestHTTPConnection


@contextmanager
def noted(environ: WSGIEnvironment) -> Iterator[None]:
    """Have the app note the context of a request for the client that keeps it, but not those of its own requests."""
    if (contexts := answered.get()) is not None:
        environ[PRESERVE] = contexts.append
    token = answered.set(None)
    try:
        yield
    finally:
        answered.reset(token)


async def call_in_thread(send: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a sync function of a client in a thread, for the async code that awaits its response.

    If that is cancelled, the thread closes the response, because nobody else has it.
    """
    is_left = False

    def send_for_awaiting_code() -> Any:
        response = send(*args, **kwargs)
        if is_left:
            response.close()
        return response

    token = is_awaited.set(True)
    try:
        return await from_loop(send_for_awaiting_code)
    except BaseException:
        is_left = True
        raise
    finally:
        is_awaited.reset(token)
