"""What is the same to the byte on the way in and on the way out."""

from __future__ import annotations

import pytest

from dualapp import DualApp, Response, redirect, request, session, url_for

from ..conftest import Serve


def echo(app: DualApp) -> None:
    @app.route("/", defaults={"rest": ""})
    @app.route("/<path:rest>")
    async def index(rest):
        return {
            "rest": rest,
            "path": request.path,
            "full": request.full_path,
            "url": request.url,
            "root": request.root_path,
            "script_root": request.script_root,
            "self": url_for("index", rest="ä/b"),
            "args": request.args.to_dict(flat=False),
            "raw": request.query_string.decode("latin-1"),
        }


PATHS = [
    ("/caf%C3%A9", "café"),
    ("/%e2%82%ac", "€"),
    ("/%F0%9F%90%8D", "🐍"),
    ("/a%20b+c", "a b+c"),
    ("/%25%32%35", "%25"),
    ("/%FF", "\ufffd"),
    ("/a%C3", "a\ufffd"),
    ("/%C0%AF", "\ufffd\ufffd"),
    ("/%ED%A0%80", "\ufffd\ufffd\ufffd"),
    ("/a%2Fb", "a/b"),
    ("/a%2F%2Fb", None),
    ("/a%3Fb%23c", "a?b#c"),
    ("/a;b=c,d", "a;b=c,d"),
    ("/a:b@c", "a:b@c"),
    ("/a%5Cb", "a\\b"),
    ("/%7Euser", "~user"),
    ("/%", "%"),
    ("/%zz", "%zz"),
    ("/%4", "%4"),
    ("/a%00b", "a\0b"),
    ("/a%0Ab", None),
    ("/a%0D%0Ab", None),
    ("/a//b", None),
    ("/./a", "./a"),
    ("/../a", "../a"),
    ("/a/../b", "a/../b"),
    ("/" + "x" * 5000, "x" * 5000),
]


@pytest.mark.parametrize(("target", "rest"), PATHS, ids=[target[:20] for target, _ in PATHS])
def test_paths(serve: Serve, target: str, rest: str | None) -> None:
    """`None` where what Flask says (it redirects, or finds nothing) is all there is to say."""
    answer = serve.shared(echo).get(target)
    assert answer.status in (200, 308, 404)
    assert rest is None or answer.json()["rest"] == rest


@pytest.mark.parametrize("target", ["/app", "/app/", "/app/x", "/app/caf%C3%A9", "/app//x", "/app/app/x"])
def test_script_name_is_root_path(serve: Serve, target: str) -> None:
    answer = serve.shared(echo).get(target, root="/app")
    if answer.status == 200:
        assert answer.json()["self"] == "/app/%C3%A4/b"
        assert answer.json()["script_root"] == "/app"
    else:
        assert (answer.header("location") or "").startswith("http://localhost/app/")


def test_redirects_stay_below_the_root(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/branch/")
        async def branch():
            return "x"

        @app.get("/go")
        async def go():
            return redirect(url_for("branch", q="é"))

    client = serve(build)
    assert client.get("/app/branch?x=1", root="/app").header("location") == "http://localhost/app/branch/?x=1"
    assert client.get("/app/go", root="/app").header("location") == "/app/branch/?q=%C3%A9"


def test_cookies_follow_the_root(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.secret_key = "secret"
        app.config["APPLICATION_ROOT"] = "/app"

        @app.get("/")
        async def index():
            session["x"] = 1
            return "x"

    assert (serve(build).get("/app/", root="/app").header("set-cookie") or "").endswith("Path=/app")


QUERIES = [
    ("", {}),
    ("a=1&a=2&b=", {"a": ["1", "2"], "b": [""]}),
    ("a=%C3%A9+x&%C3%BC=1", {"a": ["é x"], "ü": ["1"]}),
    ("a", {"a": [""]}),
    ("=1&&;", {"": ["1"], ";": [""]}),
    ("a=%FF%zz%", {"a": ["%FF%zz%"]}),
    ("a=1;b=2", {"a": ["1;b=2"]}),
    ("a=b=c?d/e", {"a": ["b=c?d/e"]}),
    ("a=%00%0A%0D", {"a": ["\0\n\r"]}),
    ("a=" + "x" * 3000, {"a": ["x" * 3000]}),
]


@pytest.mark.parametrize(("query", "args"), QUERIES, ids=[query[:20].encode().hex() for query, _ in QUERIES])
def test_query_strings(serve: Serve, query: str, args: dict[str, list[str]]) -> None:
    seen = serve.shared(echo).get(f"/?{query}").json()
    assert seen["raw"] == query
    assert seen["args"] == args


def test_raw_bytes_in_a_query_are_an_error_in_werkzeug(serve: Serve) -> None:
    """Many servers refuse them; what is left is the same on both entries, and it is not a hang."""
    client = serve(echo)
    assert client.get("/?a=\xe9").status == 500
    assert client.get("/?a=%C3%A9").status == 200


def headers_of(app: DualApp) -> None:
    @app.get("/")
    async def index():
        return {
            "all": sorted([name, value] for name, value in request.headers),
            "one": request.headers.get("X-One"),
            "list": request.headers.getlist("X-One"),
            "cookies": request.cookies.to_dict(flat=False),
            "raw_cookie": request.headers.get("Cookie"),
            "accept": request.accept_mimetypes.to_header(),
        }


def test_repeated_headers_are_folded(serve: Serve) -> None:
    sent = [("X-One", "a"), ("x-one", "b, c"), ("Accept", "text/html"), ("Accept", "text/plain;q=0.5")]
    seen = serve(headers_of).get("/", sent).json()
    assert (seen["one"], seen["list"]) == ("a,b, c", ["a,b, c"])
    assert seen["accept"] == "text/html,text/plain;q=0.5"
    assert ["X-One", "a,b, c"] in seen["all"]


def test_repeated_cookies_are_folded_by_semicolon(serve: Serve) -> None:
    seen = serve(headers_of).get("/", [("Cookie", "a=1"), ("Cookie", "b=2; a=3")]).json()
    assert seen["raw_cookie"] == "a=1; b=2; a=3"
    assert seen["cookies"] == {"a": ["1", "3"], "b": ["2"]}


def test_header_names_with_underscores_are_dropped(serve: Serve) -> None:
    """They would arrive as the name with the hyphen, which a proxy in front may have checked or set."""
    sent = [("X_One", "smuggled"), ("X-One", "real"), ("Content_Length", "5"), ("X_Forwarded_For", "1.2.3.4")]
    seen = serve(headers_of).get("/", sent).json()
    assert seen["one"] == "real"
    assert not [name for name, value in seen["all"] if "smuggled" in value or name.startswith(("X-F", "Content"))]


def test_headers_are_latin_1(serve: Serve) -> None:
    seen = serve(headers_of).get("/", [("X-One", "h\xe9"), ("X-Two", "")]).json()
    assert seen["one"] == "hé"
    assert ["X-Two", ""] in seen["all"]


def bodies(app: DualApp) -> None:
    @app.get("/text")
    async def text():
        return "text", {"X-Own": "1"}

    @app.get("/stream")
    async def stream():
        async def words():
            yield "one"
            yield "two"

        return words()

    @app.get("/error")
    async def error():
        raise LookupError

    @app.route("/status/<int:code>")
    async def status(code):
        return "a body", code, {"X-Own": "1"}

    @app.get("/empty/<int:code>")
    async def empty(code):
        return "", code

    @app.get("/length")
    async def length():
        return Response("1234567890", headers={"Content-Length": "10"})

    @app.get("/headers")
    async def headers():
        return "", {"X-Latin": "h\xe9", "Location": "/ü ", "X-Empty": ""}


@pytest.mark.parametrize(
    "path", ["/text", "/stream", "/error", "/nowhere", "/length", "/status/201", "/static/hello.txt"]
)
def test_head_has_the_headers_of_get_and_no_body(serve: Serve, path: str) -> None:
    client = serve.shared(bodies)
    head, get = client.head(path), client.get(path)
    status, headers, body, _ = get.comparable()
    assert head.comparable()[:3] == (status, headers, b"")
    assert body


def test_head_never_starts_a_stream(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.extensions["started"] = []

        @app.get("/")
        async def index():
            async def words():
                app.extensions["started"].append(1)
                yield "x"

            return words()

    client = serve(build, twin=False)
    assert client.head("/").body == b""
    assert client.app.extensions["started"] == []


@pytest.mark.parametrize("code", [204, 304])
@pytest.mark.parametrize("path", ["status", "empty"])
def test_204_and_304_have_no_body_and_no_length(serve: Serve, code: int, path: str) -> None:
    answer = serve(bodies, twin=False).get(f"/{path}/{code}")
    assert (answer.status, answer.body, answer.header("content-length")) == (code, b"", None)
    assert path == "empty" or answer.header("x-own") == "1"


@pytest.mark.parametrize("code", [200, 201, 205, 299, 400, 404, 499, 500, 599])
def test_other_statuses_keep_their_body(serve: Serve, code: int) -> None:
    answer = serve.shared(bodies).get(f"/status/{code}")
    assert (answer.status, answer.text, answer.header("content-length")) == (code, "a body", "6")


def test_lengths(serve: Serve) -> None:
    client = serve(bodies)
    assert client.get("/text").header("content-length") == "4"
    assert client.get("/length").all("content-length") == ["10"]
    assert client.get("/stream").header("content-length") is None
    assert client.get("/empty/200").header("content-length") == "0"


def test_response_headers_are_encoded_alike(serve: Serve) -> None:
    answer = serve(bodies).get("/headers")
    assert answer.header("x-latin") == "h\xe9"
    assert answer.header("x-empty") == ""


def test_newlines_never_reach_a_response_header(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return "x", {"X-Split": request.args["value"]}

        @app.get("/set")
        async def by_setting():
            response = Response("x")
            response.headers["X-Split"] = request.args["value"]
            return response

    client = serve(build)
    for path in ("/", "/set"):
        assert client.get(path + "?value=a%0D%0ASet-Cookie:%20x=1").status == 500
        assert client.get(path + "?value=fine").header("x-split") == "fine"


def test_methods_of_any_name(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.route("/", methods=["GET", "PROPFIND", "purge"])
        async def index():
            return request.method

    client = serve(build)
    assert client.request("PROPFIND", "/").text == "PROPFIND"
    assert client.request("PURGE", "/").text == "PURGE"
    assert client.request("BREW", "/").status == 405


def test_options_star(serve: Serve) -> None:
    assert serve(bodies).options("/nowhere").status == 404


def test_a_proxy_in_front(serve: Serve) -> None:
    """ProxyFix is a WSGI middleware: there it works as in Flask."""

    def build(app: DualApp) -> None:
        from werkzeug.middleware.proxy_fix import ProxyFix

        app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]

        @app.get("/")
        async def index():
            return {"url": request.url, "from": request.remote_addr}

    if serve.entry == "asgi":
        pytest.skip("a WSGI middleware does not see ASGI requests")
    sent = [("X-Forwarded-For", "9.9.9.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "example.org")]
    assert serve(build).get("/", sent).json() == {"url": "https://localhost/", "from": "9.9.9.9"}
