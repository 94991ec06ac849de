"""Take a connection over from a WSGI server, for a websocket: the server's thread is given back at once.

The descriptor is duplicated, and one end of a fresh pair of sockets is put in the place of the server's own. Whatever
the server writes or closes from then on goes nowhere: its 101 must not reach the client, and a server that finds its
socket closed or detached logs an error.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..compat.upstream import socket_of
from ..crossing.os_threads import unpatched

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class NoSocket(Exception):
    """The server does not give its connection away; the message says why, and what to use instead."""


def gunicorns(environ: WSGIEnvironment) -> Any:
    return environ.get("gunicorn.socket")


def werkzeugs(environ: WSGIEnvironment) -> Any:
    return environ.get("werkzeug.socket")


def gevents(environ: WSGIEnvironment) -> Any:
    """Of `gevent.pywsgi`: the input of a request to upgrade is the connection's own file."""
    socket = socket_of(environ.get("wsgi.input"))
    return socket if type(socket).__module__.startswith("gevent.") else None


def uwsgis(environ: WSGIEnvironment) -> Any:
    if "uwsgi.version" not in environ:
        return None
    import uwsgi  # type: ignore[import-untyped]  # there only within the server

    return uwsgi.connection_fd()


def waitress(environ: WSGIEnvironment) -> Any:
    """Of waitress: the method that tells whether the client has left belongs to the channel."""
    return getattr(getattr(environ.get("waitress.client_disconnected"), "__self__", None), "socket", None)


def cheroots(environ: WSGIEnvironment) -> Any:
    """Of cheroot: below the readers that know the length of the body is that of the connection."""
    stream = environ.get("wsgi.input")
    while stream is not None and type(stream).__module__.startswith("cheroot"):
        if (socket := socket_of(stream)) is not None:
            return socket
        stream = getattr(stream, "rfile", None)
    return None


#: Where each server keeps the connection of a request.
SOCKETS: list[Callable[[WSGIEnvironment], Any]] = [gunicorns, werkzeugs, gevents, uwsgis, waitress, cheroots]


def connection_of(environ: WSGIEnvironment) -> int:
    """Return the descriptor of a request's connection. Raises NoSocket if there is none, or it is encrypted."""
    found = next(filter(lambda each: each is not None, (find(environ) for find in SOCKETS)), None)
    if found is None:
        server = environ.get("SERVER_SOFTWARE") or "This WSGI server"
        raise NoSocket(f"{server} does not give connections away for websockets; gunicorn and ASGI servers can.")
    if isinstance(found, ssl.SSLSocket):
        raise NoSocket("Websockets under WSGI need a server in front of this one that ends TLS, such as nginx.")
    return found if isinstance(found, int) else found.fileno()


def take_over(descriptor: int) -> tuple[Any, Any]:
    """Take a connection from its server; return its socket, and the one that the server's is a pair with now."""
    socket = unpatched("socket", "socket")
    connection = socket(fileno=os.dup(descriptor))
    ours, theirs = unpatched("socket", "socketpair")()
    os.dup2(theirs.fileno(), descriptor)
    theirs.close()
    ours.shutdown(1)  # a server that waits for another request finds the end at once
    for taken in (connection, ours):
        taken.setblocking(False)
    return connection, ours
