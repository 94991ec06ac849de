"""The exchange of the ASGI entry: a scope, and a body that arrives in `http.request` messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import EnvironHeaders, Headers

from ..compat.upstream import KeyedHeaders, running_loop_of_thread
from ..crossing.bridge import await_on, wait_on
from .body import NO_BODY, Body, BodyStream, announced_length
from .translation import VARIABLES, Message, Scope, environ_from, field_value, fields_from, path_below

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Loop = Any  # of asyncio, which this package does not import
Receive = Callable[[], Awaitable[Message]]

#: Methods for whose content there is no use (RFC 9110 section 9.3); few requests have any.
BODILESS = {"GET", "HEAD", "DELETE", "OPTIONS", "TRACE"}


class ASGIExchange:
    """A request that came in through ASGI."""

    def __init__(self, scope: Scope, receive: Receive, loop: Loop) -> None:
        """Take what the server passes, and the loop on which it does."""
        self.scope = scope
        self.loop = loop
        self.method: str = scope["method"]
        root_path = scope.get("root_path")
        self.path: str = path_below(root_path, scope["path"]) if root_path else scope["path"]
        self.receive = receive
        headers: dict[bytes, bytes] = dict(scope["headers"])
        self.has_repeated = len(headers) < len(scope["headers"])
        self.raw_headers = headers  # the last of repeated ones
        self.host: bytes | None = self._joined(b"host") or None if self.has_repeated else headers.get(b"host")
        self.upgrades = b"upgrade" in headers
        self.has_cookies = b"cookie" in headers
        self.body = NO_BODY
        if b"content-length" in headers or b"transfer-encoding" in headers:
            length = announced_length(headers.get(b"content-length"), headers.get(b"transfer-encoding"))
            self.body = self.content = ASGIBody(length, receive, loop)
        elif scope["http_version"] >= "2":
            # In HTTP/1 the headers tell whether there is content (RFC 9112 section 6.3); from HTTP/2 on only the end of
            # the stream does (RFC 9113 section 8.1).
            kind = UnlikelyBody if self.method in BODILESS else UnframedBody
            self.body = self.content = kind(None, receive, loop)
        elif self.method not in BODILESS:
            # The content is what the messages have (ASGI spec): middleware and adapters may have changed the headers.
            self.body = self.content = UnlikelyBody(None, receive, loop)

    @cached_property
    def content(self) -> Body:
        """The body for its readers, who ask the server even for one that nothing announces."""
        return LateBody(None, self.receive, self.loop)

    @property
    def cookies(self) -> str | None:
        """The Cookie headers, None if there are none."""
        if not self.has_cookies:
            return None
        return "; ".join(field_value(value) for name, value in self.scope["headers"] if name == b"cookie")

    @property
    def content_type(self) -> str:
        """The Content-Type header, empty if there is none."""
        raw = self._joined(b"content-type") if self.has_repeated else self.raw_headers.get(b"content-type", b"")
        return raw.decode("latin-1")

    def _joined(self, wanted: bytes) -> bytes:
        return b",".join([value for name, value in self.scope["headers"] if name == wanted])

    def variable(self, name: str) -> Any:
        """Return an entry of the environ that only a test client sets; None if there is none."""
        return self.scope.get(VARIABLES, {}).get(name)

    def read_ahead(self) -> None:
        """Read a short body before sync code in a thread calls code on the loop."""
        self.body.read_ahead()

    @property
    def query_string(self) -> bytes:
        """The query string, not decoded."""
        query_string: bytes = self.scope["query_string"]
        return query_string

    @cached_property
    def fields(self) -> WSGIEnvironment:
        """The headers as entries of an environ."""
        return fields_from(self.scope["headers"])

    @property
    def headers(self) -> EnvironHeaders:
        """The headers, as the class that Werkzeug's requests have."""
        return EnvironHeaders(self.fields) if self.has_repeated else ScopeHeaders(self)

    @cached_property
    def stream(self) -> BodyStream:
        """The body as the file that sync code reads: `wsgi.input`."""
        return BodyStream(self.content)

    @cached_property
    def environ(self) -> WSGIEnvironment:
        """The request as an environ (PEP 3333)."""
        return environ_from(self.scope, self.fields, self.stream)


class ASGIBody(Body):
    """A body that arrives in `http.request` messages."""

    def __init__(self, length: int | None, receive: Receive, loop: Loop) -> None:
        super().__init__(length)
        self._receive = receive
        self._loop = loop
        self._has_ended = False

    async def receive_async(self) -> None:
        """Await one more chunk, and keep it."""
        if self._loop is not running_loop_of_thread():  # sync code runs a loop of its own
            await await_on(self._loop, self.receive_async)
            return
        self.check_whole()
        while not self._has_ended:
            if self.kept is None:
                self.is_receiving = True
                try:
                    message = await self._receive()
                finally:
                    self.is_receiving = False
            else:
                message = await self.kept.take() or {"type": "http.disconnect"}
            if self._take(message):
                return
        self.keep(b"")

    def receive(self) -> None:
        """Receive one more chunk, from a thread; from the loop only if it was kept."""
        self.check_whole()
        while self.kept is not None and (message := self.kept.take_at_once()) is not None:
            if self._take(message):
                return
        if running_loop_of_thread() in (None, self._loop):
            super().receive()
        else:  # sync code on a loop of its own, which the server's loop does not wait for
            wait_on(self._loop, self.receive_in_time)

    def _take(self, message: Message) -> bool:
        """Keep the chunk of a message; tell whether it has one or is the end."""
        if message["type"] == "http.disconnect":
            self.keep(None)
        chunk = message.get("body", b"")
        self._has_ended = not message.get("more_body", False)
        if self._has_ended and len(chunk) == self.length and not self._received:  # all at once, as most bodies arrive
            self.arrived, self._received, self.complete = chunk, self.length, True
            return True
        if chunk or self._has_ended:
            self.keep(chunk)
            if self.length is None:
                self.complete = self._has_ended
            return True
        return False


class UnframedBody(ASGIBody):
    """A body of HTTP/2 without a Content-Length."""

    @property
    def ends_soon(self) -> bool:
        """Whether a response can wait until it is discarded: hypercorn fails if one stream ends too early."""
        return True


class UnlikelyBody(UnframedBody):
    """The body of a request that may have one and hardly ever does: a GET over HTTP/2, a POST without its length.

    Its first message is received before the request is answered, and nearly always tells that there is none.
    """

    @property
    def is_to_come(self) -> bool:
        """Whether its first message has not arrived."""
        return not self.complete and not self._received


class LateBody(ASGIBody):
    """The body of a request that is not expected to have one, such as a GET over HTTP/1.1: it is received when read.

    Sync code on the loop, which cannot wait for it, takes it for empty.
    """

    def refuse_to_wait(self) -> None:
        """End the body."""
        self.keep(b"")


@lru_cache(1024)
def raw_name_of(key: object) -> bytes:
    """Return the name that a header has in a scope; empty if `key` is not ASCII text."""
    if not (isinstance(key, str) and key.isascii()):
        return b""
    # The ASGI spec has header names in lower case; EnvironHeaders takes underscores in a key for hyphens.
    return key.lower().replace("_", "-").encode()


class ScopeHeaders(KeyedHeaders):
    """Headers of a scope without repeated names: one can be looked up without translating all to an environ."""

    _environ: WSGIEnvironment | None = None

    def __init__(self, exchange: ASGIExchange) -> None:
        Headers.__init__(self)
        self._exchange = exchange
        self._raw: dict[bytes, bytes] = exchange.raw_headers

    @property
    def environ(self) -> WSGIEnvironment:
        if self._environ is None:
            self.environ = self._exchange.fields
        return self._environ  # type: ignore[return-value]  # it was set

    @environ.setter
    def environ(self, environ: WSGIEnvironment) -> None:
        self._environ = environ
        self._raw = {}  # code that has the environ may change it, and the headers must follow

    def find(self, key: str) -> str | None:
        value = self._raw.get(raw_name_of(key))
        return None if value is None else field_value(value)


ScopeHeaders.__name__ = EnvironHeaders.__name__  # as `repr` shows it
