"""A suite of our own, by which the others' are judged: one of its first tests passes for each way to run it."""

import flask
import pytest
from flask import request, stream_with_context


def entry() -> str:
    app = flask.Flask(__name__)

    @app.get("/")
    def index() -> str:
        return "asgi" if "asgi.scope" in request.environ else "wsgi"

    return app.test_client().get("/").text if type(app).__module__.startswith("dualapp") else "plain"


def test_plain() -> None:
    assert entry() == "plain"


def test_wsgi() -> None:
    assert entry() == "wsgi"


def test_asgi() -> None:
    assert entry() == "asgi"


def test_a_request_arrives_whole() -> None:
    app = flask.Flask(__name__)

    @app.post("/<name>")
    def echo(name: str) -> list[object]:
        return [name, request.query_string.decode(), request.script_root, request.headers["X-A"], len(request.data)]

    options = {"headers": {"X-A": "ä"}, "environ_overrides": {"SCRIPT_NAME": "/mounted"}, "data": b"x" * 200_000}
    answer = app.test_client().post("/%C3%BC?a=%20", **options)
    assert answer.json == ["ü", "a=%20", "/mounted", "ä", 200_000]


def test_a_stream_is_made_as_it_is_read_and_closed_when_nobody_reads_on() -> None:
    app, events = flask.Flask(__name__), []

    @app.get("/")
    def stream() -> flask.Response:
        def chunks():
            try:
                while True:
                    events.append("chunk")
                    yield request.path.encode() * 100_000
            finally:
                events.append("closed")

        return flask.Response(stream_with_context(chunks()))

    response = app.test_client().get("/")
    assert next(response.iter_encoded())[:2] == b"//"
    assert events.count("chunk") < 100
    response.close()
    assert events[-1] == "closed"


def test_what_a_view_raises_comes_out() -> None:
    app = flask.Flask(__name__)
    app.testing = True

    @app.get("/<kind>")
    def fail(kind: str) -> None:
        raise {"error": LookupError, "interrupt": KeyboardInterrupt}[kind]

    for kind, error in {"error": LookupError, "interrupt": KeyboardInterrupt}.items():
        with pytest.raises(error):
            app.test_client().get(f"/{kind}")


def test_the_context_of_a_request_can_be_looked_at_afterwards() -> None:
    app = flask.Flask(__name__)
    app.add_url_rule("/<name>", view_func=lambda name: setattr(flask.g, "name", name) or "")
    with app.test_client() as client:
        client.get("/ann")
        assert (flask.g.name, request.view_args) == ("ann", {"name": "ann"})
    assert not flask.has_request_context()
