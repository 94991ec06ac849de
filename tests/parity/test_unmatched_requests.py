"""Requests that no rule answers, 404 and 405: what is sent, and who gets to see it before."""

from __future__ import annotations

from typing import Any

import pytest
from flask import signals
from werkzeug import exceptions
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map

from dualapp import DualApp, after_this_request, current_app, g, request, session, url_for

from ..conftest import Paint, Serve
from ..support.recolour import Build
from .apps import rules
from .both_roads import BothRoads, twin_of

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


@pytest.mark.usefixtures("without_log")
@pytest.mark.parametrize("look", LOOKING)
def test_who_looks_sees_what_flask_shows(serve: Serve, paint: Paint, look: Build) -> None:
    client = serve(rules, paint(look))
    for method, path in [("GET", "/"), ("GET", "/nowhere"), ("POST", "/"), ("GET", "/person/1/2"), ("GET", "/folder")]:
        client.request(method, path, escapes=True)
    assert client.app.extensions.get("seen") == twin_of(client).app.extensions.get("seen")


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
