"""Decide how an entry sends a response: finished, as a file, or as a stream."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import flask
from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.wsgi import FileWrapper

from ..compat.upstream import close_functions, fields_of
from .file_body import READ_WHOLE, close_file, holds_file
from .response import UNSET_TIMEOUT, Response, is_bodiless

# Matches a path with an optional query in which Werkzeug has nothing to quote (RFC 3986 sections 3.3 and 3.4).
is_uri = re.compile(r"/(?!/)[\w.~%!$&'()*+,:;=@/-]*(?:\?[\w.~%!$&'()*+,:;=@/?-]+)?", re.ASCII).fullmatch


def parts_of_finished(response: flask.Response) -> tuple[list[tuple[str, str]], bytes] | None:
    """Return the headers and the body of a finished response, as Werkzeug would send them.

    None if the body is not a list of bytes, if Werkzeug would change the headers, or if something must be closed.
    """
    headers = response.headers  # first: a lazy redirect makes its parts when one is accessed
    chunks = response.__dict__.get("response")  # where the property `response` keeps it, which takes longer
    if type(chunks) is not list or close_functions(response) or response.direct_passthrough:
        return None
    if not is_stock(type(response)) or type(headers) is not Headers:  # type: ignore[arg-type]  # classes have a hash
        return None
    status_code = response.status_code
    if status_code < 200 or status_code in (204, 304):
        return None
    fields = fields_of(headers).copy()
    if not are_sendable(fields, response):
        return None
    try:
        return fields, b"".join(chunks)
    except TypeError:  # a chunk is str
        return None


def are_sendable(fields: list[tuple[str, str]], response: flask.Response) -> bool:
    """Tell whether the headers of a response have its length, and Werkzeug would send them as they are."""
    has_length = has_location = False
    for name, value in fields:
        match name.lower():
            case "content-length":
                has_length = True
            case "location":
                if has_location or type(value) is not str or not is_uri(value) or response.autocorrect_location_header:
                    return False
                has_location = True
            case "content-location":
                return False
    return has_length


@lru_cache(256)  # as `with_ours`
def is_stock(cls: type[flask.Response]) -> bool:
    """Tell whether a response class overrides none of the methods that sending calls."""
    names = (
        "get_wsgi_headers",
        "get_wsgi_response",
        "get_app_iter",
        "iter_encoded",
        "__call__",
        "status",
        "status_code",
        "close",
    )
    return all(getattr(cls, name) is getattr(Response, name) for name in names)


def is_short_file(response: flask.Response, method: str) -> bool:
    """Tell whether the body is a file of which at most READ_WHOLE bytes are sent."""
    if not response.direct_passthrough or close_functions(response) or not is_stock(type(response)):  # type: ignore[arg-type]  # classes have a hash
        return False
    if not isinstance(
        getattr(response.response, "iterable", response.response), FileWrapper
    ):  # Werkzeug's range wrapper has `iterable`
        return False
    length = response.content_length
    return is_bodiless(response, method) or (length is not None and length <= READ_WHOLE)


def read_at_once(response: flask.Response, method: str) -> None:
    """Replace a body that is a short file by its content, and close the file; errors are raised when it is sent."""
    file: Any = response.response
    try:
        response.response = iter(()) if is_bodiless(response, method) else [b"".join(file)]
        response.direct_passthrough = False
    except Exception as error:
        response.response = failing(error)
    finally:
        file.close()


def close_unsent(response: flask.Response, instead: flask.Response | None = None) -> None:
    """Close a file that is not sent, because a hook failed or returned another response.

    Not if the body of that response is still to be made, which may be by reading the file.
    """
    is_finished = instead is None or type(getattr(instead, "response", None)) is list
    if is_finished and isinstance(response, Response) and holds_file(response, response.response):
        close_file(response.response)


def failing(error: Exception) -> Iterator[bytes]:
    yield from ()  # makes this a generator, which raises only when its first chunk is asked for
    raise error


def checked_chunk(chunk: Any) -> bytes:
    """Return a chunk of a stream as bytes; raise TypeError unless it was bytes or text."""
    if type(chunk) is bytes:
        return chunk
    if isinstance(chunk, bytes | bytearray | memoryview):
        return bytes(chunk)
    raise TypeError(f"A stream must yield bytes or text, not {type(chunk).__name__}.")


def timeout_of(response: flask.Response, app: Flask) -> float | None:
    """Return how many seconds sending a stream may take: the response's `timeout`, else RESPONSE_TIMEOUT."""
    timeout = getattr(response, "timeout", UNSET_TIMEOUT)
    if timeout is not UNSET_TIMEOUT:
        return timeout  # type: ignore[no-any-return]  # a number or None
    # Sending a file takes as long as the client does, and WSGI servers send it without calling the app.
    return None if response.direct_passthrough else app.config["RESPONSE_TIMEOUT"]
