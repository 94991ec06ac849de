"""Static files, answered with what Flask's own view said of them before, for as long as they stay the same.

What that view says of a file follows from its path, from what `stat` says of it and from a few settings; only the time
and the conditions of a request change. So the headers are taken from the first answer of Flask's, and each request for
the file looks whether what they follow from is as it was. The content is read each time.
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

#: Clients ask for files under as many names as they like: `a.txt`, `b/../a.txt`, ...
MOST_FILES = 1024

#: What SEND_FILE_MAX_AGE_DEFAULT may be for what follows from it to be known.
AGES = {int, timedelta, type(None)}

#: How many seconds a look at a file may have taken for the next one to be taken on a loop.
NEAR = 0.01

#: What `stat` says of a file.
FileState = tuple[int, ...]


class StaticFiles:
    """What Flask's view of a static folder has answered, given again for as long as it follows from the same facts."""

    def __init__(self, app: flask.Flask, owner: flask.Flask | flask.Blueprint, view: Callable[..., Any]) -> None:
        """Take the app, and the app or the blueprint that has the folder."""
        self._app = app
        self._owner = owner
        self._view = view
        self._known: dict[str, KnownFile] = {}

    def ask_view(self, filename: str) -> Any:
        """Have Flask's view answer, and remember what it says of the file."""
        facts = self._facts(filename)
        state = None if facts is None else state_of(facts[0])
        response = self._view(filename=filename)
        if facts is not None and state is not None and state_of(facts[0]) == state and is_of_file(response, state):
            if len(self._known) >= MOST_FILES:
                self._known.clear()
            self._known[filename] = KnownFile(facts, state, response)
        return response

    def answer(self, exchange: Exchange, arguments: dict[str, Any], may_block: bool = True) -> StaticAnswer | None:
        """Answer as Flask's view would; None for what is not known, or takes more than to compare.

        What must not block looks at a file only if the last look was short, and reads none.
        """
        if arguments.keys() != {"filename"}:  # those of a rule of the user's own
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
        """Return the path of a file and all else, beside its state, that the answer follows from."""
        folder, config = self._owner.static_folder, self._app.config
        path = None if folder is None else safe_join(folder, filename)
        if path is None or config["USE_X_SENDFILE"]:
            return None
        max_age = config["SEND_FILE_MAX_AGE_DEFAULT"]
        if type(max_age) not in AGES:
            return None
        return os.path.join(self._app.root_path, path), guess_type(os.path.basename(path)), max_age


class KnownFile:
    """What Flask's view said of a file."""

    def __init__(self, facts: tuple[Any, ...], state: FileState, response: flask.Response) -> None:
        self.facts = facts
        self.state = state
        self.path: str = facts[0]
        #: Whether the last look at the file took no time to speak of, as it may over a network.
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
        """Return the status for a request, None if that is for Werkzeug to find."""
        if "HTTP_RANGE" in fields or "HTTP_IF_MATCH" in fields:
            return None
        none_match, modified_since = fields.get("HTTP_IF_NONE_MATCH"), fields.get("HTTP_IF_MODIFIED_SINCE")
        if none_match is None and modified_since is None:
            return 200
        # If-None-Match alone counts where it is there (RFC 9110 section 13.2.2), with the weak comparison.
        if none_match is None:
            return 304 if modified_since == self._modified else None
        return 304 if none_match.removeprefix("W/") == self._etag else None

    def is_same(self) -> bool:
        """Look whether the file is as it was."""
        started = time.perf_counter()
        is_same = state_of(self.path) == self.state
        self.is_near = time.perf_counter() - started < NEAR
        return is_same

    def read(self) -> bytes | None:
        """Read the file; None if it is a long one, or is being changed."""
        if self._size > READ_WHOLE:
            return None
        try:
            with open(self.path, "rb", buffering=0) as file:
                body: bytes = file.read(self._size + 1)
        except OSError:  # which is Flask's to answer
            return None
        return body if len(body) == self._size else None

    def headers(self, status_code: int) -> Pairs:
        """Return the headers of an answer that is given now, as WSGI wants them."""
        now = self._times()
        return [(name, now.get(name, value)) for name, value in self._headers[status_code]]

    def raw_headers(self, status_code: int) -> RawPairs:
        """Return them as ASGI wants them."""
        now = {name.lower().encode(): value.encode() for name, value in self._times().items()}
        return [(name, now.get(name, value)) for name, value in self._raw_headers[status_code]]

    def _times(self) -> dict[str, str]:
        now = time.time()
        times = {"Date": date_of(int(now))}
        if self._max_age is not None:
            times["Expires"] = date_of(int(now + self._max_age))
        return times


class StaticAnswer(Plain):
    """The answer for a file that is known."""

    __slots__ = ("_known",)

    def __init__(self, status_code: int, known: KnownFile, body: bytes) -> None:
        self.status_code = status_code
        self.body = body
        self._known = known

    def headers(self) -> Pairs:
        """Spell the headers as WSGI wants them."""
        return self._known.headers(self.status_code)

    def raw_headers(self) -> RawPairs:
        """Spell the headers as ASGI wants them."""
        return self._known.raw_headers(self.status_code)


@lru_cache(64)
def date_of(second: int) -> str:
    return http_date(second)


def seconds(max_age: timedelta | int | None) -> int | None:
    return int(max_age.total_seconds()) if isinstance(max_age, timedelta) else max_age


def state_of(path: str) -> FileState | None:
    """Return what changes when a file does, or who may read it; None if there is no file."""
    try:
        stat = os.stat(path)
    except (OSError, ValueError):  # a name that no file can have
        return None
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino, stat.st_dev, stat.st_mode


def is_of_file(response: Any, state: FileState) -> bool:
    """Tell whether a response is what Flask says of the whole of a file."""
    if type(response) is not Response or response.status_code not in (200, 304):
        return False
    headers = response.headers
    return headers.get("Content-Length") == str(state[2]) and "ETag" in headers and "Last-Modified" in headers
