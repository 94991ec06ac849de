"""Redirects: whatever is done to one, or left alone, it is the one that Flask sends."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.urls import iri_to_uri
from werkzeug.utils import redirect as werkzeugs_redirect

import dualapp
from dualapp import DualApp, current_app, g, redirect, request
from dualapp.shortcuts.redirects import Redirect, page_to
from dualapp.wrappers.sending import is_uri

from ..conftest import Serve
from ..support.roads import ROADS

LOCATIONS = {
    "path": "/elsewhere",
    "root": "/",
    "query": "/a?b=c&d='e'&f=%2Fg?",
    "quoted": "/a%20b;c:d@e",
    "to-quote": '/a b|c"<d>',
    "beyond-ascii": "/é?ü=ö#ä",
    "no-query": "/a?",
    "fragment": "/a?b=c#d",
    "two-slashes": "//elsewhere/x",
    "absolute": "https://example.org/x?y=z",
    "relative": "x/../y",
    "empty": "",
    "newline": "/a\nb: c",
    "space": " /a",
}

TAMPERING: dict[str, Any] = {
    "nothing": lambda response: response,
    "status code": lambda response: setattr(response, "status_code", 303),
    "status": lambda response: setattr(response, "status", "307 Elsewhere"),
    "location": lambda response: setattr(response, "location", "/other"),
    "header": lambda response: response.headers.add("X-One", "1"),
    "cookie": lambda response: response.set_cookie("a", "b"),
    "data": lambda response: response.set_data("gone"),
    "body": lambda response: setattr(response, "response", ["a" * 200, "b" * 7]),
    "mimetype": lambda response: setattr(response, "mimetype", "text/plain"),
    "attribute": lambda response: setattr(response, "own", 1),
    "closed": lambda response: response.call_on_close(bool),
    "look": lambda response: response.content_length,
    "looked for": lambda response: hasattr(response, "nothing"),
    "of another class": flask.Response.force_type,
}

RETURNS: dict[str, Any] = {
    "alone": lambda response: response,
    "with its status": lambda response: (response, 302),
    "with a status": lambda response: (response, 307),
    "with 200": lambda response: (response, 200),
    "with 204": lambda response: (response, 204),
    "with headers": lambda response: (response, {"X-Two": "2"}),
    "with no headers": lambda response: (response, {}),
    "with all": lambda response: (response, 303, {"X-Two": "2"}),
    "copy": copy.copy,
    "deep copy": copy.deepcopy,
    "pickled": lambda response: pickle.loads(pickle.dumps(response)),
}


def redirecting(app: DualApp) -> None:
    @app.get("/to/<name>/<int:code>")
    async def to(name, code):
        return redirect(LOCATIONS[name], code)

    @app.get("/flasks/<name>")
    async def flasks(name):
        return flask.redirect(LOCATIONS[name])

    @app.get("/apps/<name>")
    async def apps(name):
        return current_app.redirect(LOCATIONS[name], code=308)

    @app.get("/tampered/<name>")
    async def tampered(name):
        response = redirect("/elsewhere")
        TAMPERING[name](response)
        return response

    @app.get("/returned/<name>")
    async def returned(name):
        return RETURNS[name](redirect("/elsewhere"))


def hooked(app: DualApp) -> None:
    redirecting(app)

    @app.after_request
    async def after(response):
        response.headers["X-Length"] = str(response.content_length)
        return response


@pytest.mark.parametrize("build", [redirecting, hooked])
def test_redirects_of_all_kinds(serve: Serve, build: Any) -> None:
    client = serve(build)
    for name in LOCATIONS:
        assert client.get(f"/to/{name}/302").status == (500 if name == "newline" else 302)
        for path in ("flasks", "apps"):
            client.get(f"/{path}/{name}")
    for code in (200, 201, 204, 300, 301, 303, 304, 307, 308, 404, 599):
        client.get(f"/to/path/{code}")
    client.request("HEAD", "/to/path/302")
    for name in TAMPERING:
        client.get(f"/tampered/{name.replace(' ', '%20')}")
    for name in RETURNS:
        client.get(f"/returned/{name.replace(' ', '%20')}")


def test_it_is_made_late_only_for_who_leaves_the_rest_to_the_app(serve: Serve) -> None:
    """Or else nothing is compared here."""
    made: list[Any] = []

    def build(app: DualApp) -> None:
        @app.get("/<name>")
        async def index(name):
            made.append(redirect(LOCATIONS[name]))
            return made[-1]

    client = serve(build, twin=False)
    for name in ("query", "fragment"):
        client.get(f"/{name}")
    assert isinstance(made[0], Redirect) == (serve.road == "short")
    assert serve.road == "general" or made[0].is_unobserved
    assert not isinstance(made[1], Redirect)


def test_one_that_somebody_keeps_is_the_one_that_hooks_get(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            g.kept = redirect("/elsewhere")
            return g.kept

        @app.after_request
        async def after(response):
            g.kept.headers["X-Same"] = str(g.kept is response)
            return response

    assert serve(build).get("/").header("x-same") == "True"


class Own:
    def redirect(self, location: str, *, code: int) -> Any:
        return super().redirect(f"{location}/own", code)  # type: ignore[misc]  # of the app


def test_what_somebody_replaced_is_asked(serve: Serve) -> None:
    def with_a_function(app: DualApp) -> None:
        redirecting(app)
        app.redirect = lambda location, code: werkzeugs_redirect("/replaced", code)  # type: ignore[method-assign]

    def with_a_class(app: DualApp) -> None:
        redirecting(app)
        app.response_class = type("Own", (app.response_class,), {"default_mimetype": "text/plain"})

    assert serve(redirecting, mixin=Own).get("/to/path/302").header("location") == "/elsewhere/own"
    assert serve(with_a_function).get("/to/path/302").header("location") == "/replaced"
    serve(with_a_class).get("/to/path/302")


@pytest.fixture
def autocorrecting(monkeypatch: pytest.MonkeyPatch) -> None:
    for cls in (flask.Response, dualapp.Response):
        monkeypatch.setattr(cls, "autocorrect_location_header", True)


def located(app: DualApp) -> None:
    redirecting(app)

    @app.get("/created")
    async def created():
        return "created", 201, {"Location": "/person/42"}


@pytest.mark.usefixtures("autocorrecting")
def test_locations_are_made_absolute_where_the_class_of_responses_says_so(serve: Serve) -> None:
    client = serve(located)
    assert client.get("/to/path/302").header("location") == "http://localhost/elsewhere"
    assert client.get("/created").header("location") == "http://localhost/person/42"


def test_it_may_be_shared_by_requests(serve: Serve) -> None:
    """As one that was made before there was any."""

    def build(app: DualApp) -> None:
        shared = app.redirect("/elsewhere")

        @app.get("/")
        async def index():
            if "look" in request.args:
                shared.headers.set("X-Length", str(shared.content_length))
            return shared

    client = serve(build)
    for target in ("/", "/?look", "/"):
        client.get(target)


def test_others_are_made_of_its_class(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return type(redirect("/elsewhere"))("hello", 201)

    assert serve(build).get("/").status == 201


def test_all_protocols_of_pickle_take_it() -> None:
    made = DualApp(__name__).redirect("/elsewhere")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(made, protocol)).location == "/elsewhere"


class Text(str):
    __slots__ = ()


def test_a_location_of_another_class_is_sent_as_text(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.add_url_rule("/redirect", view_func=lambda: redirect(Text("/elsewhere")))
        app.add_url_rule("/tuple", endpoint="tuple", view_func=lambda: ("moved", 302, {"Location": Text("/elsewhere")}))

    client = serve(build)
    for path in ("/redirect", "/tuple"):
        assert client.get(path).header("location") == "/elsewhere"


def test_outside_of_an_app_it_is_werkzeugs() -> None:
    assert type(redirect("/elsewhere")) is type(werkzeugs_redirect("/elsewhere"))
    assert type(redirect("/elsewhere", 301, flask.Response)) is flask.Response


uris = st.text("abz09/?#%&'()*+,;:=@!$-._~[]|\\ \té\n", max_size=12)


@given(uris.map("/{}".format) | uris)
def test_werkzeug_finds_nothing_to_quote_in_a_uri(location: str) -> None:
    if is_uri(location):
        assert iri_to_uri(location) == location
        assert page_to(location) == werkzeugs_redirect(location).get_data()


def test_there_are_two_roads_for_redirects() -> None:
    app = type("App", (*ROADS["general"], DualApp), {})("app")
    assert not isinstance(app.redirect("/elsewhere"), Redirect)
    assert isinstance(DualApp("app").redirect("/elsewhere"), Redirect)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects(serve: Serve, code: int) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return redirect(request.args.get("to", "/there"), code)

    client = serve(build)
    answer = client.get("/")
    assert (answer.status, answer.header("location")) == (code, "/there")
    for target in ("/%C3%A4%20b?x=%26", "http://elsewhere/%C3%A9", "?only=query", "//host/x"):
        assert client.get(f"/?to={target}").status == code
