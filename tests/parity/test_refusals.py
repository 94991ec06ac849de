"""Requests that no rule answers, and errors that nobody handles: their pages, and who gets to see them before."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from flask import signals
from markupsafe import Markup
from werkzeug import exceptions
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map

import dualapp
from dualapp import DualApp, abort, after_this_request, current_app, g, request, session, url_for
from dualapp.wrappers.error_pages import LONGEST_DESCRIPTION, MOST_BODIES, bodies

from ..conftest import Paint, Serve
from ..support.recolour import Build
from .test_roads import BothRoads, twin_of


def rules(app: DualApp) -> None:
    @app.get("/")
    async def index():
        return "index"

    @app.put("/person/<int:id>")
    async def change(id):
        return str(id)

    @app.get("/person/<name>")
    async def show(name):
        return name

    @app.get("/folder/")
    async def folder():
        return "folder"

    @app.get("/lenient", strict_slashes=False)
    async def lenient():
        return "lenient"

    @app.get("/files/<path:name>")
    async def files(name):
        return name


PATHS = ["/", "/nowhere", "/person", "/person/7", "/person/ann", "/person/7/", "/folder", "/folder/", "/folder//"]
PATHS += [
    "//nowhere",
    "/lenient",
    "/lenient/",
    "/files/x/y",
    "/files",
    "/files/",
    "/static/x",
    "/%C3%A9",
    "/n%2Fx",
    "/%FF",
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS", "post", "BREW"])
def test_what_no_rule_answers(serve: Serve, method: str) -> None:
    roads = BothRoads(serve, rules)
    roads.request("GET", "/")  # from now on the host is known
    statuses = {roads.request(method, path).status for path in PATHS}
    assert 404 in statuses
    assert 405 in statuses or method in ("GET", "HEAD", "OPTIONS")


def test_an_app_without_rules(serve: Serve) -> None:
    client = serve(static_folder=None)
    assert [client.get("/").status, client.get("/nowhere").status, client.get("/nowhere").status] == [404] * 3


MADE: list[str] = []


def counting(app: DualApp) -> None:
    """Count the requests that are made: Flask makes one for each, and so it is not compared."""
    rules(app)

    class Counted(app.request_class):  # type: ignore[name-defined, misc]
        def __new__(cls, *args: Any) -> Any:
            MADE.append(args[0]["PATH_INFO"])
            return super().__new__(cls)

    app.request_class = Counted


def test_no_request_is_made_for_nobody(serve: Serve) -> None:
    client = serve(counting, twin=False)
    client.get("/")
    del MADE[:]
    answers = [client.get("/nowhere"), client.post("/")]
    assert [answer.status for answer in answers] == [404, 405]
    assert len(MADE) == (0 if serve.road == "short" else 2)


# ------------------------------------------------------------------------------------------------------- who looks on


def note(value: Any) -> None:
    current_app.extensions.setdefault("seen", []).append(value)


def seen() -> list[Any]:
    return [type(request.routing_exception).__name__, request.url_rule, request.endpoint, request.view_args]


def a_before_hook(app: DualApp) -> None:
    @app.before_request
    async def before():
        note(seen())


def a_before_hook_that_answers(app: DualApp) -> None:
    @app.before_request
    async def before():
        if request.routing_exception:
            return f"instead of {request.routing_exception.code}"
        return None


def a_preprocessor(app: DualApp) -> None:
    @app.url_value_preprocessor
    async def preprocess(endpoint, values):
        note([endpoint, values])


def an_after_hook(app: DualApp) -> None:
    @app.after_request
    async def after(response):
        response.headers["X-Seen"] = str([*seen(), response.status, list(response.headers.keys())])
        return response


def an_after_hook_of_the_request(app: DualApp) -> None:
    @app.before_request
    async def before():
        @after_this_request
        async def after(response):
            response.headers["X-Seen"] = str(response.status_code)
            return response


def a_teardown_hook(app: DualApp) -> None:
    @app.teardown_request
    async def teardown(error):
        note([type(error).__name__, *seen()])


def a_teardown_hook_of_the_app(app: DualApp) -> None:
    @app.teardown_appcontext
    async def teardown(error):
        note([type(error).__name__])


def a_session(app: DualApp) -> None:
    app.secret_key = "secret"

    @app.before_request
    async def before():
        session["path"] = request.path


def a_handler_of_the_code(app: DualApp) -> None:
    @app.errorhandler(404)
    async def missing(error):
        return {"path": request.path, "code": error.code, "index": url_for("index"), "seen": str(seen())}, 404

    @app.errorhandler(405)
    async def refused(error):
        return {"allowed": sorted(error.valid_methods), "same": error is request.routing_exception}, error.code


def a_handler_of_the_class(app: DualApp) -> None:
    @app.errorhandler(HTTPException)
    async def handle(error):
        return error.get_response()


def a_handler_that_returns_the_error(app: DualApp) -> None:
    @app.errorhandler(HTTPException)
    async def handle(error):
        error.description = "described by the handler"
        return error


def a_handler_of_everything(app: DualApp) -> None:
    @app.errorhandler(Exception)
    async def handle(error):
        return f"handled {type(error).__name__}", 500


def a_handler_that_fails(app: DualApp) -> None:
    @app.errorhandler(NotFound)
    async def handle(error):
        raise LookupError


def a_trap(app: DualApp) -> None:
    app.config["TRAP_HTTP_EXCEPTIONS"] = True


def debugging(app: DualApp) -> None:
    app.config["DEBUG"] = True
    app.config["PROPAGATE_EXCEPTIONS"] = False


def a_hook_with_another_reason(app: DualApp) -> None:
    @app.before_request
    async def before():
        request.routing_exception = exceptions.Gone("since yesterday")


def a_hook_without_a_reason(app: DualApp) -> None:
    @app.before_request
    async def before():
        request.routing_exception = None


def a_hook_that_keeps_the_request(app: DualApp) -> None:
    @app.before_request
    async def before():
        g.request = request._get_current_object()

    @app.teardown_request
    async def teardown(error):
        note(str(g.request.routing_exception))


def signals_connected(app: DualApp) -> None:
    def hear(name):
        def receive(sender, **extra):
            note([name, *sorted(extra)])

        app.extensions[name] = receive
        getattr(signals, name).connect(receive, app)

    for name in ("request_started", "request_finished", "request_tearing_down", "got_request_exception"):
        hear(name)


LOOKING = [
    a_before_hook,
    a_before_hook_that_answers,
    a_preprocessor,
    an_after_hook,
    an_after_hook_of_the_request,
    a_teardown_hook,
    a_teardown_hook_of_the_app,
    a_session,
    a_handler_of_the_code,
    a_handler_of_the_class,
    a_handler_that_returns_the_error,
    a_handler_of_everything,
    a_handler_that_fails,
    a_trap,
    debugging,
    a_hook_with_another_reason,
    a_hook_without_a_reason,
    a_hook_that_keeps_the_request,
    signals_connected,
]


@pytest.fixture
def without_log() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("without_log")
@pytest.mark.parametrize("look", LOOKING)
def test_who_looks_sees_what_flask_shows(serve: Serve, paint: Paint, look: Build) -> None:
    client = serve(rules, paint(look))
    for method, path in [("GET", "/"), ("GET", "/nowhere"), ("POST", "/"), ("GET", "/person/1/2"), ("GET", "/folder")]:
        client.request(method, path, escapes=True)
    assert client.app.extensions.get("seen") == twin_of(client).app.extensions.get("seen")


def test_a_blueprint_handles_what_its_views_raise_and_not_what_no_rule_answers(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        blueprint = dualapp.Blueprint("part", __name__, url_prefix="/part")

        @blueprint.errorhandler(404)
        async def missing(error):
            return "missing part", 404

        @blueprint.get("/raised")
        async def raised():
            abort(404)

        app.register_blueprint(blueprint)

    client = serve(build)
    assert [client.get(f"/part/{path}").text[:12] for path in ("raised", "x", "x")] == [
        "missing part",
        *["<!doctype ht"] * 2,
    ]


# --------------------------------------------------------------------------------------------- what it stands aside for


def test_a_request_that_changes_its_method(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        rules(app)

        class Overriding(app.request_class):  # type: ignore[name-defined, misc]
            def __init__(self, environ, *args, **kwargs):
                environ["REQUEST_METHOD"] = environ.get("HTTP_X_METHOD", environ["REQUEST_METHOD"])
                super().__init__(environ, *args, **kwargs)

        app.request_class = Overriding

    client = serve(build, twin=False)
    for _ in range(2):
        assert client.post("/person/7", [("X-Method", "PUT")]).text == "7"


class LazyMap(Map):
    """Knows more than its rules do."""

    def bind_to_environ(self, environ: Any, *args: Any, **kwargs: Any) -> Any:
        if environ["PATH_INFO"] == "/alias":
            environ = {**environ, "PATH_INFO": "/"}
        return super().bind_to_environ(environ, *args, **kwargs)


def test_a_map_of_ones_own(serve: Serve) -> None:
    mixin = type("Mixin", (), {"url_map_class": LazyMap})
    client = serve(rules, mixin=mixin)
    for _ in range(2):
        assert client.get("/alias").text == "index"


def test_subdomains_of_one_s_own(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["SERVER_NAME"] = "localhost"

        @app.get("/here")
        async def here():
            return "here"

        @app.get("/there", subdomain="<domain>")
        async def there(domain):
            return domain

    client = serve(build, subdomain_matching=True)
    for _ in range(2):
        assert client.get("/there").status == 404
        assert client.get("/there", [("Host", "www.localhost")]).text == "www"


@pytest.mark.parametrize("host", ["a b", "localhost:x", "ä", ""])
def test_hosts_that_are_none(serve: Serve, host: str) -> None:
    client = serve(rules)
    for _ in range(2):
        client.get("/nowhere", [("Host", host)])


# ---------------------------------------------------------------------------------------------------------------- pages


class Lazy:
    """A description that is made when it is read, as translations are."""

    def __str__(self) -> str:
        return "<late>"


def changed(error: HTTPException, **attributes: Any) -> HTTPException:
    vars(error).update(attributes)
    return error


ERRORS: dict[str, Any] = {
    "stock": NotFound,
    "described": lambda: NotFound("no <b>such</b>\nthing"),
    "as the stock one": lambda: NotFound(NotFound.description),
    "empty": lambda: NotFound(""),
    "markup": lambda: NotFound(Markup("<b>no such thing</b>")),
    "same text as the markup": lambda: NotFound("<b>no such thing</b>"),
    "long": lambda: NotFound("x" * (LONGEST_DESCRIPTION + 1)),
    "late": lambda: NotFound(Lazy()),  # type: ignore[arg-type]
    "no description": lambda: changed(NotFound(), description=None),
    "other code": lambda: changed(NotFound(), code=410),
    "odd code": lambda: changed(NotFound(), code=499),
    "bodiless code": lambda: changed(NotFound(), code=204),
    "not modified": lambda: changed(NotFound(), code=304),
    "no code": lambda: HTTPException("none"),
    "own body": lambda: changed(NotFound(), get_body=lambda *_: "own"),
    "own description": lambda: changed(NotFound(), get_description=lambda *_: "own"),
    "own headers": lambda: changed(NotFound(), get_headers=lambda *_: [("X-Own", "1")]),
    "methods": lambda: MethodNotAllowed(["PUT", "GET"]),
    "no methods": lambda: MethodNotAllowed(),
    "odd methods": lambda: MethodNotAllowed(["GËT"]),
    "challenge": lambda: exceptions.Unauthorized(www_authenticate=WWWAuthenticate("basic", {"realm": "here"})),
    "retry": lambda: exceptions.TooManyRequests(retry_after=7),
    "range": lambda: exceptions.RequestedRangeNotSatisfiable(length=7),
    "key": lambda: exceptions.BadRequestKeyError("missing"),
    "key shown": lambda: changed(exceptions.BadRequestKeyError("missing"), show_exception=True),
    "own class": type("Own", (NotFound,), {"description": "own"}),
    "own class's headers": type("Own", (NotFound,), {"get_headers": lambda *_: [("X-Own", "1"), ("X-Own", "2")]}),
    "response": lambda: NotFound(response=dualapp.Response("as I say", 410)),
}
ERRORS.update({name: error for name, error in vars(exceptions).items() if getattr(error, "code", None)})


def errors(app: DualApp) -> None:
    @app.get("/raised/<name>")
    async def raised(name):
        raise ERRORS[name]()

    @app.get("/returned/<name>")
    async def returned(name):
        return ERRORS[name]()

    @app.get("/with/<name>/<int:status>")
    async def with_status(name, status):
        return ERRORS[name](), status

    @app.get("/headed/<name>")
    async def headed(name):
        return ERRORS[name](), {"X-Own": "1"}


@pytest.mark.usefixtures("without_log")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_pages_of_errors(serve: Serve, method: str) -> None:
    roads = BothRoads(serve, errors)
    for name in ERRORS:
        target = name.replace(" ", "%20")
        for _ in range(2):
            roads.request(method, f"/raised/{target}")
            roads.request(method, f"/returned/{target}")
            roads.request(method, f"/headed/{target}")
            for status in (200, 204, 404, 418):
                roads.request(method, f"/with/{target}/{status}")


def test_headers_of_pages_are_spelled_as_flask_spells_them() -> None:
    """Also where they are compared without case."""
    spelled: list[Any] = []
    clients = BothRoads(Serve("wsgi", "async"), rules).clients.values()
    for client in (*clients, *map(twin_of, clients)):
        for method, path in [("GET", "/nowhere"), ("GET", "/nowhere"), ("PATCH", "/")]:
            environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "SERVER_NAME": "x", "SERVER_PORT": "80"}
            environ |= {"HTTP_HOST": "localhost", "wsgi.url_scheme": "http", "wsgi.input": None}
            client.app.wsgi_app(environ, lambda *start: spelled.append((start[0], ordered(start[1]))))
    assert spelled[3:] == spelled[:-3]


def ordered(headers: list[tuple[str, str]]) -> list[Any]:
    """The order of `Allow` is a set's in Flask."""
    return [(name, sorted(value.split(", ")) if name == "Allow" else value) for name, value in headers]


def test_a_page_that_somebody_changed_meanwhile(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serve(rules)
    client.get("/nowhere")
    with monkeypatch.context() as patch:
        patch.setattr(NotFound, "description", "nowhere")
        assert "nowhere" in client.get("/nowhere").text
        patch.setattr(HTTPException, "get_body", lambda self, *_: f"own {self.code}")
        assert client.get("/nowhere").text == "own 404"
    assert "spelling" in client.get("/nowhere").text


def test_not_all_pages_are_kept(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/<int:number>")
        async def index(number):
            abort(404, f"no {number}")

    client = serve(build, twin=False)
    for number in range(MOST_BODIES + 10):
        assert f"<p>no {number}</p>" in client.get(f"/{number}").text
    assert len(bodies) <= MOST_BODIES
