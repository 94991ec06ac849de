"""Heads of requests that servers hand on in different ways: the app sees one of them, on both entries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dualapp import DualApp, request, url_for
from dualapp.exchange.target import take_path, with_path

from ..conftest import Serve
from ..support.entry_driver import Ask, environ_of, scope_of


def echo(app: DualApp) -> None:
    app.add_url_rule("/dir/", "directory", lambda: "directory")

    @app.route("/", defaults={"rest": ""}, methods=["GET", "POST"])
    @app.route("/<path:rest>", methods=["GET", "POST"])
    async def index(rest):
        return {
            "path": request.path,
            "host": request.host,
            "url": request.url,
            "self": url_for("index", rest="x", _external=True),
            "headers": {name: value for name, value in request.headers if name.startswith("X-")},
            "one": request.headers.get("X-One"),
            "environ": {key: value for key, value in request.environ.items() if key.startswith("HTTP_X")},
            "cookies": request.cookies.to_dict(flat=False),
            "kind": request.content_type,
            "type": request.mimetype,
            "agent": request.headers.get("User-Agent"),
        }


def test_white_space_around_a_value_is_no_part_of_it(serve: Serve) -> None:
    """RFC 9110 section 5.5."""
    client = serve(echo, twin=False)
    sent = [
        ("Host", "localhost \t"),
        ("X-One", " \t one  two\t "),
        ("X-Blank", "  "),
        ("Cookie", " a=1; b=2 "),
        ("Content-Type", " text/plain; charset=utf-8 "),
        ("User-Agent", "\tme"),
    ]
    for headers in (sent, [*sent, ("X-Two", " 1 "), ("X-Two", "2\t")]):
        seen = client.get("/where", headers).json()
        assert (seen["host"], seen["url"]) == ("localhost", "http://localhost/where")
        assert seen["one"] == seen["headers"]["X-One"] == seen["environ"]["HTTP_X_ONE"] == "one  two"
        assert seen["headers"]["X-Blank"] == ""
        assert seen["cookies"] == {"a": ["1"], "b": ["2"]}
        assert (seen["kind"], seen["type"], seen["agent"]) == ("text/plain; charset=utf-8", "text/plain", "me")
    assert seen["headers"]["X-Two"] == ("1,2" if serve.entry == "asgi" else "1 ,2")  # WSGI servers join before


def test_a_slash_is_added_to_the_host_without_white_space(serve: Serve) -> None:
    answer = serve(echo, twin=False).get("/dir", [("Host", "localhost ")])
    assert (answer.status, answer.header("location")) == (308, "http://localhost/dir/")


def test_one_header_is_looked_up_without_white_space(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return [request.headers["X-One"], request.headers.get("x_one"), request.cookies["a"]]

    assert serve(build, twin=False).get("/", [("X-One", " 1 "), ("Cookie", " a=1 ")]).json() == ["1", "1", "1"]


def test_white_space_around_a_length(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.post("/")
        async def index():
            return [len(await request.get_data()), request.content_length]

    assert serve(build, twin=False).post("/", body=b"abc", length=" 3\t").json() == [3, 3]


def test_a_path_keeps_its_white_space(serve: Serve) -> None:
    assert serve(echo, twin=False).get("/%20a%20", [("X-One", " 1 ")]).json()["path"] == "/ a "


#: A target that is an absolute URI, the path that it has, and the host.
TARGETS = {
    "http://target.example/where": ("/where", "target.example"),
    "http://target.example:81/where?a=1": ("/where", "target.example:81"),
    "HTTP://target.example/where": ("/where", "target.example"),
    "https://target.example/where": ("/where", "target.example"),
    "http://target.example": ("/", "target.example"),
    "http://target.example?a=1": ("/", "target.example"),
    "http://target.example/": ("/", "target.example"),
    "http://user:secret@target.example/where": ("/where", "target.example"),
    "http://[::1]:81/where": ("/where", "[::1]:81"),
    "http://target.example/a%2Fb/caf%C3%A9": ("/a/b/café", "target.example"),
    "http://target.example/go/http://other.example/": ("/go/http://other.example/", "target.example"),
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_that_is_a_uri(serve: Serve, target: str) -> None:
    """RFC 9112 section 3.2.2: the path and the host are the target's, whatever the Host header says."""

    def build(app: DualApp) -> None:
        app.url_map.merge_slashes = False

    seen = serve(build, echo, twin=False).get(target, [("Host", "header.example")]).json()
    assert (seen["path"], seen["host"]) == TARGETS[target]
    assert seen["self"] == f"http://{seen['host']}/x"


@pytest.mark.parametrize("target", ["ftp://target.example/where", "target.example:80", "*", "http:where"])
def test_a_target_of_another_form_is_not_found(serve: Serve, target: str) -> None:
    assert serve(echo, twin=False).request("DELETE", target).status in (404, 405)


def test_middleware_sees_the_path_and_the_host_of_the_target(serve: Serve) -> None:
    """Otherwise a path that middleware guards could be reached by its URI."""
    seen: list[Any] = []

    def build(app: DualApp) -> None:
        wsgi_app, asgi_app = app.wsgi_app, app.asgi_app

        def wsgi(environ: Any, start_response: Any) -> Any:
            seen.append((environ["PATH_INFO"], environ["HTTP_HOST"]))
            return wsgi_app(environ, start_response)

        async def async_asgi(scope: Any, receive: Any, send: Any) -> None:
            seen.append((scope["path"], dict(scope["headers"])[b"host"].decode()))
            await asgi_app(scope, receive, send)

        app.wsgi_app = wsgi  # type: ignore[method-assign]  # as in Flask
        app.asgi_app = async_asgi  # type: ignore[method-assign]  # as in Quart

    client = serve(build, echo, twin=False)
    assert client.get("http://target.example/admin").json()["path"] == "/admin"
    assert client.get("/plain").json()["path"] == "/plain"
    assert seen == [("/admin", "target.example"), ("/plain", "localhost")]


@pytest.mark.parametrize("name", ["RAW_URI", "REQUEST_URI"])
def test_servers_that_hand_on_the_path_and_the_uri(name: str) -> None:
    environ = environ_of(Ask(target="/where?a=1")) | {"RAW_URI": None, name: "http://target.example:81/where?a=1"}
    take_path(environ)
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/where", "a=1")
    assert (environ["HTTP_HOST"], environ[name]) == ("target.example:81", "/where?a=1")


def test_a_scope_without_the_raw_path() -> None:
    scope = {**scope_of(Ask(target="http://target.example/a%20b")), "raw_path": None}
    changed = with_path(scope)
    assert (changed["path"], changed["raw_path"]) == ("/a b", None)
    assert [value for name, value in changed["headers"] if name == b"host"] == [b"target.example"]
    assert scope["path"].startswith("http:")


@pytest.mark.parametrize("values", [["a.example", "b.example"], ["a.example", "a.example"], ["a.example, b.example"]])
def test_several_hosts(serve: Serve, values: list[str]) -> None:
    """RFC 9112 section 3.2."""
    client = serve(echo, twin=False)
    for _ in range(2):
        answer = client.get("/where", [("Host", value) for value in values])
        assert answer.status == 400
        assert "more than one Host header" in answer.text
        assert client.get("/where").status == 200


def without_address(environ: dict[str, Any], scope: dict[str, Any]) -> None:
    environ.pop("REMOTE_ADDR", None)
    environ.pop("REMOTE_PORT", None)
    scope["client"] = None


def with_address(address: str, port: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def change(environ: dict[str, Any], scope: dict[str, Any]) -> None:
        environ.update(REMOTE_ADDR=address, REMOTE_PORT=port)
        scope["client"] = (address, port)

    return change


#: What servers say of a client on a Unix socket.
ON_UNIX_SOCKETS = {
    "gunicorn": with_address("", "50000"),
    "waitress": with_address("localhost", "None"),
    "werkzeug": with_address("<local>", 0),
    "uwsgi": with_address("0.0.0.0", "0"),
    "granian": with_address("", "0"),
    "others": without_address,
}


def from_where(app: DualApp) -> None:
    @app.get("/")
    async def index():
        return {
            "address": request.remote_addr,
            "route": list(request.access_route),
            "environ": request.environ["REMOTE_ADDR"],
        }


def changing(change: Callable[[dict[str, Any], dict[str, Any]], None]) -> Callable[[DualApp], None]:
    """Make a build whose app gets its environ and scope changed, as another server would hand them over."""

    def build(app: DualApp) -> None:
        wsgi_app, asgi_app = app.wsgi_app, app.asgi_app

        def wsgi(environ: Any, start_response: Any) -> Any:
            change(environ, {})
            return wsgi_app(environ, start_response)

        async def async_asgi(scope: Any, receive: Any, send: Any) -> None:
            change({}, scope)
            await asgi_app(scope, receive, send)

        app.wsgi_app = wsgi  # type: ignore[method-assign]  # as in Flask
        app.asgi_app = async_asgi  # type: ignore[method-assign]  # as in Quart

    return build


@pytest.mark.parametrize("server", ON_UNIX_SOCKETS)
def test_the_address_of_a_client_on_a_unix_socket(serve: Serve, server: str) -> None:
    """It has none: it is empty, as Flask under gunicorn says."""
    client = serve(changing(ON_UNIX_SOCKETS[server]), from_where, twin=False)
    assert client.get("/").json() == {"address": "", "route": [""], "environ": ""}


def test_the_port_of_a_client_may_be_a_number(serve: Serve) -> None:
    """Werkzeug's server gives a number; the scope that async code sees has one in any case."""

    def build(app: DualApp) -> None:
        @app.get("/")
        async def async_index():
            return {"client": request.scope["client"]}

    client = serve(changing(with_address("127.0.0.1", 50000)), build, twin=False)
    assert client.get("/").json() == {"client": ["127.0.0.1", 50000]}
