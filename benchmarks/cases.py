"""What is asked of each framework, what it must answer, and how many times its time ours may be at most."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from benchmarks.calls import Answer, Request
from benchmarks.tables import RESOURCES

HELLO = {"hello": "world"}
PERSON = {"name": "Ada Lovelace", "born": 1815, "languages": ["English", "French", "Italian"]}
FORM = {"name": "Ada Lovelace", "city": "London", "email": "ada@example.org"}
PAGE = """<!doctype html>
<title>People</title>
<h1>People</h1>
<ul>
  <li>Ada, London</li>
  <li>Grace &amp; co, New York</li>
</ul>
<p>2 in all</p>
</html>"""


class Wrong(Exception):
    """A framework gave another answer than the case asks for."""


@dataclass(frozen=True)
class Expected:
    status: int = 200
    json: Any = None
    #: What the whole body must match.
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def check(self, answer: Answer) -> None:
        is_right = answer.status == self.status
        if self.json is not None:
            is_right &= "json" in answer.header("content-type") and json.loads(answer.body) == self.json
        if self.body is not None:
            is_right &= re.fullmatch(self.body, answer.body.decode(), re.DOTALL) is not None
        is_right &= all(re.fullmatch(value, answer.header(name)) for name, value in self.headers.items())
        if not is_right:
            raise Wrong(f"{answer} instead of {self}")


@dataclass(frozen=True)
class Case:
    #: The function of each framework's module that makes its app.
    name: str
    title: str
    exchanges: list[tuple[Request, Expected]]
    #: By entry and peer; None where the peer is only shown.
    limits: Mapping[str, Mapping[str, float | None]]
    #: What the next request takes from an answer, as a browser does.
    carries: Mapping[str, str] = field(default_factory=dict)


def limits(wsgi: str, asgi: str, most: float) -> dict[str, dict[str, float | None]]:
    return {"wsgi": {wsgi: most}, "asgi": dict.fromkeys(asgi.split(), most)}


def against_falcon(most: float) -> dict[str, dict[str, float | None]]:
    return limits("falcon", "falcon", most)


def against_family(most: float) -> dict[str, dict[str, float | None]]:
    return limits("flask", "quart", most)


def one(expected: Expected, target: str = "/", **request: Any) -> list[tuple[Request, Expected]]:
    return [(Request(target, **request), expected)]


def rest(resources: list[str]) -> list[tuple[Request, Expected]]:
    """Ask for each list and for one of its items, and have one deleted."""
    return [
        (Request(target, method), Expected(json={"resource": resource, "item": item}))
        for resource in resources
        for method, target, item in [
            ("GET", resource, None),
            ("GET", f"{resource}/7", 7),
            ("DELETE", f"{resource}/7", 7),
        ]
    ]


LINE = "  <li>Ada, London</li>\n  <li>Grace &amp; co, New York</li>\n"
#: A megabyte of JSON.
PEOPLE = [PERSON] * 11_000
BOUNDARY = "benchmark"
PART = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="f.bin"\r\n\r\n'
UPLOAD = PART.encode() + b"0123456789abcdef" * 655_360 + f"\r\n--{BOUNDARY}--\r\n".encode()

#: Cases of which each request takes many milliseconds.
LARGE = [
    Case(
        "echo",
        "1 MB of JSON in and out",
        one(
            Expected(json=PEOPLE),
            method="POST",
            headers=(("content-type", "application/json"),),
            body=json.dumps(PEOPLE).encode(),
        ),
        against_family(0.9),
    ),
    Case(
        "long_template",
        "template of 1,000 rows",
        one(Expected(body=f".*<ul>\n({re.escape(LINE)}){{500}}</ul>.*")),
        against_family(0.9),
    ),
    Case(
        "upload",
        "form with a file of 10 MB",
        one(
            Expected(json={"size": 10_485_760}),
            method="POST",
            headers=(("content-type", f"multipart/form-data; boundary={BOUNDARY}"),),
            body=UPLOAD,
        ),
        against_family(0.9),
    ),
]

CASES = [
    Case(
        "hello",
        "dict, static route",
        one(Expected(json=HELLO)),
        {
            "asgi": {
                "falcon": 0.75,
                "blacksheep": 0.85,
                "quart": 1 / 14,
                "starlette": None,
                "litestar": None,
                "fastapi": None,
                "django": None,
                "bare": None,
            },
            "wsgi": {"falcon": 0.8, "flask": 1 / 6, "bottle": None, "django": None, "bare": None},
        },
    ),
    Case(
        "crossed",
        "dict, a view of the other colour",
        one(Expected(json=HELLO)),
        {"wsgi": {"flask": 1 / 6}, "asgi": {"starlette": 0.6}},
    ),
    Case("person", "`/person/<int:id>`", one(Expected(json={"person": 42}), "/person/42"), against_falcon(0.9)),
    Case(
        "text",
        "str",
        one(Expected(body="Hello, World!", headers={"content-type": "text/html; charset=utf-8"})),
        against_falcon(0.9),
    ),
    Case(
        "created",
        "tuple with status and headers",
        one(Expected(201, body="created", headers={"location": "/person/42"})),
        against_falcon(0.9),
    ),
    Case("empty", "204", one(Expected(204, body="")), against_falcon(0.9)),
    Case("moved", "redirect", one(Expected(302, headers={"location": "/elsewhere"})), against_falcon(0.9)),
    Case(
        "search",
        "one query argument and one header",
        one(Expected(json={"q": "ada", "token": "secret"}), "/search?q=ada", headers=(("x-token", "secret"),)),
        against_falcon(1.0),
    ),
    Case(
        "json",
        "JSON in, JSON out",
        one(
            Expected(json={"person": PERSON, "age": 36}),
            method="POST",
            headers=(("content-type", "application/json"),),
            body=json.dumps(PERSON).encode(),
        ),
        limits("falcon", "falcon starlette", 1.0),
    ),
    Case(
        "form",
        "form of three fields",
        one(
            Expected(json=FORM),
            method="POST",
            headers=(("content-type", "application/x-www-form-urlencoded"),),
            body=urlencode(FORM).encode(),
        ),
        against_family(1 / 2),
    ),
    Case(
        "visits",
        "signed session, read and written",
        one(Expected(json={"visits": 2}, headers={"set-cookie": "session=.+; HttpOnly; Path=/"})),
        against_family(1 / 2),
        carries={"set-cookie": "cookie"},
    ),
    Case(
        "hooks",
        "a before, an after and a teardown hook",
        # How many more times the first has run than the last: 1, if both run once per request.
        one(Expected(json=HELLO, headers={"x-hooks": "1"})),
        against_family(1 / 4),
    ),
    Case("template", "template of ten lines", one(Expected(body=re.escape(PAGE))), against_family(1 / 1.5)),
    Case(
        "static_file",
        "static file of 10 kB",
        one(Expected(body="(?:0123456789abcdef\n){588}.*"), "/static/ten.txt"),
        against_family(1 / 2),
    ),
    Case(
        "not_modified",
        "static file, 304",
        one(Expected(304, body=""), "/static/ten.txt"),
        against_family(1 / 2),
        carries={"etag": "if-none-match"},
    ),
    Case("not_found", "404", one(Expected(404, body=".*Not Found.*"), "/nowhere"), against_family(1 / 3)),
    Case(
        "not_allowed",
        "405",
        one(Expected(405, body=".*Method Not Allowed.*", headers={"allow": ".*GET.*"}), method="POST"),
        against_family(1 / 3),
    ),
    Case("raised", "HTTPException raised", one(Expected(403, body=".*Forbidden.*")), against_family(1 / 3)),
    # As many requests as for 1,000 routes: only the routes are to differ, not what the requests leave in the caches.
    Case("routes_10", "10 routes", rest(RESOURCES[:2]) * (len(RESOURCES) // 2), {}),
    Case("routes_1000", "1,000 routes", rest(RESOURCES), {}),
]
