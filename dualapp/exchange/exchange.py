"""What a gateway knows of one request: each gateway has its own, and says it in the other's words when asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from werkzeug.datastructures import EnvironHeaders

from .body import Body
from .translation import Scope

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class Exchange(Protocol):
    """One request on its way through the app."""

    @property
    def method(self) -> str:
        """The method, as the client wrote it."""

    @property
    def path(self) -> str:
        """The path below the mount point, decoded."""

    @property
    def host(self) -> str | bytes | None:
        """The Host header, as the server gives it."""

    @property
    def upgrades(self) -> bool:
        """Whether the client asks for another protocol, on which Werkzeug's routing looks too."""

    @property
    def environ(self) -> WSGIEnvironment:
        """The request in WSGI's words."""

    @property
    def fields(self) -> WSGIEnvironment:
        """That part of the environ at least which is made of the headers."""

    @property
    def headers(self) -> EnvironHeaders:
        """What the request says of its headers, as Werkzeug has it."""

    @property
    def stream(self) -> Any:
        """What sync code reads the body from: `wsgi.input`."""

    @property
    def content_type(self) -> str:
        """The Content-Type header, empty if there is none."""

    @property
    def query_string(self) -> bytes:
        """What follows the question mark, not decoded."""

    @property
    def scope(self) -> Scope:
        """The request in ASGI's words."""

    @property
    def has_cookies(self) -> bool:
        """Whether there is a Cookie header."""

    @property
    def cookies(self) -> str | None:
        """The Cookie header, None if there is none."""

    @property
    def body(self) -> Body:
        """What the client sends."""

    def read_ahead(self) -> None:
        """Read a short body, from a thread, before code on the loop is called, which could not wait for it."""
