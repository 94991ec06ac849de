"""Open the session of a test client, change it, and store it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from flask.sessions import SessionMixin

from ..compat.upstream import cookies_of, keep_cookies, send_cookies
from ..crossing.thread_pool import from_loop


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


@contextmanager
def opened_session(client: Any, *args: Any, **kwargs: Any) -> Iterator[SessionMixin]:
    """Open the client's session in a request context of these arguments; keep the cookies of the changed session."""
    if cookies_of(client) is None:
        raise TypeError("Cookies are disabled. Create a client with 'use_cookies=True'.")
    app: Any = client.application
    interface, context = app.session_interface, app.test_request_context(*args, **kwargs)
    send_cookies(client, context.request.environ)
    with context:
        session = context.opened_session
    if interface.is_null_session(session):
        raise RuntimeError("Session backend did not open a session.")
    yield session
    response = app.response_class()
    with context:
        app.ensure_sync(interface.save_session)(app, session, response)
    host, path = context.request.host.partition(":")[0], context.request.path
    keep_cookies(client, host, path, response.headers.getlist("Set-Cookie"))
