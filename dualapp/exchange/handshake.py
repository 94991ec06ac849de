"""The opening handshake of a websocket as an exchange: a GET request, which hooks, sessions and URLs can look at."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from .asgi_exchange import ASGIExchange, Loop, Receive
from .body import NO_BODY, Body
from .translation import Scope, environ_from, fields_from

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class Handshake(ASGIExchange):
    """The request of a client that wants a websocket; it has no body."""

    def __init__(self, scope: Scope, receive: Receive, loop: Loop) -> None:
        is_whole = "method" in scope and "http_version" in scope
        super().__init__(scope if is_whole else {"http_version": "1.1", **scope, "method": "GET"}, receive, loop)
        self.upgrades = True
        self.body = NO_BODY

    @property
    def content(self) -> Body:
        """No body: what the server hands on are the messages of the websocket."""
        return NO_BODY

    def forget_environ(self) -> None:
        """Let go of the environ, which is made anew for who asks for it: a websocket lasts."""
        self.__dict__.pop("environ", None)

    @cached_property
    def environ(self) -> WSGIEnvironment:
        """The request as an environ (PEP 3333), with the header by which Werkzeug knows it (HTTP/2 has none)."""
        fields = fields_from(self.scope["headers"])  # not kept, as a websocket lasts
        fields |= {"HTTP_UPGRADE": "websocket", "HTTP_CONNECTION": "Upgrade"}
        environ = environ_from(self.scope, fields, self.stream)
        environ["wsgi.url_scheme"] = self.scope.get("scheme", "ws").replace("ws", "http", 1)
        return environ
