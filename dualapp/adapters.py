"""Serve an app of one kind to servers of the other: a DualApp in which it is the only one mounted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from .app import DualApp
from .entries.kinds import Kind, told_kind

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

ASGIApplication = Callable[[Any, Any, Any], Awaitable[None]]


def as_wsgi(app: ASGIApplication) -> WSGIApplication:
    """Return a WSGI application that serves an ASGI 3 app on the host loop.

    The app's lifespan begins with the process, where `dualapp.gunicorn` configures gunicorn, else with the first
    request. Raises TypeError if `app` is not ASGI.
    """
    return around(app, Kind.ASGI).wsgi


def as_asgi(app: WSGIApplication, threads: int = 40) -> ASGIApplication:
    """Return an ASGI application that serves a WSGI app to HTTP requests, in so many threads at most.

    Raises TypeError if `app` is not WSGI.
    """
    host = around(app, Kind.WSGI)
    host.config["THREAD_POOL_SIZE"] = threads
    return host.asgi


def around(app: Any, kind: Kind) -> DualApp:
    """Return a DualApp whose only mount is `app`. Raises TypeError if `app` is of the other kind."""
    if told_kind(app) not in (kind, Kind.BOTH, None):
        raise TypeError(f"{app!r} does not speak {kind.upper()}.")
    host = DualApp("dualapp", static_folder=None)
    host.mount("/", app, kind="wsgi" if kind is Kind.WSGI else "asgi")
    return host
