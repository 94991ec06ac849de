"""The exchange of the WSGI entry: an environ (PEP 3333), and a body that is read from `wsgi.input`."""

from __future__ import annotations

import io
from functools import cached_property
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import EnvironHeaders
from werkzeug.exceptions import BadRequest, LengthRequired

from ..crossing.green_file import GreenFile
from ..crossing.os_threads import is_green
from .body import NO_BODY, Body, BodyStream, announced_length
from .translation import CGI_NAMES, NO_ADDRESS, WHITE_SPACE, Scope, from_latin1, scope_from

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


#: SERVER_SOFTWARE prefixes of servers that already strip header values.
STRIPPING_SERVERS = ("gunicorn/", "waitress", "Granian", "Cheroot/")


class WSGIExchange:
    """A request that came in through WSGI."""

    _is_prepared = False

    def __init__(self, environ: WSGIEnvironment) -> None:
        path = environ.get("PATH_INFO") or ""
        self.fields = environ
        self.method: str = environ["REQUEST_METHOD"]
        self.path = path if path.isascii() else from_latin1(path)
        self.host: str | None = environ.get("HTTP_HOST")
        self.has_cookies = "HTTP_COOKIE" in environ
        self.upgrades = "HTTP_UPGRADE" in environ
        is_bare = not environ.get("CONTENT_LENGTH") and "HTTP_TRANSFER_ENCODING" not in environ
        self.body = NO_BODY if is_bare else body_from(environ)

    @property
    def environ(self) -> WSGIEnvironment:
        """The environ, with a `wsgi.input` that shares what it reads with the async face."""
        if not self._is_prepared:
            self._prepare()
        return self.fields

    def _prepare(self) -> None:
        self._is_prepared = True
        environ, body = self.fields, self.body
        if not environ.get("SERVER_SOFTWARE", "").startswith(STRIPPING_SERVERS):
            strip_values(environ)
        if environ.get("REMOTE_ADDR") in NO_ADDRESS:
            environ["REMOTE_ADDR"] = ""
        if body is not NO_BODY and type(environ["wsgi.input"]) is not BodyStream:
            environ["wsgi.input"] = BodyStream(body)
            environ["wsgi.input_terminated"] = True

    @property
    def content(self) -> Body:
        """The body for its readers."""
        return self.body

    @property
    def cookies(self) -> str | None:
        """The Cookie header, None if there is none."""
        return self.fields.get("HTTP_COOKIE")

    @property
    def content_type(self) -> str:
        """The Content-Type header, empty if there is none."""
        return self.fields.get("CONTENT_TYPE", "")  # type: ignore[no-any-return]  # as query_string

    @property
    def headers(self) -> EnvironHeaders:
        """The headers, as the class that Werkzeug's requests have."""
        return EnvironHeaders(self.environ)

    @property
    def stream(self) -> Any:
        """The body as the file that sync code reads: `wsgi.input`."""
        return self.environ["wsgi.input"]

    @property
    def query_string(self) -> bytes:
        """The query string, not decoded."""
        return self.fields.get("QUERY_STRING", "").encode("latin-1")  # type: ignore[no-any-return]  # it is a string

    def variable(self, name: str) -> Any:
        """Return an entry of the environ that only a test client or a debugger sets; None if there is none."""
        return self.fields.get(name)

    def read_ahead(self) -> None:
        """Read a short body before the request crosses to the loop."""
        self.environ  # noqa: B018 - making it replaces `wsgi.input`, from which the server's body is read only once
        self.body.read_ahead()

    @cached_property
    def scope(self) -> Scope:
        """The request as a scope (ASGI spec)."""
        return scope_from(self.environ)


def asks_for_websocket(environ: WSGIEnvironment) -> bool:
    """Tell whether a request is the handshake of a websocket (RFC 6455 section 4.1)."""
    return environ["REQUEST_METHOD"] == "GET" and str(environ.get("HTTP_UPGRADE")).lower() == "websocket"


def strip_values(environ: WSGIEnvironment) -> None:
    """Remove the white space around the values of headers, which is no part of them (RFC 9110 section 5.5)."""
    for key, value in environ.items():
        if type(value) is str and value.strip() is not value and (key[:5] == "HTTP_" or key in CGI_NAMES.values()):
            environ[key] = value.strip(WHITE_SPACE)


#: Files that a server or an adapter has filled with the whole body: hypercorn's, asgiref's.
WHOLE = (io.BytesIO, SpooledTemporaryFile)


class BadLength(BadRequest):
    """400: the server has let a malformed Content-Length pass."""

    description = "The Content-Length of this request is not a number."


class EndUnknown(LengthRequired):
    """411: a chunked body on a WSGI server that does not mark the end of its input, where reading would never end."""

    description = (
        "This server passes chunked bodies on without their end (it sets no wsgi.input_terminated)."
        " Send the body with a Content-Length, or serve the app with another server."
    )


def body_from(environ: WSGIEnvironment) -> Body:
    """Return the body of a request: that of an outer app, or a new one."""
    stream = environ["wsgi.input"]
    if type(stream) is BodyStream:  # an outer app has replaced it, as when one app mounts another
        return stream.body
    length = announced_length(environ.get("CONTENT_LENGTH"), environ.get("HTTP_TRANSFER_ENCODING"))
    if length == 0:
        return NO_BODY
    if length is None and not (isinstance(stream, WHOLE) or environ.get("wsgi.input_terminated")):
        return Body.unreadable(EndUnknown if "HTTP_TRANSFER_ENCODING" in environ else BadLength)
    # Code on a loop of its own has it read in another thread.
    return Body(length, GreenFile(stream).read if is_green() else stream.read)
