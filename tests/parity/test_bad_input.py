"""What nobody should send, and what happens then: the same answer everywhere, and the next request is fine."""

from __future__ import annotations

import io

import pytest
from werkzeug.exceptions import ClientDisconnected
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from dualapp import DualApp, g, request

from ..conftest import Paint, Serve
from ..support.entry_driver import Answer, Client

JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")
MULTIPART = ("Content-Type", "multipart/form-data; boundary=cut")


def reading(app: DualApp) -> None:
    @app.post("/data")
    async def data():
        return (await request.get_data()).decode("latin-1")

    @app.post("/json")
    async def as_json():
        return {"got": await request.get_json()}

    @app.post("/silent")
    async def silent():
        return {"got": await request.get_json(silent=True)}

    @app.post("/form")
    async def form():
        return {"form": await request.form, "files": [*await request.files]}

    @app.get("/")
    async def index():
        return "fine"


def ask(client: Client, *what: object, **how: object) -> Answer:
    """The answer, once it is sure that the next request is answered as if nothing had been."""
    answer = client.request(*what, **how)  # type: ignore[arg-type]
    assert client.get("/").text == "fine"
    return answer


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1,]", b"{'a': 1}", b"\xff\xfe", b"nul", b'"\xc3"'], ids=lambda b: b[:8].hex()
)
def test_broken_json_is_a_400(serve: Serve, body: bytes) -> None:
    client = serve.shared(reading)
    assert ask(client, "POST", "/json", [JSON], body).status == 400
    assert ask(client, "POST", "/silent", [JSON], body).json() == {"got": None}


def test_json_deeper_than_the_parser_goes(serve: Serve) -> None:
    """A RecursionError is no ValueError, so Flask takes it for an error of the view."""
    assert ask(serve(reading), "POST", "/json", [JSON], b"[" * 100_000).status == 500


@pytest.mark.parametrize("kind", ["text/plain", "application/x-json", "application/jsonx", "", "json"])
def test_another_media_type_is_a_415(serve: Serve, kind: str) -> None:
    client = serve.shared(reading)
    assert ask(client, "POST", "/json", [("Content-Type", kind)], b"[1]").status == 415
    assert ask(client, "POST", "/json", [], b"[1]").status == 415
    assert ask(client, "POST", "/silent", [("Content-Type", kind)], b"[1]").json() == {"got": None}


BROKEN = [
    b"",
    b"no parts",
    b"--cut",
    b"--cut\r\n",
    b"--cut\r\nContent-Disposition: form-data; name=a\r\n",
    b"--cut\r\nContent-Disposition: form-data; name=a\r\n\r\nvalue",
    b"--cut\r\nContent-Disposition: form-data; name=a\r\n\r\nvalue\r\n--cut",
    b"--cut\r\nContent-Disposition: form-data\r\n\r\nnameless\r\n--cut--\r\n",
    b"--cut\r\n\r\nwithout headers\r\n--cut--\r\n",
    b"--cut\r\nContent-Disposition: form-data; name=a\r\nno colon\r\n\r\nv\r\n--cut--\r\n",
    b"--cut\r\nContent-Disposition: form-data; name=a; filename=\xff\r\n\r\nv\r\n--cut--\r\n",
    b"--other\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n--other--\r\n",
    b"preamble\r\n--cut\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n--cut--\r\nepilogue",
]


def is_readable(kind: str, body: bytes) -> bool:
    """Whether Werkzeug's parser can make sense of a body; Flask has it keep quiet when it cannot."""
    mimetype, options = parse_options_header(kind)
    try:
        FormDataParser(silent=False).parse(io.BytesIO(body), mimetype, len(body), options)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("body", BROKEN)
def test_broken_multipart_is_a_400(serve: Serve, body: bytes, chunked: bool) -> None:
    client = serve(reading, twin=False)
    pieces = [body[n : n + 9] for n in range(0, len(body), 9)] if chunked else body
    answer = ask(client, "POST", "/form", [MULTIPART], pieces)
    assert answer.status == (200 if is_readable(MULTIPART[1], body) else 400)


@pytest.mark.parametrize("kind", [MULTIPART[1], "multipart/form-data; boundary=cut; charset=latin-1"])
def test_what_stands_around_the_parts_does_not_break_them(serve: Serve, kind: str) -> None:
    assert ask(serve(reading), "POST", "/form", [("Content-Type", kind)], BROKEN[-1]).json()["form"] == {"a": "v"}


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", 'multipart/form-data; boundary="', "multipart/form-data; boundary="]
)
def test_multipart_without_a_boundary_is_a_400(serve: Serve, kind: str) -> None:
    answer = ask(serve(reading, twin=False), "POST", "/form", [("Content-Type", kind)], BROKEN[5])
    assert answer.status == 400


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b"a=%FF", {"a": "%FF"}),
        (b"a=\xff", {}),
        (b"a=%zz", {"a": "%zz"}),
        (b"%=1&a", {"%": "1", "a": ""}),
        (b"&&&", {}),
        (b"\x00=\n", {"\0": "\n"}),
    ],
)
def test_fields_that_are_not_utf_8(serve: Serve, body: bytes, form: dict[str, str]) -> None:
    answer = ask(serve.shared(reading), "POST", "/form", [FORM], body)
    assert (answer.status, answer.json()["form"]) == (200, form)


@pytest.mark.parametrize("length", ["10", "99999"])
@pytest.mark.parametrize(("path", "kind"), [("/data", None), ("/json", JSON), ("/form", FORM), ("/form", MULTIPART)])
def test_a_body_shorter_than_announced_is_a_400(
    serve: Serve, length: str, path: str, kind: tuple[str, str] | None
) -> None:
    headers = [kind] if kind else []
    answer = ask(serve(reading, twin=False), "POST", path, headers, b"[1]", length=length, truncated=True)
    assert (answer.status, "<title>400 Bad Request</title>" in answer.text) == (400, True)


@pytest.mark.parametrize(("path", "kind"), [("/data", None), ("/json", JSON), ("/form", FORM), ("/form", MULTIPART)])
def test_a_client_that_leaves_within_a_chunked_body_is_a_400(
    serve: Serve, path: str, kind: tuple[str, str] | None
) -> None:
    headers = [kind] if kind else []
    answer = ask(serve(reading, twin=False), "POST", path, headers, [b"[", b"1]"], truncated=True)
    assert answer.status == 400


def test_a_body_cut_short_with_a_limit_set(serve: Serve) -> None:
    """A limit makes Werkzeug read through another stream, which takes the end of the file for the end of the body."""

    def build(app: DualApp) -> None:
        app.config["MAX_CONTENT_LENGTH"] = 1000

    client = serve(reading, build, twin=False)
    assert ask(client, "POST", "/data", [], b"abc", length=10, truncated=True).status == 400
    assert ask(client, "POST", "/data", [], [b"abc"], truncated=True).status == 400


def test_a_truncated_body_raises_client_disconnected(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.post("/catch")
        async def catch():
            try:
                await request.get_data()
            except ClientDisconnected:
                return "caught"

    answer = ask(serve(reading, build, twin=False), "POST", "/catch", [], b"abc", length=10, truncated=True)
    assert answer.text == "caught"


def test_a_truncated_body_nobody_reads(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.post("/unread")
        async def unread():
            return "unread"

    client = serve(reading, build, twin=False)
    assert ask(client, "POST", "/unread", [], b"abc", length=10, truncated=True).text == "unread"


def test_what_comes_after_the_announced_length_is_not_part_of_the_body(serve: Serve) -> None:
    answer = ask(serve(reading, twin=False), "POST", "/data", [], b"hello world", length=5)
    assert (answer.status, answer.text) == (200, "hello")


@pytest.mark.parametrize("length", ["-1", "abc", "", "1.5", "0x3", "+3", " 3", "1_0"])
def test_a_length_that_is_no_number(serve: Serve, length: str) -> None:
    """Servers refuse these; if one does not, no entry reads what another does not."""
    assert ask(serve.shared(reading), "POST", "/data", [], b"abc", length=length).status in (200, 400)


def test_a_hook_may_meet_the_broken_body_first(serve: Serve, paint: Paint) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        @app.before_request
        async def read():
            g.body = await request.get_json(silent=True) if request.method == "POST" else None

    client = serve(reading, hooks)
    assert ask(client, "POST", "/json", [JSON], b"{").status == 400
    assert ask(client, "POST", "/data", [JSON], b"{").text == "{"


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


def test_trusted_hosts(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["TRUSTED_HOSTS"] = ["localhost", ".example.org"]

    client = serve(reading, build)
    assert ask(client, "GET", "/", [("Host", "evil.net")]).status == 400
    assert ask(client, "GET", "/", [("Host", "a.example.org")]).status == 200


def test_methods_that_make_no_sense(serve: Serve) -> None:
    client = serve(reading)
    for method in ("get", "G ET", "X" * 100, "G\xcb"):
        assert ask(client, method, "/").status in (200, 405)


def test_hosts_that_a_class_of_requests_trusts(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.request_class = type("Own", (app.request_class,), {"trusted_hosts": ["localhost"]})

    client = serve(reading, build)
    assert ask(client, "GET", "/", [("Host", "localhost")]).status == 200
    assert ask(client, "GET", "/", [("Host", "evil.net")]).status == 400
    assert ask(client, "GET", "/", [("Host", "evil.net"), ("Host", "localhost")]).status == 400
