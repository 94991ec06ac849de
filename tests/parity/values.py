"""Values that views return: what Flask makes an answer of, and what it refuses."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import http
import uuid
from collections import OrderedDict, defaultdict, namedtuple
from collections.abc import Iterator
from typing import Any

import flask
from markupsafe import Markup
from werkzeug.datastructures import Headers
from werkzeug.exceptions import ImATeapot, NotFound
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Response as WerkzeugResponse

from dualapp import DualApp, Response


class Word(str):
    __slots__ = ()


class Table(dict):  # type: ignore[type-arg]
    pass


class Rows(list):  # type: ignore[type-arg]
    pass


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Name(enum.StrEnum):
    ANN = "ann"


@dataclasses.dataclass
class Point:
    x: int
    y: Point | None = None


class Shown:
    def __html__(self) -> str:
        return "<b>shown</b>"


Pair = namedtuple("Pair", "body status")


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


CIRCLE: dict[str, Any] = {}
CIRCLE["self"] = CIRCLE

BODIES: dict[str, Any] = {
    "str": "tëxt €",
    "empty": "",
    "surrogate": "\ud800",
    "subclass-of-str": Word("word"),
    "markup": Markup("<b>bold</b>"),
    "enum-of-str": Name.ANN,
    "bytes": b"\x00\xff",
    "no-bytes": b"",
    "dict": {"b": 1, "a": [2, {"c": None}]},
    "no-dict": {},
    "list": [1, "zwei", 3.5, True, None],
    "no-list": [],
    "subclass-of-dict": Table(a=1),
    "subclass-of-list": Rows([1]),
    "ordered": OrderedDict(b=1, a=2),
    "defaulting": defaultdict(int, a=1),
    "number-keys": {2: "b", 1: "a", 1.5: "c", 10: "d"},
    "odd-keys": {None: 1},
    "true-keys": {True: 1, False: 2},
    "mixed-keys": {"a": 1, 1: 2},
    "tuple-keys": {(1, 2): 3},
    "enum-keys": {Level.HIGH: 1, Name.ANN: 2},
    "numbers-of-no-number": [float("nan"), float("inf"), -float("inf"), -0.0, 1e300, 10**30, True],
    "types": [
        datetime.date(2020, 2, 3),
        datetime.datetime(2020, 2, 3, 4, 5, 6, tzinfo=datetime.UTC),
        decimal.Decimal("1.50"),
        uuid.UUID(int=7),
        Point(1, Point(2)),
        Shown(),
        Markup("<i>&amp;</i>"),
        Level.HIGH,
        Name.ANN,
        Word("word"),
        Pair(1, 2),
        Table(a=Rows([1])),
    ],
    "text-to-escape": {"ü": '<\u2028\x00"\\/€😀\ud800>'},
    "unserialisable": {"x": object()},
    "unserialisable-enum": [Colour.RED],
    "bytes-within": {"x": b"raw"},
    "set-within": [{1}],
    "circle": CIRCLE,
    "deep": nested(100),
    "too-deep": nested(200_000),
    "namedtuple": Pair("named", 202),
    "tuple-within": (("inner", 201), 202),
    "exception": ImATeapot(),
    "error-class": NotFound,
    "number": 42,
    "true": True,
    "none": None,
    "object": object(),
    "no-tuple": (),
    "one": ("one",),
    "four": ("a", 200, {}, "b"),
}

STATUSES: dict[str, Any] = {
    **{str(code): code for code in (*HTTP_STATUS_CODES, 299, 499, 599) if code >= 200},
    "none": None,
    "enum": http.HTTPStatus.CREATED,
    "text": "201 Made",
    "number-text": "201",
    "bytes": b"202 Accepted",
    "no-text": "",
    "float": 201.0,
}

HEADERS: dict[str, Any] = {
    "one": {"X-One": "1"},
    "ordinary": {"ETag": '"e"', "cache-control": "no-store", "VARY": "Accept", "Allow": "GET", "Expires": "0"},
    "own-type": {"Content-Type": "text/plain", "X-After": "1"},
    "own-type-lower": {"content-type": "text/plain"},
    "location": {"Location": "/ä b?c=%20"},
    "quoted": {"Location": "/a b|c"},
    "absolute": {"Location": "//elsewhere/x"},
    "content-location": {"Content-Location": "/ü"},
    "cookie": {"Set-Cookie": "a=b"},
    "cookies": [("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")],
    "several": {"X-Several": ["1", "2"]},
    "twice": {"X-Twice": "1", "x-twice": "2"},
    "twice-listed": [("X-Twice", "1"), ("X-Twice", "2")],
    "tuple": (("X-T", "1"),),
    "number": {"X-Number": 1},
    "latin": {"X-Latin": "é"},
    "newline": {"X-Line": "a\nb: c"},
    "tab": {"X-Tab": "a\tb"},
    "blank": {"X-Blank": ""},
    "underscored": {"X-under_scored": "1"},
    "hyphens": {"X--": "1"},
    "subclassed": Table({"X-Sub": "1"}),
    "none": None,
    "no-dict": {},
    "encoding": {"Content-Encoding": "gzip", "Transfer-Encoding": "identity"},
    "range": {"Content-Range": "bytes 0-1/4", "Accept-Ranges": "bytes"},
}


def rows() -> Iterator[tuple[str, Any]]:
    """Each body alone; each status and each header with a text and with JSON; some of all three."""
    yield from BODIES.items()
    for kind in ("str", "dict"):
        body = BODIES[kind]
        yield from ((f"{kind}, status {name}", (body, status)) for name, status in STATUSES.items())
        yield from ((f"{kind}, headers {name}", (body, headers)) for name, headers in HEADERS.items())
        for status in (204, 205, 304, 418):
            yield from ((f"{kind}, {status}, headers {name}", (body, status, value)) for name, value in HEADERS.items())
    for name, body in BODIES.items():
        yield f"{name}, 202, header", (body, 202, {"X-All": "1"})


VALUES = dict(rows())

#: What Flask changes while it makes a response of it, and so is to be made for each request.
MADE: dict[str, Any] = {
    "headers": lambda: ("text", Headers([("X-H", "1"), ("X-H", "2")])),
    "headers of JSON": lambda: ({}, Headers([("X-H", "1"), ("X-H", "2")])),
    "own length": lambda: ("text", {"Content-Length": "3"}),
    "response": lambda: Response("made", 203, {"X-Made": "1"}),
    "changed response": lambda: (Response("made", 203, {"X-Made": "1"}), 201, {"X-Made": "2"}),
    "listed response": lambda: Response(["a", "b"]),
    "response of bytes": lambda: Response([b"a", b"b"], headers={"Content-Length": "2"}),
    "response without type": lambda: Response("made", content_type=""),
    "empty response": lambda: Response(),
    "not modified": lambda: Response("x", 304, {"ETag": '"e"', "Allow": "GET"}),
    "response with locations": lambda: Response("x", 201, [("Location", "/a"), ("Location", "/b")]),
    "response with other name": lambda: Response("x", 201, [("location", "/a"), ("Content-Location", "/ü")]),
    "response that is closed": lambda: closing(Response("x")),
    "passed through": lambda: Response([b"a", b"b"], direct_passthrough=True),
    "werkzeug": lambda: WerkzeugResponse("theirs", 201),
    "generator": lambda: (part for part in ("a", b"b")),
    "app": lambda: flask.Flask("other"),
    "other": lambda: DualApp("other"),
}


def closing(response: Response) -> Response:
    response.call_on_close(bool)
    return response
