"""Bodies that are taken as they are: the same as through Werkzeug's stream, and only where nobody has a say in it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from typing import Any

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import EnvironHeaders
from werkzeug.exceptions import RequestEntityTooLarge

from dualapp import DualApp, request
from dualapp.exchange.body import Body, BodyStream
from dualapp.exchange.wsgi_exchange import WSGIExchange

from ..conftest import Serve
from ..support.entry_driver import Ask, environ_of, scope_of
from ..support.waiting import LIMIT

JSON = [("Content-Type", "application/json")]


def reading(app: DualApp) -> None:
    @app.post("/twice/<int:kept>")
    async def twice(kept):
        first = await request.get_data(cache=bool(kept))
        return {"read": [first.decode(), (await request.get_data()).decode(), (await request.get_data()).decode()]}

    @app.post("/json/<int:kept>")
    async def json_twice(kept):
        first = await request.get_json(cache=bool(kept))
        return {"read": [first, await request.get_json(silent=True), (await request.get_data()).decode()]}

    @app.post("/stream")
    async def stream():
        data = await request.get_data(cache=False, as_text=True)
        request.max_content_length = 1
        return {"data": data, "left": flask.request.stream.read().decode()}

    @app.post("/stream-first")
    async def stream_first():
        return {"some": flask.request.stream.read(2).decode(), "rest": (await request.get_data()).decode()}

    @app.post("/environ")
    async def environ():
        some = request.environ["wsgi.input"].read(2)
        return {"some": some.decode(), "rest": (await request.get_data()).decode()}

    @app.post("/environ-after")
    async def environ_after():
        data = await request.get_data()
        return {"data": data.decode(), "left": request.environ["wsgi.input"].read().decode()}

    @app.post("/replaced")
    async def replaced():
        request.environ["wsgi.input"] = io.BytesIO(b"another body")
        return await request.get_data()

    @app.post("/said")
    async def said():
        request.environ["CONTENT_TYPE"] = "application/json"
        return {"read": await request.get_json()}

    @app.post("/form")
    async def form():
        data = await request.get_data(cache=False)
        return {"data": data.decode(), "form": await request.form, "files": list(await request.files)}


@pytest.mark.parametrize(
    "path",
    [
        "/twice/0",
        "/twice/1",
        "/json/0",
        "/json/1",
        "/stream",
        "/stream-first",
        "/environ",
        "/environ-after",
        "/replaced",
        "/said",
        "/form",
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "Application/JSON ;x=y", "text/plain"])
def test_what_is_read_again(serve: Serve, path: str, kind: str) -> None:
    serve.shared(reading).post(path, [("Content-Type", kind)], b'["a body"]', escapes=True)


def own_class(app: Any, name: str) -> type:
    """Make a request class that has one thing of its own."""

    class WithStream(app.request_class):
        @property
        def stream(self):
            return io.BytesIO(b'["from its own stream"]')

    class WithHeaders(app.request_class):
        @property
        def headers(self):
            return EnvironHeaders({"CONTENT_TYPE": "application/own+json"})

        @headers.setter
        def headers(self, headers):
            """Leave what the constructor says aside."""

    class WithMimetype(app.request_class):
        mimetype = "application/own+json"

    class WithIsJson(app.request_class):
        is_json = True

    class WithData(app.request_class):
        def get_data(self, *args, **kwargs):
            return b'["its own data"]'

    class WithFailure(app.request_class):
        def on_json_loading_failed(self, error):
            return f"failed: {error is None}"

    class WithLimit(app.request_class):
        max_content_length = 3

    class WithArgs(app.request_class):
        @property
        def args(self):
            return super().args

    class WithSetter(app.request_class):
        @property
        def json_module(self):
            return self._json_module

        @json_module.setter
        def json_module(self, module):
            self._json_module = module

    class WithConstructor(app.request_class):
        def __init__(self, environ, *args, **kwargs):
            environ["CONTENT_TYPE"] = "application/json"
            super().__init__(environ, *args, **kwargs)

    return next(cls for cls in locals().values() if getattr(cls, "__name__", "") == name)


@pytest.mark.parametrize(
    "name",
    [
        "WithStream",
        "WithHeaders",
        "WithMimetype",
        "WithIsJson",
        "WithData",
        "WithFailure",
        "WithLimit",
        "WithArgs",
        "WithSetter",
        "WithConstructor",
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
@pytest.mark.parametrize("body", [b'["sent"]', b"[broken"])
def test_classes_that_have_a_say(serve: Serve, name: str, kind: str, body: bytes) -> None:
    def build(app: DualApp) -> None:
        app.request_class = own_class(app, name)

        @app.post("/")
        async def index():
            arguments = [request.args["a"], request.args["a"]]
            return {"json": await request.get_json(), "mimetype": flask.request.mimetype, "args": arguments}

    client = serve(build)
    for _ in range(2):
        client.post("/?a=b", [("Content-Type", kind)], body)


def test_the_provider_parses(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.json.loads = lambda data, **kwargs: type(data).__name__

        @app.post("/")
        async def index():
            return {"parsed": await request.get_json()}

    assert serve(build).post("/", JSON, b"[]").json() == {"parsed": "bytes"}


def test_a_body_that_was_refused_stays_refused(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["MAX_CONTENT_LENGTH"] = 4

        @app.post("/<ways>")
        async def index(ways):
            refusals = []
            for way in ways.split(","):
                try:
                    if way == "data":
                        await request.get_data()
                    else:
                        [piece async for piece in getattr(request, "body", None) or request.stream]
                except RequestEntityTooLarge as refusal:
                    refusals.append(refusal.code)
            return {"refusals": refusals}

    client = serve(build, twin=False)  # to Flask, what it has read of a body without a length is all of it
    for ways in ("data,pieces,data", "pieces,data,pieces", "data,data", "pieces,pieces"):
        for body in (b"too long", [b"too", b" long"], [b"too long"] * 3, [b"x" * 9000] * 6):
            assert client.post(f"/{ways}", body=body).json() == {"refusals": [413] * (ways.count(",") + 1)}


def test_a_limit_that_is_set_late_refuses_a_body_that_has_not_arrived(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.post("/")
        async def index():
            form = await request.form
            request.max_content_length = 8
            return {"form": form, "data": len(await request.get_data())}

    client = serve(build, twin=False)  # Flask took the limit when it looked for a form
    for size in (9, 9_000, 70_000, 700_000):
        assert client.post("/", body=b"x" * size).status == 413
    assert client.post("/", body=b"x" * 8).json() == {"form": {}, "data": 8}


def test_a_body_of_which_nothing_was_taken_may_be_read_with_another_limit(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.post("/")
        async def index():
            form = await request.form
            request.max_content_length = 8
            try:
                await request.get_data()
            except RequestEntityTooLarge:
                request.max_content_length = None
            return {"form": form, "data": len(await request.get_data())}

    client = serve(build, twin=False)  # as above
    assert client.post("/", body=b"x" * 700_000).json() == {"form": {}, "data": 700_000}


def test_a_limit_counts_all_that_is_read_in_pieces(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["MAX_CONTENT_LENGTH"] = 4

        @app.post("/")
        async def index():
            async for _ in getattr(request, "body", None) or request.stream:
                break
            return str(len(await request.get_data()))

    client = serve(build, twin=False)  # as above
    assert client.post("/", body=[b"a\n", b"b\n"]).status == 200
    assert client.post("/", body=[b"a\n", b"b\n", b"c"]).status == 413


def test_middleware_reads_what_the_app_left_alone() -> None:
    """As one that asks the next app when this one knows no answer."""
    app = DualApp(__name__)

    @app.post("/async")
    async def never_reads():
        return "not read"

    @app.post("/beside")
    def calls_async():
        return app.ensure_sync(never_reads)()

    for path in ("/async", "/async", "/beside", "/beside"):
        environ = environ_of(Ask("POST", path, (("Content-Length", "5"),), b"hello"))
        assert b"".join(app.wsgi(environ, lambda *_: None)) == b"not read"  # type: ignore[arg-type, return-value]
        assert environ["wsgi.input"].read() == b"hello"


@given(st.none() | st.text("application/json; charset=\"x', \t+*", max_size=30) | st.text(max_size=5))
def test_mimetypes_are_werkzeugs(content_type: str | None) -> None:
    environ: dict[str, Any] = {"REQUEST_METHOD": "POST", "wsgi.input": io.BytesIO()}
    if content_type is not None:
        environ["CONTENT_TYPE"] = content_type
    ours, theirs = DualApp.request_class.of({"_exchange": WSGIExchange(dict(environ))}), flask.Request(environ)  # type: ignore[attr-defined]
    for name in ("mimetype", "is_json", "mimetype_params", "mimetype"):
        assert getattr(ours, name) == getattr(theirs, name)


def whole(app: DualApp) -> None:
    @app.post("/")
    async def index():
        return await request.get_data()


def pieces(*bodies: bytes) -> list[dict[str, Any]]:
    return [{"type": "http.request", "body": body, "more_body": True} for body in bodies[:-1]] + [
        {"type": "http.request", "body": bodies[-1], "more_body": False}
    ]


LEFT = {"type": "http.disconnect"}


@pytest.mark.parametrize("waits", ["", "0", "1", "012"])
@pytest.mark.parametrize(
    ("messages", "status"),
    [
        (pieces(b"a body"), 200),
        (pieces(b"a", b"", b" body"), 200),
        (pieces(b"", b"a body", b""), 200),
        (pieces(b"a body", b" and what nobody announced"), 200),
        (pieces(b"a"), 400),
        ([*pieces(b"a", b"")[:1], LEFT], 400),
        ([LEFT], 400),
    ],
)
@pytest.mark.parametrize("colour", ["def", "async def"])
def test_messages_that_come_at_once_and_later(
    messages: list[dict[str, Any]], status: int, waits: str, colour: str
) -> None:
    """Whether `receive` waits for the first message, for a later one or for none."""
    app = DualApp(__name__)

    if colour == "def":
        app.post("/")(lambda: flask.request.get_data())
    else:
        whole(app)

    assert asyncio.run(answered(app, iter(messages), waits)) == (status, b"a body" if status == 200 else None)


def test_a_body_that_never_comes_is_waited_for_no_longer_than_allowed() -> None:
    app = DualApp(__name__)
    app.config["BODY_TIMEOUT"] = 0.01  # that it ends is what is tested
    whole(app)
    assert asyncio.run(answered(app, iter(()), "")) == (408, None)


async def answered(app: DualApp, messages: Iterator[dict[str, Any]], waits: str) -> tuple[int, bytes | None]:
    sent: list[Any] = []
    asked = 0

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if str(asked) in waits:
            await asyncio.sleep(0.001)
        asked += 1
        for message in messages:
            return message
        return await asyncio.Future()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = scope_of(Ask("POST", "/", (("Content-Length", "6"),), b""))
    scope["headers"] = [(b"host", b"here"), (b"content-length", b"6")]
    async with asyncio.timeout(LIMIT):
        await app(scope, receive, send)
    status = sent[0]["status"]
    return status, b"".join(message["body"] for message in sent[1:]) if status == 200 else None


LINES = [b"short\n", b"\n", b"x" * 1023 + b"\n", b"y" * 1024 + b"\n", b"z" * 70_000 + b"\n", b"last"]


@pytest.mark.parametrize("size", [None, 1, 7, 65_536], ids=["with a length", "bytes", "sevens", "chunks"])
def test_lines_of_a_body(serve: Serve, size: int | None) -> None:
    def build(app: DualApp) -> None:
        @app.post("/")
        def index():
            return [len(line) for line in flask.request.stream]

    body = b"".join(LINES)
    chunks = [body[start : start + size] for start in range(0, len(body), size)] if size else body
    assert serve(build, twin=False).post("/", body=chunks).json() == [*map(len, LINES)]


def test_a_line_is_not_read_byte_by_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    take = Body.take
    monkeypatch.setattr(Body, "take", lambda body, size: taken.append(size) or take(body, size))
    lines = [b"x" * 100 + b"\n"] * 1000
    source = io.BytesIO(b"".join(lines))
    assert [*BodyStream(Body(101_000, source.read))] == lines
    assert len(taken) < 3 * len(lines)
