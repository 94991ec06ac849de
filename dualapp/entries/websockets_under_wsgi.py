"""Serve websockets whose clients come in through a WSGI server: on connections that are taken over from it.

The app's own websockets, and ASGI apps that are mounted in it, speak with the client in ASGI messages, on the host
loop. The server's thread is given back at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.exceptions import HTTPException, ServiceUnavailable
from werkzeug.exceptions import NotImplemented as NotImplementedHere

from ..crossing.bridge import spawn
from ..exchange.translation import TOLD_OF_END, Scope
from ..exchange.wsgi_exchange import WSGIExchange
from .takeover import NoSocket, connection_of, take_over

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from ..lifespan import Lifespan
    from .websocket_server import WebsocketConnection

Serve = Callable[[Any, Any, Any], Awaitable[None]]


class WebsocketsUnderWSGI:
    """The websockets of one app under WSGI, at most WEBSOCKET_MAX."""

    def __init__(self, app: flask.Flask, lifespan: Lifespan) -> None:
        self._app = app
        self._lifespan = lifespan
        #: The sockets that were taken over, even before the loop knows them.
        self._taken: set[Any] = set()

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse, serve: Serve) -> Iterable[bytes]:
        """Take a handshake's connection over, and have `serve`, an ASGI app, speak with the client.

        A refusal before the connection is taken is a response of the server's.
        """
        try:
            self._take_over(environ, serve)
        except HTTPException as refusal:
            return refusal(environ, start_response)
        start_response("101 Switching Protocols", [])  # this goes nowhere
        return []

    def _take_over(self, environ: WSGIEnvironment, serve: Serve) -> None:
        try:
            from .websocket_server import WebsocketConnection
        except ModuleNotFoundError:
            raise NotImplementedHere("Websockets under WSGI need: pip install 'dualapp[websockets]'") from None
        if len(self._taken) >= self._app.config["WEBSOCKET_MAX"]:
            raise ServiceUnavailable("This process has as many websockets as it may (WEBSOCKET_MAX).")
        try:
            descriptor = connection_of(environ)
        except NoSocket as reason:
            raise NotImplementedHere(str(reason)) from None
        scope = websocket_scope(environ)
        socket, rest = take_over(descriptor)
        self._taken.add(socket)
        spawn(self._serve_taken, serve, scope, WebsocketConnection, socket, rest, environ.get(TOLD_OF_END))

    async def _serve_taken(
        self, serve: Serve, scope: Scope, cls: type[WebsocketConnection], socket: Any, rest: Any, tell: Any
    ) -> None:
        """Serve a websocket on a connection that was taken over; `rest` has what the server still writes.

        `tell` is a test client's, or None.
        """
        loop = asyncio.get_running_loop()
        connection: WebsocketConnection | None = None
        error = None
        try:
            await loop.connect_accepted_socket(asyncio.Protocol, rest)
            _, connection = await loop.connect_accepted_socket(partial(cls, scope, self._app.config), socket)
            self._lifespan.connections.add(connection)
            if not connection.is_answered:
                await serve(scope, connection.receive, connection.send)
        except Exception as raised:
            error = raised
            if tell is None:
                self._app.logger.exception("Exception on websocket %s", scope["path"])
        finally:
            if connection is None:
                socket.close()
            else:
                connection.finish(error is not None)
                await connection.ended
                self._lifespan.connections.discard(connection)
            self._taken.discard(socket)
            if tell is not None:
                tell(error)


def websocket_scope(environ: WSGIEnvironment) -> Scope:
    """Make the scope of a handshake that came in through WSGI."""
    scope = WSGIExchange(environ).scope
    offered = environ.get("HTTP_SEC_WEBSOCKET_PROTOCOL", "")
    return {
        **scope,
        "type": "websocket",
        "scheme": scope["scheme"].replace("http", "ws", 1),
        "subprotocols": [name.strip() for name in offered.split(",") if name.strip()],
        "extensions": {"websocket.http.response": {}},
    }
