"""Which view a request finds, with which arguments, and what it gets when there is none."""

from __future__ import annotations

from typing import Any

import flask
import pytest
from werkzeug.exceptions import Gone
from werkzeug.routing import BaseConverter, ValidationError

from dualapp import (
    DualApp,
    Response,
    request,
    url_for,
)

from ..conftest import NAME, Serve


def shortcuts(app: DualApp) -> None:
    @app.get("/x")
    async def read():
        return "get"

    @app.post("/x")
    async def create():
        return "post"

    @app.put("/x")
    async def put():
        return "put"

    @app.patch("/x")
    async def patch():
        return "patch"

    @app.delete("/x")
    async def delete():
        return "delete"

    @app.route("/both", methods=["GET", "POST"])
    async def both():
        return request.method

    @app.route("/route")
    async def route():
        return "route"


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_method_shortcuts(serve: Serve, method: str) -> None:
    assert serve.shared(shortcuts).request(method.upper(), "/x").text == method


def test_methods_adds(serve: Serve) -> None:
    client = serve(shortcuts)
    assert [client.get("/both").text, client.post("/both").text] == ["GET", "POST"]


def test_another_method_is_405_with_allow_and_a_page(serve: Serve) -> None:
    answer = serve(shortcuts).post("/route")
    assert (answer.status, answer.header("content-type")) == (405, "text/html; charset=utf-8")
    allow = answer.header("allow") or ""
    assert set(allow.split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert "<title>405 Method Not Allowed</title>" in answer.text


def test_allow_has_one_order(serve: Serve) -> None:
    """Werkzeug keeps methods in sets: the order must not depend on the entry, the colour, or the day."""
    client = serve(shortcuts)
    expected = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
    assert client.options("/x").header("allow") == expected
    assert client.request("TRACE", "/x").header("allow") == expected


def test_head_and_options_come_by_themselves(serve: Serve) -> None:
    client = serve(shortcuts)
    assert (client.head("/route").status, client.head("/route").header("content-length")) == (200, "5")
    options = client.options("/route")
    assert (options.status, options.body, options.header("allow")) == (200, b"", "GET, HEAD, OPTIONS")


def test_options_can_be_taken_away_and_given_by_hand(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/none", provide_automatic_options=False)
        async def none():
            return "x"

        @app.get("/cors", provide_automatic_options=False)
        async def cors():
            return "x"

        @app.route("/cors", methods=["OPTIONS"], provide_automatic_options=False)
        async def cors_options():
            return "", 204, {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET"}

    client = serve(build)
    assert (client.options("/none").status, client.options("/none").header("allow")) == (405, "GET, HEAD")
    answer = client.options("/cors")
    assert (answer.status, answer.header("access-control-allow-origin"), answer.body) == (204, "*", b"")
    assert client.get("/cors").text == "x"


def converters(app: DualApp) -> None:
    @app.get("/string/<name>")
    async def string(name):
        return {"name": name}

    @app.get("/person/<int:id>")
    async def person(id):
        return {"id": id, "type": type(id).__name__}

    @app.get("/float/<float:x>")
    async def number(x):
        return {"x": x}

    @app.get("/path/<path:rest>/end")
    async def path(rest):
        return {"rest": rest}

    @app.get("/uuid/<uuid:id>")
    async def uuid(id):
        return {"hex": id.hex}

    @app.get("/page/<any(about, help, contact):page>")
    async def page(page):
        return {"page": page}

    @app.get("/short/<string(length=2):code>")
    async def short(code):
        return {"code": code}

    @app.get("/range/<int(min=2, max=5):n>")
    async def bounded(n):
        return {"n": n}

    @app.get("/signed/<int(signed=True):n>")
    async def signed(n):
        return {"n": n}

    @app.get("/fixed/<int(fixed_digits=3):n>")
    async def fixed(n):
        return {"n": n}

    @app.get("/<lang>/<int:year>-<month>/")
    async def several(lang, year, month):
        return {"args": [lang, year, month]}

    @app.get("/either/<int:id>")
    async def by_number(id):
        return {"number": id}

    @app.get("/either/<id>")
    async def by_name(id):
        return {"name": id}

    @app.get("/default", defaults={"page": 1})
    @app.get("/default/<int:page>")
    async def default(page):
        return {"page": page}


UUID = "12345678-1234-5678-1234-567812345678"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/string/b%C3%A4r", {"name": "bär"}),
        ("/string/a%20b+c", {"name": "a b+c"}),
        ("/string/a/b", 404),
        ("/string/", 404),
        ("/person/3", {"id": 3, "type": "int"}),
        ("/person/007", {"id": 7, "type": "int"}),
        ("/person/simon", 404),
        ("/person/-3", 404),
        ("/person/3.0", 404),
        ("/person/%D9%A3", {"id": 3, "type": "int"}),
        ("/float/1.5", {"x": 1.5}),
        ("/float/1", 404),
        ("/path/a/b/c/end", {"rest": "a/b/c"}),
        ("/path/a%2Fb/end", {"rest": "a/b"}),
        (f"/uuid/{UUID}", {"hex": UUID.replace("-", "")}),
        ("/uuid/12345678", 404),
        ("/page/help", {"page": "help"}),
        ("/page/other", 404),
        ("/short/de", {"code": "de"}),
        ("/short/deu", 404),
        ("/range/5", {"n": 5}),
        ("/range/6", 404),
        ("/signed/-6", {"n": -6}),
        ("/fixed/007", {"n": 7}),
        ("/fixed/7", 404),
        ("/de/2024-05/", {"args": ["de", 2024, "05"]}),
        ("/either/12", {"number": 12}),
        ("/either/twelve", {"name": "twelve"}),
        ("/default", {"page": 1}),
        ("/default/2", {"page": 2}),
    ],
)
def test_converters(serve: Serve, path: str, expected: object) -> None:
    answer = serve.shared(converters).get(path)
    assert answer.status == 404 if expected == 404 else answer.json() == expected


def test_default_value_redirects_to_the_short_url(serve: Serve) -> None:
    answer = serve(converters).get("/default/1")
    assert (answer.status, answer.header("location")) == (308, "http://localhost/default")


class ListConverter(BaseConverter):
    def to_python(self, value: str) -> list[str]:
        if "x" in value:
            raise ValidationError
        return value.split("+")

    def to_url(self, value: list[str]) -> str:
        return "+".join(super(ListConverter, self).to_url(part) for part in value)


def test_custom_converters(serve: Serve) -> None:
    def build(app: DualApp) -> None:

        app.url_map.converters["list"] = ListConverter

        @app.get("/list/<list:items>")
        async def listed(items):
            return {"items": items, "url": url_for("listed", items=["c", "ä d"])}

    client = serve(build)
    assert client.get("/list/a+b").json() == {"items": ["a", "b"], "url": "/list/c+%C3%A4%20d"}
    assert client.get("/list/a+x").status == 404


def test_url_map_prints_each_rule(serve: Serve) -> None:
    printed = str(serve(shortcuts).app.url_map)
    assert "'/static/<filename>' (" in printed
    line = next(line for line in printed.splitlines() if "/both" in line)
    assert "-> both>" in line
    assert all(method in line for method in ("GET", "POST", "HEAD", "OPTIONS"))


def slashes(app: DualApp) -> None:
    @app.route("/branch/", methods=["GET", "POST"])
    async def branch():
        return "branch"

    @app.get("/leaf")
    async def leaf():
        return "leaf"

    @app.get("/loose/", strict_slashes=False)
    async def loose():
        return "loose"

    @app.get("/")
    async def root():
        return "root"

    @app.get("/raw/<path:rest>", merge_slashes=False)
    async def raw(rest):
        return rest


@pytest.mark.parametrize(
    ("target", "status", "location"),
    [
        ("/branch", 308, "http://localhost/branch/"),
        ("/branch?a=1&b=%C3%A9", 308, "http://localhost/branch/?a=1&b=%C3%A9"),
        ("/leaf/", 404, None),
        ("/loose", 200, None),
        ("//leaf", 200, None),
        ("/branch//", 308, "http://localhost/branch/"),
        ("///branch///", 308, "http://localhost/branch/"),
        ("/raw/a//b", 200, None),
        ("//", 200, None),
        ("/%2Fleaf", 200, None),
        ("/./leaf", 404, None),
        ("/branch/../leaf", 404, None),
    ],
)
def test_slashes(serve: Serve, target: str, status: int, location: str | None) -> None:
    answer = serve.shared(slashes).get(target)
    assert (answer.status, answer.header("location")) == (status, location)


def test_a_redirect_keeps_the_method(serve: Serve) -> None:
    answer = serve(slashes).post("/branch", body=b"x")
    assert (answer.status, answer.header("location")) == (308, "http://localhost/branch/")


@pytest.mark.filterwarnings("ignore:Current server name")
def test_hosts_and_subdomains(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["SERVER_NAME"] = "example.org"

        @app.get("/")
        async def index():
            return "main"

        @app.get("/", subdomain="<user>")
        async def user(user):
            return user

    client = serve(build, subdomain_matching=True)
    assert client.get("/", [("Host", "example.org")]).text == "main"
    assert client.get("/", [("Host", "ann.example.org")]).text == "ann"
    client.get("/", [("Host", "elsewhere.net")])


def test_host_matching(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/", host="a.org")
        async def first():
            return "a"

        @app.get("/", host="<name>.net")
        async def second(name):
            return name

    client = serve(build, host_matching=True, static_folder=None)
    assert client.get("/", [("Host", "a.org")]).text == "a"
    assert client.get("/", [("Host", "b.net")]).text == "b"
    assert client.get("/", [("Host", "c.com")]).status == 404


def test_redirect_to_and_alias(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.add_url_rule("/old/<int:id>", "old", redirect_to="new/<id>")

        @app.get("/new/<int:id>")
        async def new(id):
            return str(id)

    answer = serve(build).get("/old/7")
    assert (answer.status, answer.header("location")) == (308, "http://localhost/new/7")


def test_add_url_rule_and_endpoint(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        async def view(x):
            return {"endpoint": request.endpoint, "x": x, "rule": str(request.url_rule), "args": request.view_args}

        app.add_url_rule("/one/<x>", "named", view)
        app.add_url_rule("/two/<x>", view_func=view, methods=["POST"])
        app.add_url_rule("/three/<x>", endpoint="later")

        @app.endpoint("later")
        async def later(x):
            return {"endpoint": request.endpoint}

    client = serve(build)
    assert client.get("/one/1").json() == {"endpoint": "named", "x": "1", "rule": "/one/<x>", "args": {"x": "1"}}
    assert client.post("/two/2").json()["endpoint"] == "view"
    assert client.get("/three/3").json() == {"endpoint": "later"}


def test_an_endpoint_without_a_view(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.add_url_rule("/nothing", endpoint="nothing")

    assert serve(build).get("/nothing").status == 500


def test_class_based_views(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        from flask.views import MethodView, View

        class Hello(View):
            methods = ("GET", "POST")

            def __init__(self, greeting: str) -> None:
                self.greeting = greeting

            async def dispatch_request(self, name):
                return f"{self.greeting} {name} {request.method}"

        class Items(MethodView):
            init_every_request = False

            async def get(self, id):
                return {"get": id}

            async def post(self, id):
                return {"post": (await request.get_json())["x"]}, 201

        app.add_url_rule("/hello/<name>", view_func=Hello.as_view("hello", "Hi"))
        app.add_url_rule("/items/<int:id>", view_func=Items.as_view("items"))

    client = serve(build)
    assert client.get("/hello/ann").text == "Hi ann GET"
    assert client.post("/hello/bob").text == "Hi bob POST"
    assert client.get("/items/3").json() == {"get": 3}
    assert client.post("/items/3", json={"x": 5}).json() == {"post": 5}
    assert client.head("/items/3").status == 200
    assert client.delete("/items/3").status == 405


def test_view_decorators_of_a_class(serve: Serve) -> None:
    """Flask calls the method of an async class for its decorators: they are plain functions in both colours."""

    def build(app: DualApp) -> None:
        from functools import wraps

        from flask.views import View

        def loud(view):
            @wraps(view)
            def wrapper(**values):
                return view(**values).upper()

            return wrapper

        class Hello(View):
            decorators = (loud,)

            async def dispatch_request(self):
                return "hello " + (await request.get_data()).decode()

        app.add_url_rule("/", view_func=Hello.as_view("hello"))

    assert serve(build).get("/", body=b"you").text == "HELLO YOU"


def test_views_that_are_not_plain_functions(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        import functools

        class Callable:
            __name__ = "callable"

            async def __call__(self, x):
                return f"called {x}"

        class Holder:
            async def method(self, x):
                return f"bound {x}"

        async def base(kind, x):
            return f"{kind} {x}"

        app.add_url_rule("/partial/<x>", "partial", functools.partial(base, "partial"))
        app.add_url_rule("/bound/<x>", "bound", Holder().method)
        app.add_url_rule("/callable/<x>", "callable", Callable())

    client = serve(build)
    assert client.get("/partial/1").text == "partial 1"
    assert client.get("/bound/2").text == "bound 2"
    if not serve.is_async:  # An object with an async __call__ is no coroutine function for Flask either.
        assert client.get("/callable/3").text == "called 3"


def test_the_two_colours_side_by_side(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.post("/sync")
        def sync_view():
            return {"got": request.get_json()}

        @app.post("/async")
        async def async_view():
            return {"got": await request.get_json()}

    client = serve(build, twin=False)
    for path in ("/sync", "/async", "/sync"):
        assert client.post(path, json=[1]).json() == {"got": [1]}


def test_no_registration_after_the_first_request(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return Response("x")

    client = serve(build)
    client.get("/")
    with pytest.raises(AssertionError, match="setup method 'route' can no longer be called"):
        client.app.route("/late")(lambda: "late")
    assert client.app.name == NAME


class Looking:
    """An app whose context looks at its request before it is routed."""

    def _context_of(self, exchange: Any) -> Any:
        context = super()._context_of(exchange)  # type: ignore[misc]  # of the app
        context.request.tenant = "mine"
        return context


def test_a_request_that_was_looked_at_early_is_told_of_its_rule(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.before_request(lambda: None)

        @app.get("/<word>")
        async def index(word):
            return [word, flask.request.endpoint, flask.request.view_args, str(flask.request.url_rule)]

    client = serve(build, mixin=Looking, twin=False)
    for _ in range(3):
        assert client.get("/a").json() == ["a", "index", {"word": "a"}, "/<word>"]


def test_where_no_method_is_known_none_is_said_to_be_allowed(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/here/", strict_slashes=False)
        async def here():
            return "here"

    serve(build).request("OPTIONS", "/here")


class Failing(BaseConverter):
    def to_python(self, value: str) -> str:
        raise {"gone": Gone(), "broken": KeyError(value)}.get(value, ValueError(value))


def test_a_converter_may_fail_at_the_second_request_too(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.url_map.converters["failing"] = Failing

        @app.get("/")
        async def index():
            return "index"

        @app.get("/<failing:name>")
        async def named(name):
            return name

    client = serve(build)
    for _ in range(2):
        assert client.get("/").status == 200
        assert client.get("/gone").status == 410
        assert client.get("/broken").status == 500


def test_who_asks_for_a_websocket_is_told_no_each_time(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return "index"

    client = serve(build)
    upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket")]
    assert [client.get("/", upgrade).status, client.get("/").status, client.get("/", upgrade).status] == [400, 200, 400]
