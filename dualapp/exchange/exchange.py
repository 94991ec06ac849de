"""The interface of an exchange, which each entry implements in a class of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from werkzeug.datastructures import EnvironHeaders

from .body import Body
from .translation import Scope

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class Exchange(Protocol):
    """One request as the server delivered it, with both the environ and the scope made on demand."""

    @property
    def method(self) -> str:
        """The method, as the client wrote it."""

    @property
    def path(self) -> str:
        """The path below the mount point, decoded."""

    @property
    def host(self) -> str | bytes | None:
        """The Host header, as the server delivers it."""

    @property
    def upgrades(self) -> bool:
        """Whether there is an Upgrade header, which Werkzeug's routing considers (websocket rules)."""

    @property
    def environ(self) -> WSGIEnvironment:
        """The request as an environ (PEP 3333)."""

    @property
    def fields(self) -> WSGIEnvironment:
        """The headers as entries of an environ, which may have its other entries too."""

    @property
    def headers(self) -> EnvironHeaders:
        """The headers, as the class that Werkzeug's requests have."""

    @property
    def stream(self) -> Any:
        """The body as the file that sync code reads: `wsgi.input`."""

    @property
    def content_type(self) -> str:
        """The Content-Type header, empty if there is none."""

    @property
    def query_string(self) -> bytes:
        """The query string, not decoded."""

    @property
    def scope(self) -> Scope:
        """The request as a scope (ASGI spec)."""

    @property
    def has_cookies(self) -> bool:
        """Whether there is a Cookie header."""

    @property
    def cookies(self) -> str | None:
        """The Cookie header, None if there is none."""

    @property
    def body(self) -> Body:
        """The body that the head of the request announces, as it arrives."""

    @property
    def content(self) -> Body:
        """The body for its readers: an ASGI server may send one that the head does not announce."""

    def variable(self, name: str) -> Any:
        """Return an entry of the environ that only a test client or a debugger sets; None if there is none."""

    def read_ahead(self) -> None:
        """Read a short body in a thread before code on the loop is called, where sync code could not wait for it."""
