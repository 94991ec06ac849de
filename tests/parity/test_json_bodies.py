"""JSON bodies parsed without a request object: what a view reads then and later is what Flask's request gives it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import flask
import pytest
from flask.json.provider import DefaultJSONProvider
from hypothesis import given
from hypothesis import strategies as st

from dualapp import DualApp, current_app, request
from dualapp.shortcuts.json_bodies import loads
from dualapp.wrappers.faces import sync_face

from ..conftest import Serve
from ..support.waiting import LIMIT

BODIES = [
    b'{"a": [1, null, "\xc3\xbc"], "b": 1.5}',
    b" [1]\n",
    b'"text"',
    b"NaN",
    b"1 2",
    b"{",
    b"",
    b'\xef\xbb\xbf{"a": 1}',
    '{"a": "ü"}'.encode("utf-16"),
    '{"a": "ü"}'.encode("utf-16-le"),
    '{"a": "ü"}'.encode("utf-32-be"),
    b'"\xed\xa0\x80"',
    b"\xff",
]
TYPES = [
    "application/json",
    "application/json; charset=utf-8",
    "application/problem+json",
    "Application/JSON",
    "text/plain",
]


def reading(app: DualApp) -> None:
    @app.post("/parsed")
    async def parsed():
        first = await request.get_json()
        return {
            "body": ascii(first),
            "is_kept": (await request.get_json()) is first,
            "json": (await request.json) is first,
        }

    @app.post("/property")
    async def as_property():
        first = await request.json
        return {"body": ascii(first), "is_kept": (await request.get_json()) is first}

    @app.post("/later")
    async def later():
        """Make the request object after the body was parsed."""
        first = await request.get_json()
        data = await request.get_data()
        again = [await request.get_json(), flask.request.get_json(), await request.get_json(silent=True)]
        left = flask.request.stream.read(), request.environ["wsgi.input"].read()
        form = [*(await request.form)]
        return {
            "data": ascii(data),
            "are_kept": [value is first for value in again],
            "left": ascii(left),
            "form": form,
            "type": request.mimetype,
            "length": request.content_length,
        }

    @app.post("/failed")
    async def failed():
        """Read on after the body could not be parsed."""
        try:
            return {"body": ascii(await request.get_json())}
        except Exception as error:
            return {"error": type(error).__name__, "data": ascii(await request.get_data()), "is_json": request.is_json}

    @app.post("/limited")
    async def limited():
        current_app.config["MAX_CONTENT_LENGTH"] = int(request.args["limit"])
        return {"body": ascii(await request.get_json())}

    @app.post("/limited-unseen/<int:limit>")
    async def limited_unseen(limit):
        current_app.config["MAX_CONTENT_LENGTH"] = limit
        return {"body": ascii(await request.get_json())}

    @app.post("/with/<argument>")
    async def with_argument(argument):
        first = await request.get_json(**{argument: argument != "cache"})
        second = await request.get_json(silent=True)
        return {"body": ascii(first), "again": ascii(second), "is_kept": first is second}


@pytest.mark.parametrize("content_type", TYPES)
def test_a_body_reads_as_in_flask(serve: Serve, content_type: str) -> None:
    client = serve(reading)
    for body in BODIES:
        for path in ("parsed", "property", "later", "failed", "with/force", "with/silent", "with/cache"):
            client.post(f"/{path}", [("Content-Type", content_type)], body)  # `serve` compares it with Flask's answer


def test_the_limit_is_flasks(serve: Serve) -> None:
    client = serve(reading)
    assert client.post("/limited-unseen/6", json=[1, 2]).json() == {"body": "[1, 2]"}
    assert client.post("/limited-unseen/5", json=[1, 2]).status == 413
    assert client.post("/limited?limit=6", json=[1, 2]).status == 200


def test_only_where_it_must_is_a_request_object_made(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def noting(context: Any) -> flask.Request:
        made.append(context.exchange.path)
        return sync_face(context)

    monkeypatch.setattr("dualapp.pipeline.context.sync_face", noting)

    def build(app: DualApp) -> None:
        @app.post("/parsed")
        async def parsed():
            return {"body": await request.get_json()}

        @app.post("/read")
        async def read():
            return {"body": await request.get_json(), "url": request.path}

    client = serve(build)
    client.post("/parsed", json=[1])  # the first request of a host is matched by Werkzeug, which needs an object
    made.clear()
    client.post("/parsed", json=[1])
    client.post("/read", json=[1])
    assert set(made) == ({"/read"} if serve.road == "short" else {"/parsed", "/read"})


def test_a_json_provider_parses(serve: Serve) -> None:
    class Provider(DefaultJSONProvider):
        def loads(self, s: Any, **kwargs: Any) -> Any:
            return [type(s).__name__, json.loads(s, **kwargs)]

    def build(app: DualApp) -> None:
        app.json = Provider(app)

        @app.post("/")
        async def index():
            return {"body": await request.get_json()}

        @app.post("/replaced")
        async def replaced():
            current_app.json.loads = lambda data: len(data)
            return {"body": await request.get_json()}

    client = serve(build)
    assert client.post("/", json=[1]).json() == {"body": ["bytes", [1]]}
    assert client.post("/replaced", json=[1]).json() == {"body": 3}


def test_a_method_that_a_test_replaces_is_called_and_put_back(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.post("/")
        def sync_view():
            before = request.get_json
            request.get_json = lambda: ["replaced", before()]
            replaced = request.get_json()
            request.get_json = before
            return [replaced, request.get_json()]

    client = serve(build)
    client.post("/", json=[1])
    assert client.post("/", json=[1]).json() == [["replaced", [1]], [1]]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
encodings = st.sampled_from(
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
encoded = st.builds(
    lambda value, encoding, indent, end: (json.dumps(value, ensure_ascii=False, indent=indent) + end).encode(encoding),
    values,
    encodings,
    st.sampled_from([None, 2]),
    st.sampled_from(["", "\n", " x", "\0"]),
)


@given(data=encoded | st.binary())
def test_json_is_decoded_as_by_flasks_provider(data: bytes) -> None:
    app = flask.Flask(__name__)
    assert outcome_of(lambda: loads(app.json, data)) == outcome_of(lambda: app.json.loads(data))


def outcome_of(call: Any) -> str:
    try:
        return repr(call())
    except ValueError as error:
        return repr(error)


class Noting(DefaultJSONProvider):
    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return json.dumps({"dumped": obj, "layout": [*kwargs]}, **kwargs)


class Wide(Noting):
    compact = False
    mimetype = "application/vnd.api+json"


class Refusing(DefaultJSONProvider):
    def dumps(self, obj: Any, **kwargs: Any) -> str:
        raise TypeError("no JSON today")


@pytest.mark.parametrize("provider", [Noting, Wide, Refusing])
def test_a_providers_dumps_makes_the_answer(serve: Serve, provider: type[DefaultJSONProvider]) -> None:
    def build(app: DualApp) -> None:
        app.json = provider(app)

        @app.get("/")
        async def index():
            return {"a": [1]}, 201, {"X-Name": "x"}

        @app.errorhandler(TypeError)
        async def refused(error):
            return str(error), 500

    client = serve(build)
    for _ in range(2):  # `serve` compares them with Flask's
        assert client.get("/").status == (500 if provider is Refusing else 201)


def test_a_view_reads_json(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.post("/sum")
        async def index():
            return {"sum": sum(await request.get_json())}

    answer = serve(build).post("/sum", json=[1, 2])
    assert (answer.status, answer.json()) == (200, {"sum": 3})


ROOT = Path(__file__).parents[2]

FRESH = """
import sys
from dualapp import DualApp, request
from tests.support.entry_driver import Client

app = DualApp("fresh")

@app.post("/<name>")
async def index(name):
    return {"name": name, "q": request.args["q"], "body": await request.get_json()}

client = Client(app, sys.argv[1])
answer = client.post("/a?q=1", [("Content-Type", "application/json")], b"[1]")
assert answer.json() == {"name": "a", "q": "1", "body": [1]}, answer
assert "quart" not in sys.modules
"""


@pytest.mark.parametrize("entry", ["wsgi", "asgi"])
def test_a_json_body_takes_no_quart(entry: str) -> None:
    """Not even in the first request of a process, which Werkzeug matches by means of a request object."""
    subprocess.run([sys.executable, "-c", FRESH, entry], cwd=ROOT, check=True, timeout=LIMIT)
