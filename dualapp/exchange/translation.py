"""Translate a request between environ (PEP 3333) and scope (ASGI spec).

Each entry receives one of them, and the faces of the request may need the other. Both translations agree byte for byte,
so that paths, headers and query strings are the same on both entries.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Collection, Iterator, MutableMapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from werkzeug.wsgi import FileWrapper

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]

# Files are sent in chunks of this size. Under ASGI each chunk is read in a thread, so that small ones would cost more.
FILE_CHUNK_SIZE = 256 * 1024
#: Those of responses without a body (RFC 9110 section 6.4.1).
STATUSES_WITHOUT_BODY = {204, 304}

WHITE_SPACE = " \t"

# A client on a Unix socket has no address: servers give none, or a word of their own (waitress, Werkzeug's, uWSGI). The
# app sees an empty one, as gunicorn gives it.
NO_ADDRESS = {None, "", "localhost", "<local>", "0.0.0.0"}

# Keys of the test client: SCOPE_BASE holds scope entries in an environ, VARIABLES environ entries in a scope; the
# others are such entries.
SCOPE_BASE = "dualapp.scope_base"
VARIABLES = "dualapp.variables"
#: A function that takes the request context, for the test (or Werkzeug's debugger) to enter again.
PRESERVE = "werkzeug.debug.preserve_context"
#: A function of a test client's, which limits how long an async body may wait.
LIMITS_STREAM = "dualapp.testing.limits_stream"
#: A function of a test client's, called when a websocket has ended, with the error that the app passes on, or None.
TOLD_OF_END = "dualapp.testing.told_of_end"
#: Whether an error that the app would pass on to the test is answered with a 500 page.
SHOWS_ERRORS = "dualapp.shows_errors"

# In CGI (RFC 3875 sections 4.1.2 and 4.1.3) these two headers have names without HTTP_.
CGI_NAMES = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
CGI_KEYS = {key: name for name, key in CGI_NAMES.items()}


def environ_from(scope: Scope, fields: WSGIEnvironment, stream: io.RawIOBase) -> WSGIEnvironment:
    """Make the environ (PEP 3333) of the scope of an HTTP request.

    `fields` are its headers, from `fields_from`; `stream` reads its body.
    """
    host, port = scope.get("server") or ("localhost", 80)
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": as_latin1(root_path_of(scope)),
        "PATH_INFO": as_latin1(path_of(scope)),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": "" if port is None else str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": address_of_client(scope),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": stream,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": wrap_file,
        "asgi.scope": scope,
    }
    environ.update(optional_variables(scope))
    environ.update(fields)
    environ.update(scope.get(VARIABLES, ()))
    return environ


def optional_variables(scope: Scope) -> Iterator[tuple[str, str]]:
    """Generate the variables that WSGI servers set beside those of PEP 3333, where the ASGI server tells them."""
    _, client_port = scope.get("client") or (None, None)
    if client_port is not None:
        yield "REMOTE_PORT", str(client_port)
    if raw_path := scope.get("raw_path"):
        query = scope["query_string"]
        yield "RAW_URI", (raw_path + b"?" + query if query else raw_path).decode("latin-1")


def address_of_client(scope: Scope) -> str:
    """Return the address of the client, empty if it has none."""
    address, _ = scope.get("client") or ("", None)
    return "" if address in NO_ADDRESS else address


def field_value(raw: bytes) -> str:
    """Decode the value of a header, without the white space around it (RFC 9110 section 5.5)."""
    return raw.decode("latin-1").strip(WHITE_SPACE)


def fields_from(headers: Collection[tuple[bytes, bytes]]) -> WSGIEnvironment:
    """Make the environ's entries of the headers of a scope: named as in CGI, and repeated ones joined.

    Repeated headers are joined with commas (RFC 9110 section 5.2), cookies with semicolons (RFC 6265 section 5.4).
    Names with an underscore are dropped: as environ entries they could not be told from names with a hyphen, so that a
    client could forge a header that a proxy sets.
    """
    fields: dict[Any, str] = {cgi_name(name): field_value(value) for name, value in headers}
    return folded(headers) if None in fields or len(fields) < len(headers) else fields


def folded(headers: Collection[tuple[bytes, bytes]]) -> WSGIEnvironment:
    fields: WSGIEnvironment = {}
    for raw_name, raw_value in headers:
        key = cgi_name(raw_name)
        if key is None:
            continue
        value = field_value(raw_value)
        if key in fields:
            value = (fields[key] + ("; " if key == "HTTP_COOKIE" else ",") + value).strip(WHITE_SPACE)
        fields[key] = value
    return fields


@lru_cache(1024)
def cgi_name(raw_name: bytes) -> str | None:
    if b"_" in raw_name:
        return None
    name = raw_name.decode("latin-1").lower()
    return CGI_NAMES.get(name) or "HTTP_" + name.upper().replace("-", "_")


def wrap_file(file: Any, buffer_size: int = FILE_CHUNK_SIZE) -> FileWrapper:
    return FileWrapper(file, max(buffer_size, FILE_CHUNK_SIZE))


def root_path_of(scope: Scope) -> str:
    """Return the path at which the app is mounted, without a trailing slash."""
    root_path: str = scope.get("root_path") or ""
    return root_path.rstrip("/")


def path_of(scope: Scope) -> str:
    """Return the path below the mount point, decoded.

    In the ASGI spec `path` begins with `root_path`; some servers leave it out.
    """
    path: str = scope["path"]
    root_path = scope.get("root_path")
    return path_below(root_path, path) if root_path else path


def path_below(root_path: str, path: str) -> str:
    """Return what follows a root path in a path; the path itself if it does not begin with it."""
    below = path.removeprefix(root_path.rstrip("/"))
    return below if not below or below[0] == "/" else path


def as_latin1(text: str) -> str:
    """Encode text as a PEP 3333 string: each byte of its UTF-8 as one character."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def scope_from(environ: WSGIEnvironment) -> Scope:
    """Make the scope (ASGI spec) of the environ of an HTTP request."""
    root_path, address = from_latin1(environ.get("SCRIPT_NAME") or ""), environ.get("REMOTE_ADDR")
    path = root_path + from_latin1(environ.get("PATH_INFO") or "")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": environ.get("SERVER_PROTOCOL", "HTTP/1.1").partition("/")[2],
        "method": environ["REQUEST_METHOD"],
        "scheme": environ.get("wsgi.url_scheme", "http"),
        "path": path,
        "raw_path": raw_target(environ).partition("?")[0].encode("latin-1") or None,
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
        "root_path": root_path,
        "headers": asgi_headers(environ),
        "client": (address, port_from(environ.get("REMOTE_PORT"))) if address not in NO_ADDRESS else None,
        "server": (environ["SERVER_NAME"], port_from(environ.get("SERVER_PORT"))) if "SERVER_NAME" in environ else None,
        "extensions": {},
        **environ.get(SCOPE_BASE, {}),
    }


def raw_target(environ: WSGIEnvironment) -> str:
    """Return the target as the client sent it, empty if the server does not tell.

    RAW_URI is gunicorn's name for it and Werkzeug's, REQUEST_URI is waitress', uWSGI's and Apache's.
    """
    return environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""


def asgi_headers(environ: WSGIEnvironment) -> list[tuple[bytes, bytes]]:
    return [
        (name, value.encode("latin-1"))
        for key, value in environ.items()
        if (name := raw_name(key)) is not None and (value or key not in CGI_KEYS)
    ]


@lru_cache(1024)
def raw_name(key: str) -> bytes | None:
    """Return the name of a header by the environ's key; None if `key` is not a header's."""
    name = CGI_KEYS.get(key) or (key[5:].lower().replace("_", "-") if key.startswith("HTTP_") else None)
    return None if name is None else name.encode("latin-1")


def port_from(port: Any) -> int | None:
    """Return a port as a number; Werkzeug's server and hypercorn's WSGI side give it as one, PEP 3333 wants text."""
    return int(port) if str(port).isdigit() else None


def from_latin1(text: str) -> str:
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "replace")
