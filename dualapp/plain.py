"""Simple values of views, made into what is sent without a response object, to the byte as Flask would have it."""

from __future__ import annotations

import json.encoder
import re
from collections.abc import Callable
from json import JSONEncoder
from typing import Any

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from werkzeug.datastructures import Headers
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.utils import get_content_type

from .responses import Response, name_view

# Of a 304 Werkzeug takes the headers that speak of content (RFC 9110 section 15.4.5), so that one is left to it.
STATUS_LINES = {
    code: f"{code} {name.upper()}" for code, name in HTTP_STATUS_CODES.items() if code >= 200 and code != 304
}
# They have no content (RFC 9110 section 15.3.5).
BODYLESS = {204}

# The headers that Werkzeug does nothing about; a value with anything else in it than these is for Werkzeug to judge.
ORDINARY_NAME = re.compile(r"(?i:x-[\w-]+|cache-control|vary|etag|last-modified|expires|allow)", re.ASCII).fullmatch
ORDINARY_VALUE = re.compile(r"[ -~]*").fullmatch

PROVIDER_METHODS = {"dumps", "dump", "response"}

Pairs = list[tuple[str, str]]


class Kind:
    """A type of content, in the words of both protocols, and whether the headers of a view come before it."""

    def __init__(self, content_type: str, comes_last: bool) -> None:
        self.header = ("Content-Type", content_type)
        self.raw_header = (b"content-type", content_type.encode("latin-1"))
        self.comes_last = comes_last


class Plain:
    """A response of bytes that nobody looks at on its way: what is left of one when its class is not needed."""

    __slots__ = ("_extra", "_kind", "body", "status_code")

    def __init__(self, status_code: int, kind: Kind, body: bytes, extra: Pairs) -> None:
        self.status_code = status_code
        self.body = body
        self._kind = kind
        self._extra = extra

    @property
    def status(self) -> str:
        """The code and the reason, as WSGI wants them."""
        return STATUS_LINES[self.status_code]

    @property
    def headers(self) -> Pairs:
        """The headers as WSGI wants them."""
        headers = [self._kind.header]
        if self.status_code not in BODYLESS:
            headers.append(("Content-Length", str(len(self.body))))
        if self._extra:
            return [*self._extra, *headers] if self._kind.comes_last else [*headers, *self._extra]
        return headers

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers as ASGI wants them."""
        headers = [self._kind.raw_header]
        if self.status_code not in BODYLESS:
            headers.append((b"content-length", b"%d" % len(self.body)))
        if self._extra:
            extra = [(name.lower().encode(), value.encode()) for name, value in self._extra]
            return [*extra, *headers] if self._kind.comes_last else [*headers, *extra]
        return headers


def response_from_plain(plain: Plain) -> Response:
    """Make the response that a plain one stands for, without asking of each part what it is."""
    response = Response.__new__(Response)
    response.headers = Headers()
    response.headers._list = plain.headers
    response._status, response._status_code = plain.status, plain.status_code
    response.response = [plain.body]
    response.direct_passthrough = False
    response._on_close = []
    return response


class PlainMaker:
    """Makes plain responses for one app; what it needs to know of the app it looks up once."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._text = Kind(get_content_type(Response.default_mimetype or "", "utf-8"), comes_last=True)
        # The settings, and what is made of them; together, since many threads use them.
        self._known: tuple[tuple[Any, ...], Callable[[Any], str], Kind] = ((), str, self._text)
        # A provider that somebody changed answers for itself.
        is_flasks = type(app.json) is DefaultJSONProvider and not PROVIDER_METHODS & vars(app.json).keys()
        self._provider = app.json if is_flasks else None

    def make(self, value: Any, view: Callable[..., Any] | None) -> Plain | None:
        """Make of a view's value what `response_from` would, to the byte; None if that takes more than is known."""
        status_code: int = 200
        extra: Pairs = []
        kind = type(value)
        if kind is tuple:
            parts = ordinary(value)
            if parts is None:
                return None
            value, status_code, extra = parts
            kind = type(value)
        if kind is str:
            body, content = value.encode(), self._text
        elif (kind is dict or kind is list) and self._provider is not None and self._app.json is self._provider:
            body, content = self._json_of(value, view)
        elif kind is bytes:
            body, content = value, self._text
        else:
            return None
        return Plain(status_code, content, b"" if status_code in BODYLESS else body, extra)

    def _json_of(self, value: Any, view: Callable[..., Any] | None) -> tuple[bytes, Kind]:
        provider: Any = self._provider
        debug = self._app.config["DEBUG"] if provider.compact is None else provider.compact is False
        settings = (provider.default, provider.ensure_ascii, provider.sort_keys, debug, provider.mimetype)
        known, encode, kind = self._known
        if settings != known:
            encode, kind = encoding(*settings[:4]), Kind(get_content_type(provider.mimetype, "utf-8"), comes_last=False)
            self._known = settings, encode, kind
        try:
            return f"{encode(value)}\n".encode(), kind
        except TypeError as error:
            name_view(error, view)
            raise


def ordinary(value: tuple[Any, ...]) -> tuple[Any, int, Pairs] | None:
    """Take a view's tuple apart, if its status and headers are such that they are sent as they are."""
    status_code: Any = 200
    headers: Any = {}
    if len(value) == 3:
        value, status_code, headers = value
    elif len(value) == 2:
        value, second = value
        if type(second) is int:
            status_code = second
        else:
            headers = second
    else:
        return None
    if type(status_code) is not int or status_code not in STATUS_LINES or type(headers) is not dict:
        return None
    extra = list(headers.items()) if headers else []
    return (value, status_code, extra) if not extra or are_ordinary(extra) else None


def are_ordinary(headers: Pairs) -> bool:
    names = set()
    for name, value in headers:
        if type(name) is not str or type(value) is not str or not ORDINARY_NAME(name) or not ORDINARY_VALUE(value):
            return False
        names.add(name.lower())
    return len(names) == len(headers)


def encoding(default: Callable[[Any], Any], ensure_ascii: bool, sort_keys: bool, debug: bool) -> Callable[[Any], str]:
    """Return what encodes JSON as Flask's provider does, and is made once where Flask makes it for each response."""
    settings: dict[str, Any] = {"default": default, "ensure_ascii": ensure_ascii, "sort_keys": sort_keys}
    separators = None if debug else (",", ":")
    encode = JSONEncoder(**settings, separators=separators, indent=2 if debug else None).encode
    make_encoder = getattr(json.encoder, "c_make_encoder", None)  # not every Python has it
    if debug or make_encoder is None:
        return encode
    escape = json.encoder.encode_basestring_ascii if ensure_ascii else json.encoder.encode_basestring
    # JSONEncoder makes this for each value. It takes no note of what it is within, which one that is kept cannot.
    pieces = make_encoder(None, default, escape, None, ":", ",", sort_keys, False, True)

    def encode_compactly(value: Any) -> str:
        try:
            return "".join(pieces(value, 0))
        except RecursionError:  # for a value that contains itself JSONEncoder has a better error
            return encode(value)

    return encode_compactly
