"""Methods, targets and headers that nobody should send: the same answer everywhere, and the next request is fine."""

from __future__ import annotations

import pytest

from dualapp import DualApp, request

from ..conftest import Serve
from .apps import ask, reading


@pytest.mark.parametrize("value", ["a\x01b", "\x7f", "a\tb", "\xff", "x" * 20_000, "\x0b", "a\x00b"])
def test_odd_header_values(serve: Serve, value: str) -> None:
    def build(app: DualApp) -> None:
        @app.get("/header")
        async def header():
            return {"x": request.headers["X-Odd"]}

    assert ask(serve(reading, build), "GET", "/header", [("X-Odd", value)]).json() == {"x": value}


HOSTILE = [
    ("Cookie", "=;;;=\xff; a"),
    ("Authorization", "Basic"),
    ("Authorization", "Basic ="),
    ("Authorization", 'Digest username="'),
    ("If-Modified-Since", "yesterday"),
    ("If-None-Match", '"'),
    ("Range", "bytes=9-1,"),
    ("Accept", "q=;q=x;q=2"),
    ("Accept-Language", "*;q=abc"),
    ("Cache-Control", "max-age=many"),
    ("Content-Type", ";;;charset"),
    ("Host", "a b"),
    ("Host", "a/b@c"),
    ("Host", "[::"),
    ("Host", "x:y"),
    ("Host", "localhost:99999999"),
    ("Max-Forwards", "-"),
    ("User-Agent", ""),
]


@pytest.mark.parametrize(("name", "value"), HOSTILE)
def test_headers_that_make_no_sense(serve: Serve, name: str, value: str) -> None:
    def build(app: DualApp) -> None:
        @app.get("/all")
        async def everything():
            auth = request.authorization
            return {
                "cookies": request.cookies,
                "auth": [auth.type, auth.parameters, auth.token] if auth else None,
                "since": str(request.if_modified_since),
                "none_match": str(request.if_none_match),
                "range": str(request.range),
                "accept": [str(request.accept_mimetypes), str(request.accept_languages)],
                "age": request.cache_control.get("max-age"),
                "kind": [request.content_type, request.mimetype, request.mimetype_params],
                "host": request.headers.get("Host"),
                "agent": str(request.user_agent),
                "forwards": request.headers.get("Max-Forwards"),
            }

        @app.get("/urls")
        async def urls():
            return {"host": request.host, "url": request.url}

    client = serve(reading, build)
    assert ask(client, "GET", "/all", [(name, value)]).status in (200, 400)
    assert ask(client, "GET", "/urls", [(name, value)]).status in (200, 400, 500)


@pytest.mark.parametrize(
    "target", ["/%00", "/%0A", "/%0d%0aX:%20y", "/%", "/%C3", "/\xff", "/\x7f", "/a?%00%0A", "/a?\xff%"]
)
def test_odd_targets(serve: Serve, target: str) -> None:
    assert ask(serve.shared(reading), "GET", target).status == 404


def test_methods_that_make_no_sense(serve: Serve) -> None:
    client = serve(reading)
    for method in ("get", "G ET", "X" * 100, "G\xcb"):
        assert ask(client, method, "/").status in (200, 405)
