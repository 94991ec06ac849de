"""Mount apps of either kind in a DualApp, and put middleware of either kind around both of its entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from types import GeneratorType
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.wsgi import ClosingIterator

from ..crossing.green_file import GreenFile
from ..crossing.os_threads import is_green
from ..crossing.own_loops import call_with_own_loops
from ..crossing.thread_pool import Threads
from ..exchange.translation import Scope
from ..pipeline.generation import Generation
from ..pipeline.overrides import is_replaced
from .asgi_under_wsgi import ASGIApp, ASGIUnderWSGI
from .foreign_calls import ForeignBody, call_foreign
from .foreign_lifespan import ForeignLifespan
from .kinds import Kind, kind_of
from .mounts import Mount, Mounts
from .websockets_under_wsgi import WebsocketsUnderWSGI
from .wsgi_under_asgi import WSGIUnderASGI

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from werkzeug.wrappers import Response


class Mounting:
    """Mounts apps in one DualApp, and wraps its entries, with adapters for the entry of the other kind."""

    def __init__(self, app: Any, mounts: Mounts, threads: Threads, websockets: WebsocketsUnderWSGI) -> None:
        """`threads` run mounted WSGI apps; `websockets` takes connections over for mounted ASGI apps."""
        self._app = app
        self._mounts = mounts
        self._threads = threads
        self._websockets = websockets
        #: The entries as `add_middleware` wrapped them.
        self._wrapped: tuple[Any, Any] = (None, None)

    def mount(
        self, path: str, other: Any, host: str | None, said_kind: str | None, name: str | None, hooks: bool
    ) -> None:
        """Mount an app, as `DualApp.mount` says."""
        kind, state = kind_of(other, said_kind), self._mounts.state_of(other)
        wsgi, asgi = self._on_both(other, kind, state)
        path_below = normal_path(path)
        adds_slash = kind is Kind.ASGI and path_below != ""
        mount = Mount(path_below, host, wsgi, asgi, kind, name, adds_slash, state, generation_of(other))
        if hooks:
            add_view(self._app, mount, name or f"mounted at {path}")
        else:
            self._mounts.add(mount)
            self._app._mounts = self._mounts  # where both entries look from now on
            if name is not None:
                add_urls(self._app, mount)
        if self._mounts.keep_state(other, state) and kind is not Kind.WSGI:  # which has no lifespan
            self._app.while_serving_gens.append(ForeignLifespan(other, asgi, state).run)

    def add_middleware(self, middleware: Callable[..., Any], said_kind: str | None, options: dict[str, Any]) -> None:
        """Wrap both entries, as `DualApp.add_middleware` says."""
        app, kind = self._app, kind_of(middleware, said_kind)
        if (vars(app).get("wsgi_app"), vars(app).get("asgi_app")) != self._wrapped:
            raise RuntimeError("Add middleware for both entries before you replace `wsgi_app` or `asgi_app`.")
        wrapped = middleware(app.asgi_app if kind is Kind.ASGI else app.wsgi_app, **options)
        self._wrapped = app.wsgi_app, app.asgi_app = self._through_both(wrapped, kind)

    def _on_both(self, other: Any, kind: Kind, state: dict[str, Any]) -> tuple[WSGIApplication, Any]:
        """Return an app as WSGI and as ASGI; its lifespan fills `state`."""
        if kind is Kind.BOTH:
            return other.wsgi, other.asgi
        if kind is Kind.ASGI:
            return ASGIUnderWSGI(other, self._websockets, state), other
        wsgi = partial(call_as_alone, other)
        return wsgi, self._to_asgi(wsgi)

    def _through_both(self, wrapped: Any, kind: Kind) -> tuple[WSGIApplication, ASGIApp]:
        """Return wrapped entries as WSGI and as ASGI; under ASGI, WSGI middleware sees only HTTP."""
        if kind is Kind.ASGI:
            return ASGIUnderWSGI(wrapped, self._websockets), wrapped
        adapter, below = self._to_asgi(wrapped), self._app.asgi_app

        async def asgi_app(scope: Scope, receive: Any, send: Any) -> None:
            await (adapter if scope["type"] == "http" else below)(scope, receive, send)

        return wrapped, asgi_app

    def _to_asgi(self, app: WSGIApplication) -> WSGIUnderASGI:
        return WSGIUnderASGI(app, self._threads, lambda: self._app.config["BODY_TIMEOUT"])


def normal_path(path: str) -> str:
    """Return a path without a slash at its end: "" for the root. Raises ValueError if it does not begin with one."""
    if not path.startswith("/"):
        raise ValueError(f"The path of a mount begins with a slash: {'/' + path!r} instead of {path!r}.")
    return path.rstrip("/")


def call_as_alone(app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Call a WSGI app whose async code has loops of its own, as it has without dualapp.

    Flask's async views call sync code that waits: for a database, or for the rest of the body, which under an ASGI
    server only the server's loop can receive. On the host loop they would stop all other requests, or wait for
    themselves.
    """
    if is_green():
        environ["wsgi.input"] = GreenFile(environ["wsgi.input"])
    body = call_foreign(call_with_own_loops, app, environ, start_response)
    # Not a list, which has no code to call, nor a file, which servers know by its class.
    return ForeignBody(body) if isinstance(body, ClosingIterator | GeneratorType) else body


def generation_of(other: Any) -> Generation:
    """Return a DualApp's generation, which holds its entries; a new one for other apps."""
    generation = getattr(other, "_generation", None)
    if isinstance(generation, Generation) and not (is_replaced(other, "wsgi") or is_replaced(other, "asgi")):
        return generation
    return Generation()


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
