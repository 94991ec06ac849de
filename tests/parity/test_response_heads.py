"""Statuses and headers that HTTP does not allow: one 500 page that says in the log what was wrong, on both entries."""

from __future__ import annotations

import logging
from typing import Any

import flask
import pytest
from werkzeug.exceptions import HTTPException, NotFound

from dualapp import DualApp, Response, abort, jsonify, make_response, redirect, request, session

from ..conftest import Paint, Serve

#: By header value, what is sent: None where the answer is the 500 page.
VALUES = {
    " both ends\t": "both ends",
    "\ttab": "tab",
    " ": "",
    "": "",
    "inner\ttab and  spaces": "inner\ttab and  spaces",
    "caf\xe9": "caf\xe9",
    "a\x01b": None,
    "a\x00b": None,
    "\x7f": None,
    "\x1b[31m": None,
    "snow \u2603": None,
    "\ud800": None,
}


def answers(app: DualApp) -> None:
    """The ways in which an answer gets its headers; each takes the value from the table."""
    app.secret_key = "secret"
    values = list(VALUES)

    def chosen():
        return {"X-Chosen": values[int(request.args["n"])]}

    @app.get("/text")
    async def text():
        return "text", chosen()

    @app.get("/text-and-status")
    async def text_and_status():
        return "text", 201, chosen()

    @app.get("/json")
    async def json():
        return {"a": 1}, chosen()

    @app.get("/response")
    async def response():
        return Response("text", headers=chosen())

    @app.get("/set")
    async def set_later():
        answer = jsonify(a=1)
        answer.headers.update(chosen())
        return answer

    @app.get("/made")
    async def made():
        return await make_response("text", 200, chosen())

    @app.get("/stream")
    async def stream():
        async def words():
            yield "one"
            yield "two"

        return words(), chosen()

    @app.get("/redirect")
    async def redirected():
        answer = redirect("/elsewhere")
        answer.headers.update(chosen())
        return answer

    @app.get("/abort")
    async def aborts():
        abort(Response("refused", 403, chosen()))

    @app.get("/error")
    async def error():
        class Gone(NotFound):
            def get_headers(self, *_: Any) -> Any:
                return [("Content-Type", "text/plain"), *chosen().items()]

        raise Gone

    @app.get("/not-modified")
    async def not_modified():
        return "", 304, chosen()

    @app.get("/session")
    async def with_session():
        session["a"] = 1
        return "text", chosen()

    @app.errorhandler(LookupError)
    async def handler(error):
        return "handled", 400, chosen()

    @app.get("/handler")
    async def fails():
        raise LookupError


WAYS = [
    "text",
    "text-and-status",
    "json",
    "response",
    "set",
    "made",
    "stream",
    "redirect",
    "abort",
    "error",
    "not-modified",
    "session",
    "handler",
]


@pytest.mark.parametrize("way", WAYS)
def test_values_of_headers(serve: Serve, caplog: pytest.LogCaptureFixture, way: str) -> None:
    client = serve(answers, twin=False)
    for number, sent in enumerate(VALUES.values()):
        caplog.clear()
        answer = client.get(f"/{way}?n={number}")
        if sent is None:
            assert is_page(answer)
            assert "'X-Chosen'" in logged(caplog)
        else:
            assert answer.status < 500
            assert answer.header("x-chosen") == sent
            assert not errors(caplog)


def is_page(answer: Any) -> bool:
    kind = answer.header("content-type") == "text/html; charset=utf-8"
    return bool(kind and answer.status == 500 and "<title>500 Internal Server Error</title>" in answer.text)


def errors(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno >= logging.ERROR]


def logged(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(logging.Formatter().format(record) for record in errors(caplog))


@pytest.mark.parametrize("name", ["X Spaced", "X:Colon", "", "X-\xe9", "X-\u2603", "X\r\nY: z", "X\x00"], ids=ascii)
def test_names_of_headers(serve: Serve, caplog: pytest.LogCaptureFixture, name: str) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return "text", {name: "value"}

    assert is_page(serve(build, twin=False).get("/"))
    assert ascii(name) in logged(caplog)


def test_a_newline_is_refused_by_werkzeug_and_named_in_the_log(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return "text", {"X-Fine": "a", "X-Split": "a\r\nSet-Cookie: b=c"}

    assert is_page(serve(build).get("/"))
    assert "The header is 'X-Split'" in logged(caplog)
    assert "index" in logged(caplog)


def locations(app: DualApp) -> None:
    @app.get("/")
    async def index():
        return "text", 302, {request.args["name"]: request.args["value"]}


@pytest.mark.parametrize("value", ["/\u2603", " /a ", "/a\x01\x7f", "//\u2603.example/\xe9?q=\xe9"], ids=ascii)
@pytest.mark.parametrize("name", ["Location", "content-location"])
def test_locations_are_encoded_as_flask_does(serve: Serve, name: str, value: str) -> None:
    from urllib.parse import urlencode

    assert serve.shared(locations).get(f"/?{urlencode({'name': name, 'value': value})}").status == 302


def test_a_location_that_is_none(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return "text", 302, {"Location": "http://[nowhere"}

    assert is_page(serve(build, twin=False).get("/"))
    assert "'Location'" in logged(caplog)


#: What a view returns as its status, and what is sent: None for the 500 page.
STATUSES: dict[Any, int | None] = {
    0: None,
    -1: None,
    1: None,
    99: None,
    100: None,
    101: None,
    600: None,
    999: None,
    1000: None,
    "": None,
    "fine": None,
    "0": None,
    "99 Low": None,
    "+200 OK": None,
    "200 OK\r\nX-Split: a": None,
    "200 \u2603": None,
    "200": 200,
    "201 CREATED": 201,
    "404": 404,
    "299 Quite fine": 299,
    200: 200,
    299: 299,
    418: 418,
    599: 599,
}


def statuses(app: DualApp) -> None:
    table = list(STATUSES)

    @app.get("/text/<int:n>")
    async def gives_text(n):
        return "text", table[n]

    @app.get("/json/<int:n>")
    async def gives_json(n):
        return {"a": 1}, table[n]

    @app.get("/response/<int:n>")
    async def gives_response(n):
        return Response("text", status=table[n])

    @app.get("/set/<int:n>")
    async def gives_set(n):
        answer = Response("text")
        answer.status = table[n]
        return answer

    @app.get("/stream/<int:n>")
    async def gives_stream(n):
        async def words():
            yield "one"

        return words(), table[n]

    @app.get("/error/<int:n>")
    async def gives_error(n):
        class Odd(HTTPException):
            code = table[n]
            description = "odd"

        raise Odd


@pytest.mark.parametrize("way", ["text", "json", "response", "set", "stream", "error"])
def test_statuses(serve: Serve, caplog: pytest.LogCaptureFixture, way: str) -> None:
    client, as_flask = serve(statuses, twin=False), serve(statuses)
    for number, sent in enumerate(STATUSES.values()):
        caplog.clear()
        answer = (as_flask if sent and way != "stream" else client).get(f"/{way}/{number}")
        if sent is None:
            assert is_page(answer)
            assert f"gives_{way}" in logged(caplog)
        else:
            assert answer.status == sent
            assert not errors(caplog)


def test_the_reason_is_the_views(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return "text", "201 Quite new"

    assert serve(build).get("/").reason == ("Quite new" if serve.entry == "wsgi" else "")


def test_a_hook_that_spoils_every_answer(serve: Serve, paint: Paint, caplog: pytest.LogCaptureFixture) -> None:
    """Its header is on the page of the error as well, so that the page is sent without hooks."""

    @paint
    def hooks(app: DualApp) -> None:
        @app.after_request
        async def spoil(response):
            response.headers["X-Spoilt"] = "\u2603"
            return response

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return "text"

    answer = serve(build, hooks, twin=False).get("/")
    assert is_page(answer)
    assert answer.header("x-spoilt") is None
    assert "'X-Spoilt'" in logged(caplog)


def test_a_page_of_errors_that_cannot_be_sent(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            raise LookupError

        @app.errorhandler(500)
        async def page(error):
            return "my page", 1000

    assert is_page(serve(build, twin=False).get("/"))
    assert "LookupError" in logged(caplog)
    assert "1000" in logged(caplog)


def test_the_error_goes_the_way_of_all_errors(serve: Serve, paint: Paint) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        @app.teardown_request
        async def note(error):
            app.extensions["seen"] = type(error).__name__

        @app.errorhandler(500)
        async def page(error):
            return f"mine: {type(error.original_exception).__name__}", 500

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return "text", 99

    client = serve(build, hooks, twin=False)
    assert client.get("/").text == "mine: UnsendableHead"
    assert client.app.extensions["seen"] == "UnsendableHead"
    client.app.testing = True
    with pytest.raises(ValueError, match="99"):
        client.get("/")


def test_an_answer_of_a_replaced_step(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """What an override of Flask's methods gives is checked, too."""

    class Own:
        def finalize_request(self, *args: Any, **options: Any) -> flask.Response:
            response: flask.Response = super().finalize_request(*args, **options)  # type: ignore[misc]  # Flask's
            if request.args:
                response.headers["X-Own"] = "\u2603"
            return response

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return "text"

    client = serve(build, mixin=Own, twin=False)
    assert client.get("/").text == "text"
    assert is_page(client.get("/?spoil=1"))
    assert "'X-Own'" in logged(caplog)


def test_headers_that_are_a_dict(serve: Serve) -> None:
    """Werkzeug makes headers of it when it sends the response."""

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            answer = Response("text")
            answer.headers = {"X-Own": "a"}  # type: ignore[assignment]  # what the test is about
            return answer

    assert serve(build).get("/").header("x-own") == "a"
