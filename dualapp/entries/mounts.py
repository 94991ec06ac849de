"""The apps that are mounted in a DualApp: which of them answers a request, and how its path is divided.

The longest path wins. A route of the DualApp itself wins where it matches the request, unless the part of its rule
before the first variable is shorter than the path of the mount: `/admin/<name>` wins over a mount at `/admin`, and a
mount at `/admin` over `/<path:page>`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect, Rule
from werkzeug.utils import redirect

from ..exchange.translation import Scope, as_latin1, from_latin1, path_of, root_path_of
from ..exchange.wsgi_exchange import asks_for_websocket
from ..pipeline.context import Context
from ..pipeline.generation import Generation
from ..shortcuts.plain_response import raw_pairs
from .asgi_messages import chunk_of, start_message
from .kinds import Kind

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from ..exchange.exchange import Exchange
    from ..pipeline.plans import Plans


#: A limit to what is kept: clients may ask for any path.
MOST_PATHS = 1024


@dataclass(frozen=True, eq=False)
class Mount:
    """An app below a path, and perhaps of one host."""

    #: Without a slash at its end.
    path: str
    host: str | None
    wsgi: Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]
    asgi: Callable[[Any, Any, Any], Awaitable[None]]
    kind: Kind
    #: The endpoint for `url_for`.
    name: str | None = None
    #: Whether a request for the path itself is sent to the path with a slash, as Starlette's `Mount` does. WSGI apps
    #: send it there themselves, as below `DispatcherMiddleware`.
    adds_slash: bool = False
    #: The state of its lifespan (ASGI spec, "Lifespan State").
    state: dict[str, Any] = field(default_factory=dict)
    #: The generation of a DualApp, to call its chosen entries directly; an empty one for other apps.
    generation: Generation = field(default_factory=Generation)
    #: The path as an environ has it (PEP 3333).
    raw_path: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "raw_path", as_latin1(self.path))

    def answers(self, host: str | None, path: str) -> bool:
        """Tell whether a request to this host and path is for this app."""
        if self.path and (not path.startswith(self.path) or path[len(self.path) :][:1] not in ("", "/")):
            return False
        return self.host is None or (host or "").lower() in (self.host, self.host.partition(":")[0])

    def answer_wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, whose `SCRIPT_NAME` grows by the path (PEP 3333)."""
        below = environ.get("PATH_INFO", "")[len(self.raw_path) :]
        if self.adds_slash and not below and not asks_for_websocket(environ):
            path = from_latin1(environ.get("SCRIPT_NAME", "")) + self.path
            response = redirect(with_slash(path, environ.get("QUERY_STRING", "")), 307)
            return [b"".join(response(environ, start_response))]  # one chunk for HEAD too, as ASGIUnderWSGI does
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + self.raw_path
        environ["PATH_INFO"] = below
        return self.wsgi(environ, start_response)

    def answer_asgi(self, scope: Scope, receive: Any, send: Any) -> Awaitable[None]:
        """Answer a request or a websocket, whose `root_path` grows by the path (ASGI spec)."""
        if root_path := root_path_of(scope):
            scope = {**scope, "path": root_path + path_of(scope)}  # some servers leave root_path out of path
        below_root = root_path + self.path
        if self.adds_slash and scope["path"] == below_root and scope["type"] == "http":
            return send_redirect(with_slash(below_root, scope["query_string"].decode("latin-1")), send)
        return self.answer_at(below_root, scope, receive, send)

    def answer_at(self, root_path: str, scope: Scope, receive: Any, send: Any) -> Awaitable[None]:
        """Answer with this `root_path`, and with the state of the app's lifespan."""
        if self.path:
            scope = {**scope}
            scope["root_path"] = root_path
        if self.state:
            scope = {**scope, "state": {**scope.get("state", {}), **self.state}}
        return self.asgi(scope, receive, send)


class Mounts:
    """The mounts of one app."""

    def __init__(self, app: flask.Flask, generation: Generation) -> None:
        self._app = app
        self._generation = generation
        #: Those of one host first, then by the length of their paths.
        self.all: list[Mount] = []
        #: By `id(app)`, the app and its lifespan's state: one state, however often the app is mounted.
        self._states: dict[int, tuple[Any, dict[str, Any]]] = {}
        #: Per mount, the path prefixes at which a route may win.
        self._contested: dict[Mount, tuple[str, ...]] = {}
        #: (prefix of the mount, prefixes below it that another mount or a route may win, the mount).
        self._sure: list[tuple[str, tuple[str, ...], Mount]] = []
        #: The generation that the two above were computed in.
        self._made_in = -1

    def state_of(self, app: Any) -> dict[str, Any]:
        """Return the state of an app's lifespan: a new one unless the app is mounted already."""
        return self._states.get(id(app), (app, {}))[1]

    def keep_state(self, app: Any, state: dict[str, Any]) -> bool:
        """Keep the state of an app that is mounted now; tell whether this is its first mount."""
        is_first = id(app) not in self._states
        self._states[id(app)] = app, state
        return is_first

    def add(self, mount: Mount) -> None:
        """Add a mount. Raises ValueError if there is one at this path and host."""
        if any((other.path, other.host) == (mount.path, mount.host) for other in self.all):
            raise ValueError(f"An app is mounted at {mount.path or '/'!r} already.")
        self.all.append(mount)
        self._made_in = -1
        self.all.sort(key=lambda each: (each.host is not None, len(each.path)), reverse=True)

    @property
    def have_hosts(self) -> bool:
        """Whether a mount is for one host."""
        return self.all[0].host is not None

    def find_surely(self, path: str) -> tuple[Mount, str] | None:
        """Return the mount that answers a request to a path, and the path below it; None if the path does not tell.

        The path may be decoded or not. What is found is kept in the generation's `found_mounts`; the entries look there
        before they call this.
        """
        known = self._generation.found_mounts
        if self._made_in != self._generation.number:
            self._compare_rules()
        found = self._look_up(path)
        if found is not None:
            if len(known) >= MOST_PATHS:
                known.clear()
            known[path] = found
        return found

    def _look_up(self, path: str) -> tuple[Mount, str] | None:
        for prefix, doubtful, mount in self._sure:
            if path.startswith(prefix):
                is_sure = not path.startswith(doubtful) and "//" not in path
                return (mount, path[len(mount.path) :]) if is_sure else None
        return None

    def find(
        self, host: str | None, path: str, exchange_of: Callable[[Any], Exchange], request: Any, plans: Plans
    ) -> Mount | None:
        """Return the mount that answers a request; None if none does, or a route of the app does.

        `exchange_of(request)` is called only where the path does not decide.
        """
        mount = self.at(host, path)
        if mount is None:
            return None
        if self._made_in != self._generation.number:
            self._compare_rules()
        may_have_route = path.startswith(self._contested[mount]) or "//" in path
        return None if may_have_route and self._has_route(mount, exchange_of(request), plans) else mount

    def find_for_websocket(self, host: str | None, path: str) -> Mount | None:
        """Return the mount that a websocket of an ASGI server is for, as `find` does."""
        mount = self.at(host, path)
        if mount is None:
            return None
        try:
            rule, _ = self._app.url_map.bind(host or "").match(path, "GET", websocket=True, return_rule=True)
        except HTTPException:
            return mount
        return None if competes(rule, mount) else mount

    def at(self, host: str | None, path: str) -> Mount | None:
        """Return the mount at a path, whichever routes there are."""
        for mount in self.all:
            if mount.answers(host, path):
                return mount
        return None

    def _has_route(self, mount: Mount, exchange: Exchange, plans: Plans) -> bool:
        """Tell whether a route of the app itself wins over a mount."""
        context = Context(self._app, exchange)
        copy_context().run(matched, context, plans)
        if isinstance(context.routing_exception, RequestRedirect):
            return True
        return context.rule is not None and competes(context.rule, mount)

    def _compare_rules(self) -> None:
        rules = [*self._app.url_map.iter_rules()]
        self._contested = {
            mount: tuple({literal_of(rule).rstrip("/") for rule in rules if competes(rule, mount)})
            for mount in self.all
        }
        self._sure = [] if self.have_hosts else [self._row_of(mount) for mount in self.all if mount.path.isascii()]
        self._made_in = self._generation.number  # iterating sorted the rules, which itself advances it

    def _row_of(self, mount: Mount) -> tuple[str, tuple[str, ...], Mount]:
        deeper = [other.path for other in self.all if len(other.path) > len(mount.path)]
        doubtful = {*self._contested[mount], *deeper}
        return f"{mount.path}/", tuple(doubtful | set(map(as_latin1, doubtful))), mount


def competes(rule: Rule, mount: Mount) -> bool:
    """Tell whether a rule wins over a mount where it matches."""
    literal = literal_of(rule)
    return not rule.build_only and literal.startswith(mount.path) and literal[len(mount.path) :][:1] in ("", "/")


def literal_of(rule: Rule) -> str:
    """Return the part of a rule before its first variable."""
    return rule.rule.partition("<")[0]


def matched(context: Context, plans: Plans) -> None:
    context.enter()
    try:
        plans.find(context)
    finally:
        context.leave()


def with_slash(path: str, query: str) -> str:
    return quote(path) + "/" + ("?" + query if query else "")


async def send_redirect(location: str, send: Any) -> None:
    response = redirect(location, 307)
    await send(start_message(307, raw_pairs(response.get_wsgi_headers({}).to_wsgi_list())))
    await send(chunk_of(response.get_data(), more=False))
