"""What a view sees of the request: each attribute, in each colour, as Flask shows it."""

from __future__ import annotations

import asyncio
import io
from base64 import b64encode

import pytest
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from dualapp import DualApp, g, request

from ..conftest import Serve
from .apps import attributes

HEADERS = [
    ("User-Agent", "drive/1"),
    ("Accept", "text/html;q=0.5, application/json"),
    ("Accept-Language", "de, en;q=0.7"),
    ("Accept-Encoding", "gzip"),
    ("Referer", "http://elsewhere/"),
    ("If-Modified-Since", "Mon, 03 Feb 2020 00:00:00 GMT"),
    ("X-Forwarded-For", "1.2.3.4"),
    ("Range", "bytes=0-3"),
    ("Date", "Mon, 03 Feb 2020 00:00:00 GMT"),
    ("Max-Forwards", "3"),
    ("Pragma", "no-cache"),
    ("Cache-Control", "max-age=5"),
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Content-Encoding", "identity"),
    ("Origin", "http://origin"),
]


@pytest.mark.parametrize(
    "target",
    ["/see/x", "/see/caf%C3%A9/%3F%23?q=%C3%A9&q=b+c&empty=&%26", "/see/a%2Fb%20c?", "/see/%E2%82%AC;p=1?a=1?b"],
)
@pytest.mark.parametrize("root", ["", "/app"])
def test_every_attribute(serve: Serve, target: str, root: str) -> None:
    seen = serve.shared(attributes).post(root + target, HEADERS, b"plain body", root=root).json()
    assert (seen["data"], seen["script_root"], seen["method"]) == ("plain body", root, "POST")


def test_attributes_of_a_bare_request(serve: Serve) -> None:
    seen = serve(attributes).get("/see/x").json()
    assert (seen["data"], seen["length"], seen["type"], seen["host"]) == ("", None, None, "localhost")


@pytest.mark.parametrize(
    "host", ["example.org", "example.org:8080", "127.0.0.1:5000", "[::1]:80", "bücher.example", ""]
)
def test_hosts(serve: Serve, host: str) -> None:
    latin = host.encode().decode("latin-1")
    answer = serve.shared(attributes).get("/see/x", [("Host", latin)])
    assert answer.status in (200, 400)


def test_basic_credentials(serve: Serve) -> None:
    """Row 10: they arrive parsed."""

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            if (auth := request.authorization) is None or auth.type != "basic":
                return "who?", 401, {"WWW-Authenticate": 'Basic realm="here"'}
            return {"username": auth.username, "password": auth.password}

    client = serve(build)
    credentials = b64encode("ann:pä:ss".encode()).decode()
    answer = client.get("/", [("Authorization", f"Basic {credentials}")])
    assert answer.json() == {"username": "ann", "password": "pä:ss"}
    for refused in ([], [("Authorization", "Basic !!")], [("Authorization", "Bearer abc")]):
        answer = client.get("/", refused)
        assert (answer.status, answer.header("www-authenticate")) == (401, 'Basic realm="here"')


def bodies(app: DualApp) -> None:
    @app.post("/json")
    async def as_json():
        return {"got": await request.get_json(), "again": await request.get_json(), "attribute": await request.json}

    @app.post("/force")
    async def forced():
        return {"got": await request.get_json(force=True, silent=True)}

    @app.post("/data")
    async def data():
        first = await request.get_data()
        return {"get": first.decode(), "attribute": (await request.data).decode()}

    @app.post("/text")
    async def text():
        return await request.get_data(as_text=True)

    @app.post("/form")
    async def form():
        form = await request.form
        return {
            "form": form.to_dict(flat=False),
            "same": (await request.form) is form or (await request.form) == form,
            "values": (await request.values).to_dict(flat=False),
        }

    @app.post("/files")
    async def files():
        files = await request.files
        sent = files["file"]
        return {
            "form": (await request.form).to_dict(flat=False),
            "names": [[key, item.filename, item.mimetype] for key, item in files.items(multi=True)],
            "content": sent.read().decode(),
            "headers": sent.headers.get("Content-Type"),
        }

    @app.post("/unread")
    async def unread():
        return "fine"

    @app.post("/data-then-form")
    async def data_then_form():
        data = await request.get_data()
        return {"data": data.decode(), "form": await request.form}

    @app.post("/data-parsed-first")
    async def parsed():
        data = await request.get_data(parse_form_data=True)
        return {"data": data.decode(), "form": await request.form}


def test_json(serve: Serve) -> None:
    body = {"a": [1, None, "ü"], "b": {"c": 1.5}}
    assert serve(bodies).post("/json", json=body).json() == {"got": body, "again": body, "attribute": body}


@pytest.mark.parametrize("mimetype", ["application/json; charset=utf-8", "application/problem+json"])
def test_json_mimetypes(serve: Serve, mimetype: str) -> None:
    assert serve.shared(bodies).post("/json", [("Content-Type", mimetype)], b"[1]").json()["got"] == [1]


def test_json_forced_and_silent(serve: Serve) -> None:
    client = serve(bodies)
    assert client.post("/force", body=b"[2]").json() == {"got": [2]}
    assert client.post("/force", body=b"[2").json() == {"got": None}


def test_data(serve: Serve) -> None:
    assert serve(bodies).post("/data", body="täxt".encode()).json() == {"get": "täxt", "attribute": "täxt"}
    assert serve(bodies).post("/text", body="täxt".encode()).text == "täxt"


def test_form(serve: Serve) -> None:
    answer = serve(bodies).post("/form?q=1&a=0", form=[("a", "1"), ("a", "ü &="), ("b", "")])
    assert answer.json()["form"] == {"a": ["1", "ü &="], "b": [""]}
    assert answer.json()["values"] == {"q": ["1"], "a": ["0", "1", "ü &="], "b": [""]}


@pytest.mark.parametrize("size", [10, 600_000])
def test_files(serve: Serve, size: int) -> None:
    """The larger one is more than what the parser keeps in memory."""
    files = [FileStorage(io.BytesIO(b"x" * size), f"bär{n}.txt", "file", "text/plain") for n in range(2)]
    boundary, body = encode_multipart({"name": "ü", "file": files})
    kind = [("Content-Type", f"multipart/form-data; boundary={boundary}")]
    got = serve.shared(bodies).post("/files", kind, body).json()
    assert got["form"] == {"name": ["ü"]}
    assert got["names"] == [["file", "bär0.txt", "text/plain"], ["file", "bär1.txt", "text/plain"]]
    assert got["content"] == "x" * size


def test_chunked_uploads(serve: Serve) -> None:
    client = serve(bodies)
    assert client.post("/data", body=[b"one ", b"", b"two"]).json()["get"] == "one two"
    kind = [("Content-Type", "application/x-www-form-urlencoded")]
    assert client.post("/form", kind, [b"a=%C3", b"%BC&b=", b"2"]).json()["form"] == {"a": ["ü"], "b": ["2"]}
    assert client.post("/json", [("Content-Type", "application/json")], [b"[", b"1]"]).json()["got"] == [1]


def test_a_multipart_body_cut_anywhere(serve: Serve) -> None:
    """Werkzeug's parser adds a stray byte to a file when it is fed with pieces that end within a delimiter."""
    boundary, body = encode_multipart(
        {"name": "ü", "file": FileStorage(io.BytesIO(b"line\r\n--not"), "a.txt")}, boundary="b" * 40
    )
    kind = [("Content-Type", f"multipart/form-data; boundary={boundary}")]
    client = serve(bodies)
    for size in range(1, 30):
        got = client.post("/files", kind, [body[n : n + size] for n in range(0, len(body), size)]).json()
        assert (got["form"], got["content"]) == ({"name": ["ü"]}, "line\r\n--not"), size


def test_a_body_nobody_reads(serve: Serve) -> None:
    client = serve(bodies)
    assert client.post("/unread", body=b"x" * 100_000).text == "fine"
    assert client.post("/unread", body=[b"x" * 1000] * 100).text == "fine"


def test_data_before_and_after_the_form(serve: Serve) -> None:
    client = serve(bodies)
    assert client.post("/data-then-form", form={"a": 1}).json() == {"data": "a=1", "form": {"a": "1"}}
    assert client.post("/data-parsed-first", form={"a": 1}).json() == {"data": "", "form": {"a": "1"}}


def test_no_body_at_all(serve: Serve) -> None:
    client = serve(bodies)
    assert client.post("/data").json() == {"get": "", "attribute": ""}
    assert client.post("/form").json()["form"] == {}
    assert client.post("/json").status == 415


def test_the_stream_of_each_colour(serve: Serve) -> None:
    """`request.stream` is read in `def` code, `request.body` is awaited or iterated in `async def` code."""

    def build(app: DualApp) -> None:
        @app.post("/sync")
        def sync_view():
            return {"parts": [request.stream.read(4).decode(), request.stream.read().decode()]}

        @app.post("/await")
        async def async_await():
            return {"whole": (await request.body).decode()}

        @app.post("/iterate")
        async def async_iterate():
            return {"whole": b"".join([chunk async for chunk in request.body]).decode()}

    client = serve(build, twin=False)
    assert client.post("/sync", body=[b"one ", b"two ", b"three"]).json() == {"parts": ["one ", "two three"]}
    assert client.post("/await", body=[b"one ", b"two"]).json() == {"whole": "one two"}
    assert client.post("/iterate", body=[b"one ", b"two"]).json() == {"whole": "one two"}


def test_hooks_and_view_of_different_colour_share_one_body(serve: Serve, paint) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        @app.before_request
        async def read():
            g.read = (await request.get_json())["x"]

        @app.after_request
        async def read_again(response):
            response.headers["X-Read"] = str((await request.get_json())["x"])
            return response

    def build(app: DualApp) -> None:
        @app.post("/")
        async def index():
            return {"hook": g.read, "view": (await request.get_json())["x"], "same": (await request.data).decode()}

    answer = serve(build, hooks).post("/", json={"x": 1})
    assert answer.json() == {"hook": 1, "view": 1, "same": '{"x": 1}'}
    assert answer.header("x-read") == "1"


def test_a_form_parsed_by_a_hook_is_there_in_the_view(serve: Serve, paint) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        @app.before_request
        async def parse():
            g.names = [*await request.form, *await request.files]

    def build(app: DualApp) -> None:
        @app.post("/")
        async def index():
            return {"hook": g.names, "form": await request.form, "file": (await request.files)["f"].read().decode()}

    boundary, body = encode_multipart({"a": "1", "f": FileStorage(io.BytesIO(b"content"), "f.txt")})
    kind = [("Content-Type", f"multipart/form-data; boundary={boundary}")]
    assert serve(build, hooks).post("/", kind, body).json() == {
        "hook": ["a", "f"],
        "form": {"a": "1"},
        "file": "content",
    }


def test_cookies(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return {"cookies": request.cookies.to_dict(flat=False)}

    sent = [("Cookie", 'a=1; b="q v"; a=2; c=ü; broken; =x')]
    got = serve(build).get("/", [(n, v.encode().decode("latin-1")) for n, v in sent]).json()["cookies"]
    assert (got["a"], got["b"]) == (["1", "2"], ["q v"])


def test_own_request_class(serve: Serve) -> None:
    """A subclass with plain attributes works in both colours."""

    def build(app: DualApp) -> None:
        class Own(app.request_class):  # type: ignore[name-defined, misc]
            @property
            def shouted(self):
                return self.path.upper()

        app.request_class = Own

        @app.get("/a")
        def sync_view():
            return request.shouted

    assert serve(build).get("/a").text == "/A"


def test_request_attributes_may_be_set(serve: Serve, paint) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        @app.before_request
        async def mark():
            request.mark = "set by a hook"

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return request.mark

    assert serve(build, hooks).get("/").text == "set by a hook"


def test_sleeping_views_keep_their_request(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/<int:n>")
        async def index(n):
            await asyncio.sleep(0.002)
            return {"path": request.path}

    assert serve(build).get("/7").json() == {"path": "/7"}


def test_an_environ_that_is_changed_changes_the_headers_only(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            request.environ.update(
                REMOTE_ADDR="8.8.8.8", QUERY_STRING="z=1", HTTP_X_LATE="late", **{"wsgi.url_scheme": "https"}
            )
            says = [request.scheme, request.args.to_dict(), request.url, request.headers["X-Late"]]
            return [*says, request.remote_addr == "8.8.8.8"]

    got = serve(build).get("/?a=1").json()
    assert (got[0], got[1], got[3], got[4]) == ("http", {"a": "1"}, "late", False)
