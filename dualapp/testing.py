"""The test client, for tests of either colour: Flask's, with what Quart's has beyond it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from types import SimpleNamespace, TracebackType
from typing import TYPE_CHECKING, Any, Self

from flask.sessions import SessionMixin
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import Cookie

from .compat.upstream import cookies_of, keep_cookies, send_cookies
from .crossing.colour import caller_is_async
from .crossing.thread_pool import from_loop

if TYPE_CHECKING:
    pass

# What Quart's client hands over from one of its methods to the next, in this order, after the path and the method.
QUARTS = (
    *("headers", "data", "form", "files", "query_string", "json"),
    *("scheme", "root_path", "http_version", "scope_base", "auth", "subdomain"),
)
REDIRECTS = (301, 302, 303, 305, 307, 308)


def in_werkzeugs_words(path: str, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return a path and arguments for Werkzeug's EnvironBuilder, of such as Quart's tests have them."""
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


# How a WSGI app is asked for the context, which is entered again.
PRESERVE = "werkzeug.debug.preserve_context"


class DualClient(FlaskClient):
    """Flask's test client; in `async def` code its requests are awaited, and run beside the loop of the test."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The contexts that `async with` keeps until the next request: in the code of the test, not where it ran.
        self._stack: AsyncExitStack | None = None
        self._kept: list[Any] = []

    async def __aenter__(self) -> Self:
        if self._stack is not None:
            raise RuntimeError("Cannot nest client invocations")
        self._stack = AsyncExitStack()
        self.environ_base[PRESERVE] = self._kept.append  # type: ignore[assignment]  # environs have more than strings
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        stack, self._stack = self._stack, None
        self.environ_base.pop(PRESERVE, None)
        if stack is not None:
            await stack.aclose()

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request that may have any method."""
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
        return from_loop(self.open, *args, **kwargs)  # a subclass's own, of either colour

    def _open(self, *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], str):
            path, kwargs = in_werkzeugs_words(args[0], kwargs)
            args = (path, *args[1:])
        return super().open(*args, **kwargs)

    async def _open_async(self, *args: Any, **kwargs: Any) -> Any:
        if self._stack is not None:
            await self._stack.aclose()
        if type(self)._make_request is DualClient._make_request:
            response = await from_loop(self._open, *args, **kwargs)
        else:
            response = await self._open_like_quart(*args, **kwargs)
        while self._kept and self._stack is not None:
            await self._stack.enter_async_context(self._kept.pop(0))
        return response

    async def _open_like_quart(
        self, path: str, *, method: str = "GET", follow_redirects: bool = False, **kwargs: Any
    ) -> Any:
        from quart.testing import sentinel

        defaults = {"json": sentinel, "scheme": "http", "root_path": "", "http_version": "1.1"}
        values = [kwargs.pop(name, defaults.get(name)) for name in QUARTS]
        if kwargs:
            raise TypeError(f"Quart's test client does not take {', '.join(kwargs)}")
        response = await self._make_request(path, method, *values)
        while follow_redirects and response.status_code in REDIRECTS:
            response = await from_loop(self.resolve_redirect, response)
        return response

    async def _make_request(self, path: str, method: str, *values: Any) -> Any:
        """Send one request in Quart's way; subclasses that are made for Quart's client extend this method."""
        from quart.testing import sentinel

        given = {name: value for name, value in zip(QUARTS, values, strict=False) if value not in (None, sentinel)}
        return await from_loop(self._open, path, method=method, **given)

    def session_transaction(self, *args: Any, **kwargs: Any) -> Any:
        """Open the session that the client has, for `with` and for `async with`, and store it afterwards."""
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

    # What Quart's client has.

    @property
    def app(self) -> Any:
        """The app that is tested."""
        return self.application

    @property
    def cookie_jar(self) -> list[Any] | None:
        """The cookies with the attributes that those of `http.cookiejar` have, None if the client keeps none."""
        cookies = cookies_of(self)
        return None if cookies is None else list(map(as_in_a_jar, cookies.values()))

    def set_cookie(self, *args: Any, **kwargs: Any) -> None:
        """Set a cookie: a key and a value, as for Werkzeug's client, or a server, a key and a value, as for Quart's."""
        if len(args) + len({"server_name", "key", "value"} & kwargs.keys()) > 2:
            kwargs.setdefault("origin_only", kwargs.get("domain") is None)
            args, kwargs = without_server(args, kwargs)
        super().set_cookie(*args, **kwargs)

    def delete_cookie(self, *args: Any, **kwargs: Any) -> None:
        """Delete a cookie: a key, as for Werkzeug's client, or a server and a key, as for Quart's."""
        if len(args) + len({"server_name", "key"} & kwargs.keys()) > 1:
            args, kwargs = without_server(args, kwargs)
        super().delete_cookie(*args, **kwargs)

    def request(self, path: str, **kwargs: Any) -> Any:
        """Open a connection for one request, whose body and answer go piece by piece through the ASGI entry."""
        from quart.testing import QuartClient

        kwargs["headers"] = Headers(kwargs.get("headers"))
        if "Content-Length" not in kwargs["headers"]:
            kwargs["headers"]["Transfer-Encoding"] = "chunked"  # or there would be no body (RFC 9112 section 6.3)
        return QuartClient.request(self, path, **kwargs)  # type: ignore[arg-type]  # it takes the app and the cookies

    @property
    def http_connection_class(self) -> type:
        """The class of such connections: Quart's."""
        from quart.testing.connections import TestHTTPConnection

        return TestHTTPConnection


class Transaction:
    """A session that is open in a test of either colour."""

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


def as_in_a_jar(cookie: Cookie) -> SimpleNamespace:
    expires = None if cookie.expires is None else int(cookie.expires.timestamp())
    if cookie.max_age is not None:  # which goes first (RFC 6265 section 4.1.2.2)
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
    """Return arguments for a cookie of Werkzeug's client, of such as Quart's begin with the name of the server."""
    server = args[0] if args else kwargs["server_name"]
    others = {name: value for name, value in kwargs.items() if name != "server_name"}
    return args[1:], {**others, "domain": others.get("domain") or server or "localhost"}
