"""The environ that Werkzeug's EnvironBuilder makes of a test's request, as a scope and as the messages of its body."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..exchange.translation import VARIABLES, Message, Scope, environ_from, fields_from, port_from, scope_from

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

CHUNK_SIZE = 64 * 1024
#: Variables of some WSGI servers, for which a scope has its `raw_path`.
SERVERS_OWN = {"REQUEST_URI", "RAW_URI"}
ERRORS = "wsgi.errors"


def request_scope(environ: WSGIEnvironment) -> Scope:
    """Return the scope of a request; variables beyond a scope, such as REMOTE_USER, are in `VARIABLES`."""
    scope = scope_from(environ)
    if environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH"):
        scope["headers"].append((b"transfer-encoding", b"chunked"))
    known = (environ_from(scope, fields_from(scope["headers"]), io.RawIOBase()).keys() | SERVERS_OWN) - {ERRORS}
    scope[VARIABLES] = {name: value for name, value in environ.items() if name not in known}
    return scope


def request_messages(environ: WSGIEnvironment) -> Iterator[Message]:
    """Return the messages of a body as a server receives them; one that is too short ends with more to come."""
    stream, length = environ["wsgi.input"], port_from(environ.get("CONTENT_LENGTH"))
    content = stream.read() if length is None else stream.read(length)
    breaks_off = length is not None and len(content) < length
    for start in range(0, len(content) or 1, CHUNK_SIZE):
        end = start + CHUNK_SIZE
        yield {"type": "http.request", "body": content[start:end], "more_body": end < len(content) or breaks_off}
