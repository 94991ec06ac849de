"""The pages of errors that nobody handles: those of Werkzeug, whatever was done to the error."""

from __future__ import annotations

from typing import Any

import pytest
from markupsafe import Markup
from werkzeug import exceptions
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

import dualapp
from dualapp import DualApp, abort
from dualapp.wrappers.error_pages import LONGEST_DESCRIPTION, MOST_BODIES, bodies

from ..conftest import Serve
from .apps import failing, rules
from .both_roads import BothRoads, twin_of

CODES = [400, 401, 403, 404, 405, 406, 409, 410, 412, 413, 415, 416, 418, 422, 429, 451, 500, 501, 502, 503]


@pytest.mark.parametrize("code", CODES)
def test_error_pages(serve: Serve, code: int) -> None:
    answer = serve.shared(failing).get(f"/code/{code}")
    assert (answer.status, answer.header("content-type")) == (code, "text/html; charset=utf-8")
    assert f"<title>{code} " in answer.text


def test_a_description_is_escaped(serve: Serve) -> None:
    assert "only &lt;ann&gt; may" in serve(failing).get("/described").text


def test_abort_with_a_response(serve: Serve) -> None:
    answer = serve(failing).get("/response")
    assert (answer.status, answer.text) == (499, "as I say")


def test_a_missing_form_key_is_a_400(serve: Serve) -> None:
    assert serve(failing).get("/key").status == 400


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
