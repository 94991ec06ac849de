"""A request in WSGI's words and in ASGI's: each gateway speaks one, the faces of the request may want the other.

Both say the same of the same request, byte for byte; what is decided here is decided for both entries.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Collection, MutableMapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from werkzeug.wsgi import FileWrapper

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Scope = MutableMapping[str, Any]

# A file goes out in chunks as large as this: each chunk is one crossing to a thread that reads it.
FILE_CHUNK_SIZE = 256 * 1024

# CGI (RFC 3875 section 4.1) gives these two headers names of their own.
CGI_NAMES = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


def environ_from(scope: Scope, fields: WSGIEnvironment, stream: io.RawIOBase) -> WSGIEnvironment:
    """Say in WSGI's words (PEP 3333) what the scope of an HTTP request says.

    Its headers `fields_from` says; `stream` reads its body.
    """
    host, port = scope.get("server") or ("localhost", 80)
    client_host, client_port = scope.get("client") or (None, None)
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": as_latin1(root_path_of(scope)),
        "PATH_INFO": as_latin1(path_of(scope)),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": "" if port is None else str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
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
    if client_host is not None:
        environ["REMOTE_ADDR"] = client_host
    if client_port is not None:
        environ["REMOTE_PORT"] = str(client_port)
    environ.update(fields)
    return environ


def fields_from(headers: Collection[tuple[bytes, bytes]]) -> WSGIEnvironment:
    """Name headers as CGI does, and fold the repeated ones.

    Repeated headers become one list (RFC 9110 section 5.2), cookies one cookie string (RFC 6265 section 5.4). A name
    with an underscore is dropped: in CGI's spelling it would pass for the one with a hyphen that a proxy vouched for.
    """
    fields: dict[Any, str] = {cgi_name(name): value.decode("latin-1") for name, value in headers}
    return folded(headers) if None in fields or len(fields) < len(headers) else fields


def folded(headers: Collection[tuple[bytes, bytes]]) -> WSGIEnvironment:
    fields: WSGIEnvironment = {}
    for raw_name, raw_value in headers:
        key = cgi_name(raw_name)
        if key is None:
            continue
        value = raw_value.decode("latin-1")
        if key in fields:
            value = fields[key] + ("; " if key == "HTTP_COOKIE" else ",") + value
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
    """Return the path that the app is mounted at, without a slash at its end."""
    root_path: str = scope.get("root_path") or ""
    return root_path.rstrip("/")


def path_of(scope: Scope) -> str:
    """Return the path below the mount point, decoded.

    The ASGI spec has `path` begin with `root_path`; servers that leave it out mean the same.
    """
    path: str = scope["path"]
    if root_path := root_path_of(scope):
        below = path.removeprefix(root_path)
        if below != path and (not below or below[0] == "/"):
            return below
    return path


def as_latin1(text: str) -> str:
    """Spell text as PEP 3333 wants it: each byte of its UTF-8 as one character."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def scope_from(environ: WSGIEnvironment) -> Scope:
    """Say in ASGI's words what the environ of an HTTP request says."""
    root_path = from_latin1(environ.get("SCRIPT_NAME") or "")
    path = root_path + from_latin1(environ.get("PATH_INFO") or "")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": environ.get("SERVER_PROTOCOL", "HTTP/1.1").partition("/")[2],
        "method": environ["REQUEST_METHOD"],
        "scheme": environ.get("wsgi.url_scheme", "http"),
        "path": path,
        "raw_path": environ.get("RAW_URI", "").partition("?")[0].encode("latin-1") or None,
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
        "root_path": root_path,
        "headers": asgi_headers(environ),
        "client": (environ["REMOTE_ADDR"], port_from(environ.get("REMOTE_PORT"))) if "REMOTE_ADDR" in environ else None,
        "server": (environ["SERVER_NAME"], port_from(environ.get("SERVER_PORT"))) if "SERVER_NAME" in environ else None,
        "extensions": {},
    }


def asgi_headers(environ: WSGIEnvironment) -> list[tuple[bytes, bytes]]:
    names = {key: name for name, key in CGI_NAMES.items()}
    return [
        ((names.get(key) or key[5:].lower().replace("_", "-")).encode("latin-1"), value.encode("latin-1"))
        for key, value in environ.items()
        if key.startswith("HTTP_") or (key in names and value)
    ]


def port_from(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def from_latin1(text: str) -> str:
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "replace")
