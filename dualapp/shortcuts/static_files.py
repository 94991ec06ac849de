"""Answer requests for static files with the headers of Flask's own view, cached while the file is unchanged.

The headers depend on the path of the file, its `stat` and a few settings; only the dates and the conditions of a
request vary. So they are taken from the first response of Flask's view, and each request checks whether path, `stat`
and settings are the same. The content is read each time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from mimetypes import guess_type
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.http import http_date, remove_entity_headers
from werkzeug.security import safe_join

from ..wrappers.error_pages import Pairs
from ..wrappers.file_body import READ_WHOLE
from ..wrappers.response import Response
from .plain_response import Plain, RawPairs, raw_pairs

if TYPE_CHECKING:
    from ..exchange.exchange import Exchange

#: The most names that are cached: clients may ask for one file under many (`a.txt`, `b/../a.txt`, ...).
MOST_FILES = 1024

#: The types of SEND_FILE_MAX_AGE_DEFAULT whose effect on the headers is known.
AGES = {int, timedelta, type(None)}

#: If the last `stat` of a file took less than this many seconds, the next may be made on the loop's thread.
NEAR = 0.01

#: The fields of `stat` that change when a file does.
FileState = tuple[int, ...]


class StaticFiles:
    """The cache of one static folder: the headers of Flask's view by filename."""

    def __init__(self, app: flask.Flask, owner: flask.Flask | flask.Blueprint, view: Callable[..., Any]) -> None:
        """`owner` is the app or blueprint that has the folder, `view` is Flask's view for it."""
        self._app = app
        self._owner = owner
        self._view = view
        self._known: dict[str, KnownFile] = {}

    def ask_view(self, filename: str) -> Any:
        """Call Flask's view, and cache the headers of its response."""
        facts = self._facts(filename)
        state = None if facts is None else state_of_file(facts[0])
        response = self._view(filename=filename)
        if facts is not None and state is not None and state_of_file(facts[0]) == state and is_of_file(response, state):
            if len(self._known) >= MOST_FILES:
                self._known.clear()
            self._known[filename] = KnownFile(facts, state, response)
        return response

    def answer(self, exchange: Exchange, arguments: dict[str, Any], may_block: bool = True) -> StaticAnswer | None:
        """Answer as Flask's view would; None for a file that is not cached, and for ranges and other conditions.

        Unless it may block, it reads no file, and makes a `stat` only of a file whose last one was quick.
        """
        if arguments.keys() != {"filename"}:  # of a rule that the user has added
            return None
        filename = arguments["filename"]
        known = self._known.get(filename)
        status_code = None if known is None else known.status_for(exchange.fields)
        if known is None or status_code is None or exchange.method not in ("GET", "HEAD"):
            return None
        is_bare = status_code == 304 or exchange.method == "HEAD"
        if not (may_block or (is_bare and known.is_near)):
            return None
        if self._facts(filename) != known.facts or not known.is_same():
            return None
        if is_bare:
            return StaticAnswer(status_code, known, b"")
        body = known.read()
        return None if body is None else StaticAnswer(status_code, known, body)

    def _facts(self, filename: str) -> tuple[Any, ...] | None:
        """Return the path of a file, its type and its max age: all that the headers depend on besides its state."""
        folder, config = self._owner.static_folder, self._app.config
        path = None if folder is None else safe_join(folder, filename)
        if path is None or config["USE_X_SENDFILE"]:
            return None
        max_age = config["SEND_FILE_MAX_AGE_DEFAULT"]
        if type(max_age) not in AGES:
            return None
        return os.path.join(self._app.root_path, path), guess_type(os.path.basename(path)), max_age


class KnownFile:
    """The headers that Flask's view sent for a file, and the facts and state that they depend on."""

    def __init__(self, facts: tuple[Any, ...], state: FileState, response: flask.Response) -> None:
        self.facts = facts
        self.state = state
        self.path: str = facts[0]
        #: Whether the last `stat` was quick, as it need not be on a network file system.
        self.is_near = False
        self._max_age = seconds(facts[-1])
        self._size = int(response.headers["Content-Length"])
        self._etag = response.headers["ETag"]
        self._modified = response.headers["Last-Modified"]
        headers = list(response.headers)
        bare_headers = headers.copy()
        remove_entity_headers(bare_headers)
        self._headers = {200: headers, 304: bare_headers}
        self._raw_headers = {status_code: raw_pairs(pairs) for status_code, pairs in self._headers.items()}

    def status_for(self, fields: dict[str, Any]) -> int | None:
        """Return 200 or 304 for a request with these headers, None to leave the conditions to Werkzeug."""
        if "HTTP_RANGE" in fields or "HTTP_IF_MATCH" in fields:
            return None
        none_match, modified_since = fields.get("HTTP_IF_NONE_MATCH"), fields.get("HTTP_IF_MODIFIED_SINCE")
        if none_match is None and modified_since is None:
            return 200
        # If-None-Match takes precedence (RFC 9110 section 13.2.2), and compares weakly (section 13.1.2).
        if none_match is None:
            return 304 if modified_since == self._modified else None
        return 304 if none_match.removeprefix("W/") == self._etag else None

    def is_same(self) -> bool:
        """Tell by a `stat` whether the file is unchanged."""
        started = time.perf_counter()
        is_same = state_of_file(self.path) == self.state
        self.is_near = time.perf_counter() - started < NEAR
        return is_same

    def read(self) -> bytes | None:
        """Read the file; None if it is longer than READ_WHOLE, or its length has changed."""
        if self._size > READ_WHOLE:
            return None
        try:
            with open(self.path, "rb", buffering=0) as file:
                body: bytes = file.read(self._size + 1)
        except OSError:  # left to Flask's view
            return None
        return body if len(body) == self._size else None

    def headers(self, status_code: int) -> Pairs:
        """Return the headers with the current dates, for `start_response` (PEP 3333)."""
        now = self._times()
        return [(name, now.get(name, value)) for name, value in self._headers[status_code]]

    def raw_headers(self, status_code: int) -> RawPairs:
        """Return the headers with the current dates, for `http.response.start` (ASGI spec)."""
        now = {name.lower().encode(): value.encode() for name, value in self._times().items()}
        return [(name, now.get(name, value)) for name, value in self._raw_headers[status_code]]

    def _times(self) -> dict[str, str]:
        now = time.time()
        times = {"Date": date_of(int(now))}
        if self._max_age is not None:
            times["Expires"] = date_of(int(now + self._max_age))
        return times


class StaticAnswer(Plain):
    """The plain response for a cached file."""

    __slots__ = ("_known",)

    def __init__(self, status_code: int, known: KnownFile, body: bytes) -> None:
        self.status_code = status_code
        self.body = body
        self._known = known

    def headers(self) -> Pairs:
        """Return the headers for `start_response` (PEP 3333)."""
        return self._known.headers(self.status_code)

    def raw_headers(self) -> RawPairs:
        """Return the headers for `http.response.start` (ASGI spec)."""
        return self._known.raw_headers(self.status_code)


@lru_cache(64)
def date_of(second: int) -> str:
    return http_date(second)


def seconds(max_age: timedelta | int | None) -> int | None:
    return int(max_age.total_seconds()) if isinstance(max_age, timedelta) else max_age


def state_of_file(path: str) -> FileState | None:
    """Return the fields of `stat` that change when the file or its mode does; None if there is no file."""
    try:
        stat = os.stat(path)
    except (OSError, ValueError):  # ValueError: a null character in the path
        return None
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino, stat.st_dev, stat.st_mode


def is_of_file(response: Any, state: FileState) -> bool:
    """Tell whether a response is Flask's for a whole file in this state, or the 304 for it."""
    if type(response) is not Response or response.status_code not in (200, 304):
        return False
    headers = response.headers
    return headers.get("Content-Length") == str(state[2]) and "ETag" in headers and "Last-Modified" in headers
