"""Rules that name a subdomain match without `subdomain_matching`, as in Quart; all other rules match as in Flask."""

from __future__ import annotations

from collections.abc import Callable

import flask
import pytest
import quart
from flask.views import MethodView
from werkzeug.routing import Map, Rule, Subdomain

from dualapp import Blueprint, DualApp, request, url_for

from ..conftest import Serve

UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket")]


def at(host: str) -> list[tuple[str, str]]:
    return [("Host", host)]


def places(app: DualApp) -> None:
    app.config["SERVER_NAME"] = "example.org"

    @app.get("/")
    async def index():
        return "index"

    @app.get("/", subdomain="api")
    async def api():
        return "api"

    @app.route("/both", methods=["GET", "PUT"], subdomain="api")
    async def both_at_api():
        return f"{request.method} at api"

    @app.post("/both")
    async def both():
        return "POST anywhere"

    @app.get("/about")
    async def about():
        return "about"

    @app.get("/folder/", subdomain="api")
    async def folder():
        return "folder"

    @app.get("/item/<int:number>", subdomain="api")
    async def item(number):
        return f"item {number}"


def named_by_users(app: DualApp) -> None:
    app.config["SERVER_NAME"] = "localhost:5000"

    @app.get("/")
    async def index():
        return "index"

    @app.get("/", subdomain="<user>")
    async def home(user):
        return f"home of {user}"


@pytest.mark.parametrize(
    ("method", "host", "path", "status", "text"),
    [
        ("GET", "api.example.org", "/", 200, "api"),
        ("GET", "API.Example.ORG", "/", 200, "api"),
        ("GET", "api.example.org:80", "/", 200, "api"),
        ("GET", "api.example.org", "/item/5", 200, "item 5"),
        ("GET", "api.example.org", "/about", 200, "about"),
        ("PUT", "api.example.org", "/both", 200, "PUT at api"),
        ("POST", "api.example.org", "/both", 200, "POST anywhere"),
        ("GET", "api.example.org", "/nowhere", 404, None),
        ("GET", "api.example.org", "/item/x", 404, None),
        ("GET", "api.example.org", "/static/hello.txt", 200, None),
    ],
)
def test_at_a_subdomain_its_rules_come_first(
    serve: Serve, method: str, host: str, path: str, status: int, text: str | None
) -> None:
    client = serve(places, twin=False)
    for _ in range(2):
        answer = client.request(method, path, at(host))
        assert (answer.status, answer.text if text else None) == (status, text)


@pytest.mark.parametrize(
    "host",
    ["example.org", "elsewhere.net", "www.example.org", "a.api.example.org", "api.example.org:8000", "localhost"],
)
@pytest.mark.parametrize("path", ["/", "/both", "/about", "/folder", "/item/5", "/nowhere"])
def test_at_any_other_host_all_is_as_in_flask(serve: Serve, host: str, path: str) -> None:
    client = serve(places)
    for method in ("GET", "POST", "OPTIONS"):
        client.request(method, path, at(host))


def test_a_refused_method_names_the_methods_of_both(serve: Serve) -> None:
    client = serve(places, twin=False)
    assert client.delete("/both", at("api.example.org")).header("allow") == "GET, HEAD, OPTIONS, POST, PUT"
    assert client.options("/both", at("api.example.org")).header("allow") == "GET, HEAD, OPTIONS, POST, PUT"
    assert client.post("/", at("api.example.org")).header("allow") == "GET, HEAD, OPTIONS"
    assert client.post("/about", at("api.example.org")).status == 405


def test_a_slash_is_added_at_the_subdomain(serve: Serve) -> None:
    answer = serve(places, twin=False).get("/folder?a=1", at("api.example.org"))
    assert (answer.status, answer.header("location")) == (308, "http://api.example.org/folder/?a=1")


def test_a_subdomain_may_have_a_variable_part(serve: Serve) -> None:
    client = serve(named_by_users, twin=False)
    hosts = ["ann.localhost:5000", "localhost:5000", "bob.localhost:5000", "127.0.0.1:5000"]
    assert [client.get("/", at(host)).text for host in hosts] == ["home of ann", "index", "home of bob", "index"]


def test_without_a_server_name_there_is_no_subdomain(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/", subdomain="api")
        async def api():
            return "api"

    assert serve(build).get("/", at("api.example.org")).status == 404


def test_the_default_subdomain_is_any_host(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["SERVER_NAME"] = "example.org"
        app.url_map.default_subdomain = "www"
        app.add_url_rule("/", "index", lambda: "index")
        app.add_url_rule("/", "api", lambda: "api", subdomain="api")

    client = serve(build, twin=False)
    hosts = ["www.example.org", "example.org", "elsewhere.net", "api.example.org"]
    assert [client.get("/", at(host)).text for host in hosts] == ["index", "index", "index", "api"]


def test_urls_lead_to_where_their_rule_matches(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        places(app)

        @app.get("/urls", endpoint="urls")
        @app.get("/urls", subdomain="api")
        async def urls():
            return [url_for("index"), url_for("api"), url_for("about"), url_for("api", _external=True)]

    api = "http://api.example.org/"
    client = serve(build)
    for host in ("example.org", "www.example.org", "elsewhere.net"):
        assert client.get("/urls", at(host)).json() == ["/", api, "/about", api]
    client.twin = None
    # At the subdomain "/" is another page, so the URL has to name the host.
    expected = ["http://example.org/", "/", "http://example.org/about", api]
    assert client.get("/urls", at("api.example.org")).json() == expected


@pytest.mark.parametrize("cls", [flask.Blueprint, quart.Blueprint, Blueprint])
def test_blueprints_with_a_subdomain(serve: Serve, cls: type) -> None:
    def build(app: DualApp) -> None:
        app.config["SERVER_NAME"] = "example.org"

        async def where():
            return url_for(".where", _external=True)

        child = cls("child", "tests.parity", subdomain="child")
        child.add_url_rule("/", "where", where)
        parent = cls("parent", "tests.parity")
        parent.add_url_rule("/", "where", where)
        parent.register_blueprint(child)
        app.register_blueprint(parent, subdomain="parent")
        app.register_blueprint(cls("late", "tests.parity"), name="late", subdomain="late")

    client = serve(build, twin=False)
    for host in ("parent.example.org", "child.parent.example.org"):
        assert client.get("/", at(host)).text == f"http://{host}/"
    for host in ("child.example.org", "example.org", "late.example.org"):
        assert client.get("/", at(host)).status == 404


def class_view(app: DualApp) -> None:
    class View(MethodView):
        async def get(self):
            return "api"

    app.add_url_rule("/", view_func=View.as_view("api"), subdomain="api")


def rule_factory(app: DualApp) -> None:
    app.view_functions["api"] = lambda: "api"
    app.url_map.add(Subdomain("api", [Rule("/", endpoint="api")]))


def rule_of_a_map_of_ones_own(app: DualApp) -> None:
    app.url_map = Map()
    app.view_functions["api"] = lambda: "api"
    app.url_map.add(Rule("/", endpoint="api", subdomain="api"))


@pytest.mark.parametrize("rule", [class_view, rule_factory, rule_of_a_map_of_ones_own])
def test_however_a_rule_comes_by_its_subdomain(serve: Serve, rule: Callable[[DualApp], None]) -> None:
    def build(app: DualApp) -> None:
        app.config["SERVER_NAME"] = "example.org"

    client = serve(build, rule, twin=False)
    assert client.get("/", at("api.example.org")).text == "api"
    assert client.get("/", at("example.org")).status == 404


def test_only_trusted_hosts_have_subdomains(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        places(app)
        app.config["TRUSTED_HOSTS"] = ["api.example.org"]

    client = serve(build, twin=False)
    assert client.get("/", at("api.example.org")).text == "api"
    assert [client.get("/", at(host)).status for host in ("b.example.org", "example.org")] == [400, 400]


def test_a_rule_or_a_server_name_that_comes_late(serve: Serve) -> None:
    client = serve(named_by_users, twin=False)
    client.app.config["SERVER_NAME"] = None
    ask = at("ann.example.org")
    assert [client.get("/", ask).text for _ in range(2)] == ["index", "index"]
    client.app.config["SERVER_NAME"] = "example.org"
    assert client.get("/", ask).text == "home of ann"
    client.app.view_functions["late"] = lambda: "late"
    client.app.url_map.add(Rule("/late", endpoint="late", subdomain="api"))
    assert client.get("/late", at("api.example.org")).text == "late"


def test_a_sync_view_upgrades_at_its_subdomain(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["SERVER_NAME"] = "example.org"
        app.add_url_rule("/ws", "socket", lambda: "upgraded", websocket=True, subdomain="api")
        app.add_url_rule("/ws", "page", lambda: "page", methods=["POST"])

    client = serve(build, twin=False)
    assert client.get("/ws", [*at("api.example.org"), *UPGRADE]).text == "upgraded"
    assert client.get("/ws", at("api.example.org")).status == 405
    assert client.get("/ws", at("example.org")).status == 405
    assert client.post("/ws", at("api.example.org")).text == "page"


def test_subdomain_matching_is_flasks(serve: Serve) -> None:
    client = serve(places, subdomain_matching=True)
    assert client.get("/", at("api.example.org")).text == "api"
    assert client.get("/about", at("api.example.org")).status == 404


def hosts(app: DualApp) -> None:
    app.config["SERVER_NAME"] = "example.org"

    @app.get("/", host="a.example.org")
    async def first():
        return "first"

    @app.get("/", host="<name>.example.net")
    async def second(name):
        return name


def test_host_matching(serve: Serve) -> None:
    client = serve(hosts, host_matching=True, static_host="files.example.org")
    assert client.get("/", at("a.example.org")).text == "first"
    assert client.get("/", at("b.example.net")).text == "b"
    assert client.get("/", at("example.org")).status == 404
    assert client.get("/static/hello.txt", at("files.example.org")).status == 200
    assert client.get("/static/hello.txt", at("a.example.org")).status == 404


def test_without_host_matching_the_host_of_a_rule_says_nothing(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["SERVER_NAME"] = "example.org"
        app.add_url_rule("/", "index", lambda: "index", host="a.example.org")

    client = serve(build)
    for host in ("a.example.org", "b.example.org", "elsewhere.net"):
        assert client.get("/", at(host)).text == "index"


@pytest.mark.parametrize("options", [{"host_matching": True}, {"static_host": "files.example.org"}])
def test_static_host_and_host_matching_go_together(options: dict[str, object]) -> None:
    for cls in (DualApp, flask.Flask, quart.Quart):
        with pytest.raises(AssertionError, match="static_host/host_matching"):
            cls("tests.parity", **options)  # type: ignore[arg-type]  # either is an option


def test_secure_urls_outside_of_a_request(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        places(app)
        app.config["PREFER_SECURE_URLS"] = True

        @app.websocket("/ws", subdomain="api")
        async def socket(): ...

    client = serve(build, twin=False)

    async def urls():
        async with client.app.app_context():
            return [url_for("index"), url_for("api"), url_for("socket")]

    expected = ["https://example.org/", "https://api.example.org/", "wss://api.example.org/ws"]
    assert serve.call(urls) == expected
    client.app.config.update(PREFER_SECURE_URLS=False, PREFERRED_URL_SCHEME="https")
    assert serve.call(urls) == expected
    client.app.config["PREFERRED_URL_SCHEME"] = "http"
    assert serve.call(urls)[0] == "http://example.org/"
