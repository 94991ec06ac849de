"""What an entry needs to know of a response in order to send it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import flask
from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.wsgi import FileWrapper

from ..compat.upstream import close_functions, fields_of
from .file_body import READ_WHOLE
from .response import NO_LIMIT_OF_ITS_OWN, Response, is_bodiless

# A path, and perhaps a query, in which Werkzeug finds nothing to quote (RFC 3986 sections 3.3 and 3.4).
is_uri = re.compile(r"/(?!/)[\w.~%!$&'()*+,:;=@/-]*(?:\?[\w.~%!$&'()*+,:;=@/?-]+)?", re.ASCII).fullmatch


def parts_of_finished(response: flask.Response) -> tuple[list[tuple[str, str]], bytes] | None:
    """Return the headers and the body of a response that is all there, as Werkzeug would send them.

    None for one that is still to be made, adjusted or closed, which is for Werkzeug to do.
    """
    chunks, headers = response.response, response.headers
    if type(chunks) is not list or close_functions(response) or response.direct_passthrough:
        return None
    if not is_stock(type(response)) or type(headers) is not Headers:  # type: ignore[arg-type]  # classes have a hash
        return None
    status_code = response.status_code
    if status_code < 200 or status_code in (204, 304):
        return None
    fields = fields_of(headers).copy()
    has_length = has_location = False
    for name, value in fields:
        match name.lower():
            case "content-length":
                has_length = True
            case "location":
                if has_location or type(value) is not str or not is_uri(value) or response.autocorrect_location_header:
                    return None
                has_location = True
            case "content-location":
                return None
    if not has_length:
        return None
    try:
        return fields, b"".join(chunks)
    except TypeError:  # there is text in it
        return None


@cache
def is_stock(cls: type[flask.Response]) -> bool:
    """Tell whether the responses of a class are sent as ours and Werkzeug's are."""
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
    """Tell whether the body is a file of which so little is sent that it can be read at once."""
    if not response.direct_passthrough or close_functions(response) or not is_stock(type(response)):  # type: ignore[arg-type]  # classes have a hash
        return False
    if not isinstance(getattr(response.response, "iterable", response.response), FileWrapper):  # a part of one has it
        return False
    length = response.content_length
    return is_bodiless(response, method) or (length is not None and length <= READ_WHOLE)


def read_at_once(response: flask.Response, method: str) -> None:
    """Read a body that is a short file, and close it; an error is raised again where the body is sent."""
    file: Any = response.response
    try:
        response.response = iter(()) if is_bodiless(response, method) else [b"".join(file)]
        response.direct_passthrough = False
    except Exception as error:
        response.response = failing(error)
    finally:
        file.close()


def failing(error: Exception) -> Iterator[bytes]:
    yield from ()  # makes it a generator, which raises when it is asked for its first chunk
    raise error


def timeout_of(response: flask.Response, app: Flask) -> float | None:
    """Return how many seconds sending a stream may take: what the response says, or else RESPONSE_TIMEOUT."""
    timeout = getattr(response, "timeout", NO_LIMIT_OF_ITS_OWN)
    if timeout is not NO_LIMIT_OF_ITS_OWN:
        return timeout  # type: ignore[no-any-return]  # a number or None
    # A file takes as long as its reader, and a WSGI server sends it without asking.
    return None if response.direct_passthrough else app.config["RESPONSE_TIMEOUT"]
