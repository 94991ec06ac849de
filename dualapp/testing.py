"""The test client for tests of either colour: Flask's client, with the methods that only Quart's has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from types import SimpleNamespace, TracebackType
from typing import Any, Self

from flask.sessions import SessionMixin
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import Cookie

from .compat.upstream import cookies_of, keep_cookies, send_cookies
from .crossing.colour import caller_is_async
from .crossing.thread_pool import from_loop

# The parameters of `_make_request` in Quart's client, in its order, after the path and the method.
QUART_PARAMETERS = (
    *("headers", "data", "form", "files", "query_string", "json"),
    *("scheme", "root_path", "http_version", "scope_base", "auth", "subdomain"),
)
REDIRECTS = (301, 302, 303, 305, 307, 308)


def werkzeug_arguments(path: str, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Translate a path and arguments of Quart's test client into those of Werkzeug's EnvironBuilder."""
    arguments = dict(arguments)
    overrides = dict(arguments.pop("environ_overrides", None) or {})
    if form := {**(arguments.pop("form", None) or {}), **(arguments.pop("files", None) or {})}:
        arguments["data"] = form
    if scheme := arguments.pop("scheme", None):
        arguments["url_scheme"] = scheme
    if root_path := arguments.pop("root_path", None):
        overrides["SCRIPT_NAME"], path = root_path, path.removeprefix(root_path)
    if version := arguments.pop("http_version", None):
        overrides["SERVER_PROTOCOL"] = f"HTTP/{version}"
    if client := (arguments.pop("scope_base", None) or {}).get("client"):
        overrides.update(zip(("REMOTE_ADDR", "REMOTE_PORT"), map(str, client), strict=False))
    return path, {**arguments, **({"environ_overrides": overrides} if overrides else {})}


# The environ key of a function to which the app passes the request context, for the test to enter again.
PRESERVE = "werkzeug.debug.preserve_context"


class DualClient(FlaskClient):
    """Flask's test client; in `async def` code its requests are awaited, and run in a thread."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # `async with` enters each request's context again in the test's own task, until the next request.
        self._stack: AsyncExitStack | None = None
        self._contexts: list[Any] = []

    async def __aenter__(self) -> Self:
        if self._stack is not None:
            raise RuntimeError("Cannot nest client invocations")
        self._stack = AsyncExitStack()
        self.environ_base[PRESERVE] = self._contexts.append  # type: ignore[assignment]  # typed as strings only
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        stack, self._stack = self._stack, None
        self.environ_base.pop(PRESERVE, None)
        if stack is not None:
            await stack.aclose()

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request and return its response; await it in `async def` code.

        Takes the arguments of Werkzeug's EnvironBuilder or of Quart's test client.
        """
        if caller_is_async():
            return self._open_async(*args, **kwargs)
        return self._open(*args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """Send a GET request."""
        return self._send("GET", args, kwargs)

    def post(self, *args: Any, **kwargs: Any) -> Any:
        """Send a POST request."""
        return self._send("POST", args, kwargs)

    def put(self, *args: Any, **kwargs: Any) -> Any:
        """Send a PUT request."""
        return self._send("PUT", args, kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """Send a DELETE request."""
        return self._send("DELETE", args, kwargs)

    def patch(self, *args: Any, **kwargs: Any) -> Any:
        """Send a PATCH request."""
        return self._send("PATCH", args, kwargs)

    def options(self, *args: Any, **kwargs: Any) -> Any:
        """Send an OPTIONS request."""
        return self._send("OPTIONS", args, kwargs)

    def head(self, *args: Any, **kwargs: Any) -> Any:
        """Send a HEAD request."""
        return self._send("HEAD", args, kwargs)

    def trace(self, *args: Any, **kwargs: Any) -> Any:
        """Send a TRACE request."""
        return self._send("TRACE", args, kwargs)

    def _send(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        kwargs["method"] = method
        if not caller_is_async(depth=2):
            return self.open(*args, **kwargs)
        if type(self).open is DualClient.open:
            return self._open_async(*args, **kwargs)
        return from_loop(self.open, *args, **kwargs)  # a subclass's `open`, of either colour

    def _open(self, *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], str):
            path, kwargs = werkzeug_arguments(args[0], kwargs)
            args = (path, *args[1:])
        return super().open(*args, **kwargs)

    async def _open_async(self, *args: Any, **kwargs: Any) -> Any:
        if self._stack is not None:
            await self._stack.aclose()
        if type(self)._make_request is DualClient._make_request:
            response = await from_loop(self._open, *args, **kwargs)
        else:
            response = await self._open_like_quart(*args, **kwargs)
        while self._contexts and self._stack is not None:
            await self._stack.enter_async_context(self._contexts.pop(0))
        return response

    async def _open_like_quart(
        self, path: str, *, method: str = "GET", follow_redirects: bool = False, **kwargs: Any
    ) -> Any:
        from quart.testing import sentinel

        defaults = {"json": sentinel, "scheme": "http", "root_path": "", "http_version": "1.1"}
        values = [kwargs.pop(name, defaults.get(name)) for name in QUART_PARAMETERS]
        if kwargs:
            raise TypeError(f"Quart's test client does not take {', '.join(kwargs)}")
        response = await self._make_request(path, method, *values)
        while follow_redirects and response.status_code in REDIRECTS:
            response = await from_loop(self.resolve_redirect, response)
        return response

    async def _make_request(self, path: str, method: str, *values: Any) -> Any:
        """Send one request, with Quart's signature: subclasses written for Quart's client extend this method."""
        from quart.testing import sentinel

        pairs = zip(QUART_PARAMETERS, values, strict=False)
        arguments = {name: value for name, value in pairs if value not in (None, sentinel)}
        return await from_loop(self._open, path, method=method, **arguments)

    def session_transaction(self, *args: Any, **kwargs: Any) -> Any:
        """Open the client's session, for `with` and for `async with`, and store it at the end of the block.

        Raises TypeError if the client keeps no cookies, RuntimeError if the session interface opens no session.
        """
        return Transaction(self._transaction(*args, **kwargs))

    @contextmanager
    def _transaction(self, *args: Any, **kwargs: Any) -> Iterator[SessionMixin]:
        if cookies_of(self) is None:
            raise TypeError("Cookies are disabled. Create a client with 'use_cookies=True'.")
        app: Any = self.application
        interface, context = app.session_interface, app.test_request_context(*args, **kwargs)
        send_cookies(self, context.request.environ)
        with context:
            session = context.opened_session
        if interface.is_null_session(session):
            raise RuntimeError("Session backend did not open a session.")
        yield session
        response = app.response_class()
        with context:
            app.ensure_sync(interface.save_session)(app, session, response)
        host, path = context.request.host.partition(":")[0], context.request.path
        keep_cookies(self, host, path, response.headers.getlist("Set-Cookie"))

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
        return QuartClient.request(self, path, **kwargs)  # type: ignore[arg-type]  # it takes the app and the cookies

    @property
    def http_connection_class(self) -> type:
        """The class of the connections that `request` opens: Quart's."""
        from quart.testing.connections import TestHTTPConnection

        return TestHTTPConnection


class Transaction:
    """The context manager of an open session, for `with` and for `async with`."""

    def __init__(self, manager: AbstractContextManager[SessionMixin]) -> None:
        self._manager = manager

    def __enter__(self) -> SessionMixin:
        return self._manager.__enter__()

    def __exit__(self, *exc_info: Any) -> bool | None:
        return self._manager.__exit__(*exc_info)

    async def __aenter__(self) -> SessionMixin:
        session: SessionMixin = await from_loop(self._manager.__enter__)
        return session

    async def __aexit__(self, *exc_info: Any) -> bool | None:
        suppressed: bool | None = await from_loop(self._manager.__exit__, *exc_info)
        return suppressed


def cookiejar_cookie(cookie: Cookie) -> SimpleNamespace:
    expires = None if cookie.expires is None else int(cookie.expires.timestamp())
    if cookie.max_age is not None:  # Max-Age has precedence (RFC 6265 section 4.1.2.2)
        expires = int(time.time()) + cookie.max_age
    return SimpleNamespace(
        name=cookie.key,
        value=cookie.value,
        domain=cookie.domain,
        path=cookie.path,
        secure=bool(cookie.secure),
        expires=expires,
    )


def without_server(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Translate cookie arguments of Quart's client, which begin with a server name, into those of Werkzeug's."""
    server = args[0] if args else kwargs["server_name"]
    others = {name: value for name, value in kwargs.items() if name != "server_name"}
    return args[1:], {**others, "domain": others.get("domain") or server or "localhost"}
