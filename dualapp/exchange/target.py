"""Read a request whose target is an absolute URI as one whose target is a path.

A server has to accept `GET http://host/path HTTP/1.1`, and to take the host from there instead of from the Host header
(RFC 9112 section 3.2.2). Some servers hand the whole URI on as the path, others drop the host, so both entries look for
one before any middleware does, which may let requests pass by their path or their host.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from .translation import Scope, raw_target

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# The authority of an absolute URI, and all that follows it.
split_uri = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL).fullmatch


def take_path(environ: WSGIEnvironment) -> None:
    """Change an environ as if the path and the host of its target had been sent."""
    path = environ.get("PATH_INFO") or "/"
    target = raw_target(environ) or path
    if target[0] != "/" and (uri := split_uri(target)):
        environ["HTTP_HOST"] = host_of(uri[1])
        environ.update({key: rooted(uri[2]) for key in ("RAW_URI", "REQUEST_URI") if key in environ})
        if below := split_uri(path):
            environ["PATH_INFO"] = rooted(below[2])


def with_path(scope: Scope) -> Scope:
    """Return a scope as it would be if the path and the host of its target had been sent."""
    uri, raw_uri = split_uri(scope["path"]), split_uri((scope.get("raw_path") or b"").decode("latin-1"))
    if uri is None:
        return scope
    host = (b"host", host_of((raw_uri or uri)[1]).encode("latin-1", "replace"))
    return {
        **scope,
        "path": rooted(uri[2]),
        "raw_path": rooted(raw_uri[2]).encode("latin-1") if raw_uri else None,
        "headers": [host, *((name, value) for name, value in scope["headers"] if name != b"host")],
    }


def with_path_first(app: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Wrap an ASGI app to get its scopes from `with_path`."""

    def call(scope: Scope, receive: Any, send: Any) -> Awaitable[None]:
        return app(scope if scope.get("path", "/").startswith("/") else with_path(scope), receive, send)

    return call


def host_of(authority: str) -> str:
    """Return the host and the port of an authority, which may name a user as well (RFC 9110 section 4.2.4)."""
    return authority.rpartition("@")[2]


def rooted(path: str) -> str:
    """Return the path as a client sends it: an empty one is `/` (RFC 9112 section 3.2.1)."""
    return path if path.startswith("/") else "/" + path
