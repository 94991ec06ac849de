"""Send simple return values of views without a response object, to the byte as Flask would."""

from __future__ import annotations

import json.encoder
from collections.abc import Callable
from functools import lru_cache
from json import JSONEncoder
from string import ascii_lowercase, digits
from typing import Any, TypeVar

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import HTTPException
from werkzeug.utils import get_content_type

from ..compat.upstream import STATUS_LINES, make_encoder
from ..wrappers.error_pages import Pairs, has_stock_page, page_of
from ..wrappers.response import Response
from ..wrappers.return_values import add_view_note
from ..wrappers.sending import is_uri
from .redirects import Redirect, page_to

# A 304 is left to Werkzeug, which removes headers about the content (RFC 9110 section 15.4.5).
PLAIN_CODES = {code for code in STATUS_LINES if code >= 200 and code != 304}
# Has no content and no Content-Length (RFC 9110 sections 8.6 and 15.3.5).
NO_CONTENT = 204

# The headers that Werkzeug sends as they are, except for a location that it has to quote; and those of apps, `x-...`.
ORDINARY_NAMES = {"cache-control", "vary", "etag", "last-modified", "expires", "allow", "location"}
NAME_CHARACTERS = {*ascii_lowercase, *digits, "-", "_"}

T = TypeVar("T")

PROVIDER_METHODS = {"dumps", "dump", "response"}
STOCK_RESPONSE = DefaultJSONProvider.response

NO_FIELDS: Pairs = []
RawPairs = list[tuple[bytes, bytes]]


class ContentType:
    """A Content-Type header for both protocols, and the index at which the headers of a view are inserted."""

    def __init__(self, content_type: str, extra_at: int) -> None:
        self.header = ("Content-Type", content_type)
        self.raw_header = (b"content-type", content_type.encode("latin-1"))
        self.extra_at = extra_at


@lru_cache(1024)
def length_field(length: int) -> tuple[str, str]:
    return "Content-Length", str(length)


@lru_cache(1024)
def raw_length_field(length: int) -> tuple[bytes, bytes]:
    return b"content-length", b"%d" % length


# The Content-Type of Werkzeug's error pages, and of its redirects.
PAGE = ContentType("text/html; charset=utf-8", extra_at=1)
REDIRECT = ContentType("text/html; charset=utf-8", extra_at=2)


class Plain:
    """A response that no code of the user's looks at before it is sent: status, body and headers."""

    __slots__ = ("_extra", "_kind", "body", "status_code")

    def __init__(self, status_code: int, kind: ContentType, body: bytes, extra: Pairs) -> None:
        self.status_code = status_code
        self.body = body if status_code != NO_CONTENT else b""
        self._kind = kind
        self._extra = extra

    def headers(self) -> Pairs:
        """Return the headers for `start_response` (PEP 3333)."""
        kind = self._kind
        is_empty = self.status_code == NO_CONTENT
        headers = [kind.header] if is_empty else [kind.header, length_field(len(self.body))]
        if self._extra:
            headers[kind.extra_at : kind.extra_at] = self._extra
        return headers

    def raw_headers(self) -> RawPairs:
        """Return the headers for `http.response.start` (ASGI spec): bytes, with names in lower case."""
        kind = self._kind
        is_empty = self.status_code == NO_CONTENT
        headers = [kind.raw_header] if is_empty else [kind.raw_header, raw_length_field(len(self.body))]
        if self._extra:
            extra = [(ordinary_name(name) or b"", value.encode()) for name, value in self._extra]
            headers[kind.extra_at : kind.extra_at] = extra
        return headers


def raw_pairs(headers: Pairs) -> RawPairs:
    """Spell headers as the ASGI spec wants them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def response_from_plain(plain: Plain) -> Response:
    """Make the response object that a plain response stands for."""
    return Response.of(plain.body, STATUS_LINES[plain.status_code], plain.status_code, plain.headers())


#: Attributes set on the provider, and the encoder and header that depend on them. They depend on `DEBUG` too, which
#: advances the generation, so that these responses are made anew.
JSONSettings = tuple[dict[str, Any] | None, Callable[[Any], str], ContentType]


class PlainResponses:
    """Make plain responses of an app's views; what depends on the app's settings is computed once."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._text = ContentType(get_content_type(Response.default_mimetype or "", "utf-8"), extra_at=0)
        # One tuple, replaced at once: many threads read it.
        self._known: JSONSettings = (None, str, self._text)
        # A JSON provider that is modified, or makes its responses itself, is left to Flask.
        is_flasks = getattr(type(app.json), "response", None) is STOCK_RESPONSE
        self._provider: Any = app.json if is_flasks and not PROVIDER_METHODS & vars(app.json).keys() else None
        self._is_subclassed = type(app.json) is not DefaultJSONProvider

    def make(self, value: Any, view: Callable[..., Any] | None) -> Plain | None:
        """Make what `response_from` would make of a view's value, to the byte; None to leave the value to that."""
        kind = type(value)
        status_code, extra, is_tuple = 200, NO_FIELDS, kind is tuple
        if is_tuple:
            if (parts := parts_of(value)) is None:
                return None
            value, status_code, extra = parts
            kind = type(value)
        if kind is str:
            return Plain(status_code, self._text, value.encode(), extra)
        if (kind is dict or kind is list) and self._provider is not None and self._app.json is self._provider:
            return self._make_json(value, view, status_code, extra)
        if kind is bytes:
            return Plain(status_code, self._text, value, extra)
        if is_tuple:
            return None
        if kind is Redirect:
            return make_redirect(value) if value.is_unobserved else None
        return make_page(value) if isinstance(value, HTTPException) else None

    def _make_json(self, value: Any, view: Callable[..., Any] | None, status_code: int, extra: Pairs) -> Plain | None:
        if self._is_subclassed:
            return self._make_by_dumps(value, view, status_code, extra)
        known, encode, kind = self._known
        if self._provider.__dict__ != known:
            if PROVIDER_METHODS & vars(self._provider).keys():  # a method was replaced since
                return None
            encode, kind = self._read_settings()
        try:
            return Plain(status_code, kind, f"{encode(value)}\n".encode(), extra)
        except TypeError as error:
            add_view_note(error, view)
            raise

    def _make_by_dumps(
        self, value: Any, view: Callable[..., Any] | None, status_code: int, extra: Pairs
    ) -> Plain | None:
        """Make what the `response` of Flask's provider makes, by the `dumps` of a subclass of it."""
        json = self._provider
        if not PROVIDER_METHODS.isdisjoint(vars(json)):  # as below
            return None
        is_wide = self._app.config["DEBUG"] if json.compact is None else json.compact is False
        try:
            text = json.dumps(value, indent=2) if is_wide else json.dumps(value, separators=(",", ":"))
        except TypeError as error:
            add_view_note(error, view)
            raise
        return Plain(status_code, json_type(json.mimetype), f"{text}\n".encode(), extra)

    def _read_settings(self) -> tuple[Callable[[Any], str], ContentType]:
        json: Any = self._provider
        known, debug = dict(vars(json)), self._app.config["DEBUG"]
        is_wide = debug if json.compact is None else json.compact is False
        encode = json_encoder(json.default, json.ensure_ascii, json.sort_keys, is_wide)
        kind = json_type(json.mimetype)
        self._known = known, encode, kind
        return encode, kind


@lru_cache(64)
def json_type(mimetype: str) -> ContentType:
    return ContentType(get_content_type(mimetype, "utf-8"), extra_at=2)


def parts_of(value: tuple[Any, ...]) -> tuple[Any, int, Pairs] | None:
    """Return the body, the status and the headers of a tuple; None unless both are sent as they are."""
    headers = None
    if len(value) == 3:
        body, status_code, headers = value
    elif len(value) == 2:
        body, status_code = value
        if type(status_code) is not int:
            status_code, headers = 200, status_code
    else:
        return None
    if type(status_code) is not int or status_code not in PLAIN_CODES:
        return None
    if status_code == NO_CONTENT and type(body) in (dict, list):  # its JSON is not sent, but hooks may see it
        return None
    fields = NO_FIELDS if headers is None else ordinary(headers)
    return None if fields is None else (body, status_code, fields)


def make_page(error: HTTPException) -> Plain | None:
    """Make the page of an error; None if it is not Werkzeug's own, or Werkzeug would change its headers."""
    if not has_stock_page(error):
        return None
    body, (content_type, *extra) = page_of(error)
    if content_type != PAGE.header or (extra and not ordinary(dict(extra))):
        return None
    return Plain(error.code, PAGE, body, extra)  # type: ignore[arg-type]  # a stock page has a code


def make_redirect(redirect: Redirect) -> Plain:
    """Make a plain response of a redirect that is unobserved."""
    location, code = redirect.location_and_code
    return Plain(code, REDIRECT, page_to(location), [("Location", location)])


def ordinary(headers: Any) -> Pairs | None:
    """Return a view's headers as pairs, None unless Werkzeug would send them as they are."""
    if type(headers) is not dict:
        return None
    for name, value in headers.items():
        if type(name) is not str or type(value) is not str:  # a subclass may be equal to a string, and print another
            return None
        if (raw_name := ordinary_name(name)) is None:
            return None
        if raw_name == b"location":
            if Response.autocorrect_location_header or not is_uri(value):
                return None
        elif not (value.isascii() and value.isprintable() and value.strip() is value):
            return None
    if len(headers) > 1 and len({ordinary_name(name) for name in headers}) < len(headers):
        return None
    return [*headers.items()]


@lru_cache(1024)
def ordinary_name(name: str) -> bytes | None:
    """Return the name of a header in lower case (ASGI spec), None if Werkzeug might change that header."""
    if not name.isascii():
        return None
    lower = name.lower()
    is_apps_own = lower.startswith("x-") and lower != "x-" and NAME_CHARACTERS.issuperset(lower)
    return lower.encode() if is_apps_own or lower in ORDINARY_NAMES else None


def json_encoder(
    default: Callable[[Any], Any], ensure_ascii: bool, sort_keys: bool, debug: bool
) -> Callable[[Any], str]:
    """Return a function that encodes JSON as Flask's provider does, which makes a JSONEncoder for each response."""
    settings: dict[str, Any] = {"default": default, "ensure_ascii": ensure_ascii, "sort_keys": sort_keys}
    separators = None if debug else (",", ":")
    encode = JSONEncoder(**settings, separators=separators, indent=2 if debug else None).encode
    if debug or make_encoder is None:
        return encode
    escape = json.encoder.encode_basestring_ascii if ensure_ascii else json.encoder.encode_basestring
    # JSONEncoder makes this C encoder for each value. The first None turns off its record of the containers that it is
    # in, by which it finds circular references: threads share this encoder.
    pieces = make_encoder(None, default, escape, None, ":", ",", sort_keys, False, True)

    def encode_compactly(value: Any) -> str:
        try:
            return "".join(pieces(value, 0))
        except RecursionError:  # JSONEncoder reports a circular reference by a ValueError
            return encode(value)

    return encode_compactly
