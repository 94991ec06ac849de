"""Mount an app of either kind: make of it what answers on both entries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import flask

from ..crossing.own_loops import with_own_loops
from ..crossing.thread_pool import Threads
from ..exchange.translation import Scope
from .asgi_under_wsgi import ASGIApp, ASGIUnderWSGI
from .foreign_lifespan import ForeignLifespan
from .kinds import Kind
from .mounts import Mount
from .websockets_under_wsgi import WebsocketsUnderWSGI
from .wsgi_under_asgi import WSGIUnderASGI

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from werkzeug.wrappers import Response


class Adapters:
    """Makes the adapters between the two kinds, with what they need of the app that serves them."""

    def __init__(
        self, threads: Threads, body_timeout: Callable[[], float | None], websockets: WebsocketsUnderWSGI
    ) -> None:
        """Take the threads for WSGI apps, how long a read of their bodies may wait, and who takes connections over."""
        self._threads = threads
        self._body_timeout = body_timeout
        self._websockets = websockets

    def to_wsgi(self, app: ASGIApp, state: dict[str, Any] | None = None) -> ASGIUnderWSGI:
        """Make a WSGI app of an ASGI app, whose lifespan fills `state`."""
        return ASGIUnderWSGI(app, self._websockets, state)

    def to_asgi(self, app: WSGIApplication) -> WSGIUnderASGI:
        """Make an ASGI app of a WSGI app."""
        return WSGIUnderASGI(app, self._threads, self._body_timeout)


def through_both(app: Any, kind: Kind, below: ASGIApp, adapters: Adapters) -> tuple[WSGIApplication, ASGIApp]:
    """Return what calls middleware of one kind on the two entries; `below` has what is no HTTP under ASGI."""
    if kind is Kind.ASGI:
        return adapters.to_wsgi(app), app
    adapter = adapters.to_asgi(app)

    async def asgi_app(scope: Scope, receive: Any, send: Any) -> None:
        await (adapter if scope["type"] == "http" else below)(scope, receive, send)

    return app, asgi_app


def normal_path(path: str) -> str:
    """Return a path without a slash at its end: "" for the root. Raises ValueError if it does not begin with one."""
    if not path.startswith("/"):
        raise ValueError(f"The path of a mount begins with a slash: {'/' + path!r} instead of {path!r}.")
    return path.rstrip("/")


def mount_of(
    other: Any,
    kind: Kind,
    path: str,
    host: str | None,
    name: str | None,
    state: dict[str, Any],
    adapters: Adapters,
) -> Mount:
    """Make the mount of an app; its kind decides which entry needs an adapter."""
    wsgi, asgi = (other.wsgi, other.asgi) if kind is Kind.BOTH else (other, other)
    if kind is Kind.WSGI:
        wsgi = with_own_loops(other)
        asgi = adapters.to_asgi(wsgi)
    if kind is Kind.ASGI:
        wsgi = adapters.to_wsgi(other, state)
    return Mount(path, host, wsgi, asgi, kind, name, adds_slash=kind is Kind.ASGI and path != "", state=state)


def lifespan_of(other: Any, kind: Kind, state: dict[str, Any]) -> Callable[[], AsyncIterator[None]] | None:
    """Return what runs the app's lifespan as a `while_serving` function; None for a WSGI app, which has none."""
    if kind is Kind.WSGI:
        return None
    return ForeignLifespan(other, other.asgi if kind is Kind.BOTH else other, state).run


def add_urls(app: flask.Flask, mount: Mount) -> None:
    """Let `url_for(name, path="a/b")` build the URLs of a mount."""
    for rule in (f"{mount.path}/", f"{mount.path}/<path:path>"):
        app.url_map.add(app.url_rule_class(rule, endpoint=mount.name, host=mount.host, build_only=True))


def add_view(app: flask.Flask, mount: Mount, name: str) -> None:
    """Register a mount as a view for all methods, so that the app's hooks and error handlers run around it."""
    for rule in (f"{mount.path}/", f"{mount.path}/<path:path>"):
        made: Any = app.url_rule_class(rule, endpoint=name, strict_slashes=False, merge_slashes=False, host=mount.host)
        made.provide_automatic_options = False  # as Flask sets it
        app.url_map.add(made)
    app.view_functions[name] = partial(view, mount)


def view(mount: Mount, path: str = "") -> Response:
    """Answer the current request with a mounted app."""
    return flask.current_app.response_class.from_app(mount.answer_wsgi, {**flask.request.environ})
