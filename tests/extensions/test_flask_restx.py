"""flask-restx

Resources in a namespace of a blueprint: models that marshal and validate, parsed arguments, field masks, error
handlers, other representations, the OpenAPI document and its page.
"""

from __future__ import annotations

import inspect

import pytest
from flask_restx import Api, Namespace, Resource, fields, reqparse

from dualapp import Blueprint, DualApp, make_response, request

from ..conftest import Serve
from .known_failures import ASYNC, fails_in

# flask-restx 1.3.2 asks jsonschema for a resolver that jsonschema has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver is deprecated:DeprecationWarning")


class Gone(Exception):
    pass


def todos(app: DualApp) -> None:
    app.config["RESTX_MASK_SWAGGER"] = False
    blueprint = Blueprint("api", __name__, url_prefix="/api")
    api = Api(blueprint, version="1.0", title="Todos", doc="/doc/")
    ns = Namespace("todos", description="What is to do")
    todo = ns.model(
        "Todo",
        {
            "id": fields.Integer(readonly=True),
            "task": fields.String(required=True, min_length=2),
            "uri": fields.Url("api.todo"),
        },
    )
    listing = reqparse.RequestParser()
    listing.add_argument("page", type=int, default=1, location="args", help="No page of that number")
    listing.add_argument("tag", action="append", location="args")
    kept = {1: {"id": 1, "task": "build an API"}}

    @ns.route("/")
    class Todos(Resource):
        @ns.expect(listing)
        @app.ensure_sync
        async def get(self):
            given = listing.parse_args()
            return {"page": given["page"], "tags": given["tag"], "all": list(kept.values())}

        @ns.expect(todo, validate=True)
        @ns.marshal_with(todo, code=201)
        @app.ensure_sync
        async def post(self):
            sent = await request.get_json()
            kept[2] = {"id": 2, "task": sent["task"]}
            return kept[2], 201, {"X-Made": "2"}

    @ns.route("/<int:id>", endpoint="todo")
    @ns.response(404, "Not found")
    class Todo(Resource):
        @ns.marshal_with(todo)
        @app.ensure_sync
        async def get(self, id):
            return kept.get(id) or ns.abort(404, f"No todo {id}")

        @app.ensure_sync
        async def delete(self, id):
            raise Gone(f"{id} is gone")

    @ns.errorhandler(Gone)
    def sync_gone(error):
        return {"message": str(error)}, 410, {"X-Gone": "yes"}

    @api.representation("text/csv")
    def sync_as_csv(data, code, headers):
        return make_response(",".join(data), code, headers)

    api.add_namespace(ns)
    app.register_blueprint(blueprint)


def test_resources_marshal_what_they_return(serve: Serve) -> None:
    client = serve(todos)
    assert client.get("/api/todos/1").json() == {"id": 1, "task": "build an API", "uri": "/api/todos/1"}
    made = client.post("/api/todos/", json={"task": "drive it", "other": 1})
    assert (made.status, made.header("x-made")) == (201, "2")
    assert made.json() == {"id": 2, "task": "drive it", "uri": "/api/todos/2"}


def test_what_a_model_does_not_allow_is_refused(serve: Serve) -> None:
    client = serve(todos)
    refused = client.post("/api/todos/", json={"task": "x"})
    assert (refused.status, refused.json()["message"]) == (400, "Input payload validation failed")
    assert "task" in refused.json()["errors"]
    assert client.post("/api/todos/", [("Content-Type", "application/json")], b"{").status == 400


def test_arguments_are_parsed(serve: Serve) -> None:
    client = serve(todos)
    answer = client.get("/api/todos/?page=3&tag=a&tag=b").json()
    assert (answer["page"], answer["tags"]) == (3, ["a", "b"])
    refused = client.get("/api/todos/?page=x")
    assert (refused.status, list(refused.json()["errors"])) == (400, ["page"])


def test_a_mask_leaves_fields_out(serve: Serve) -> None:
    client = serve(todos)
    assert client.get("/api/todos/1", [("X-Fields", "{task}")]).json() == {"task": "build an API"}


def test_errors_are_answered_by_the_api_and_others_by_the_app(serve: Serve) -> None:
    client = serve(todos)
    assert client.get("/api/todos/9").json()["message"].startswith("No todo 9")
    gone = client.delete("/api/todos/1")
    assert (gone.status, gone.header("x-gone"), gone.json()) == (410, "yes", {"message": "1 is gone"})
    assert client.patch("/api/todos/1").json()["message"].startswith("The method is not allowed")
    assert client.get("/elsewhere").header("content-type") == "text/html; charset=utf-8"


def test_an_error_that_nobody_handles_is_an_answer_in_json(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        api = Api(app, doc=False)

        @api.route("/broken")
        class Broken(Resource):
            @app.ensure_sync
            async def get(self):
                raise LookupError("nobody handles this")

    answer = serve(build).get("/broken")
    assert (answer.status, answer.json()) == (500, {"message": "Internal Server Error"})


def test_another_representation_is_negotiated(serve: Serve) -> None:
    answer = serve(todos).get("/api/todos/", [("Accept", "text/csv")])
    assert (answer.header("content-type"), answer.text) == ("text/csv", "page,tags,all")


def test_the_document_and_its_page(serve: Serve) -> None:
    client = serve(todos)
    document = client.get("/api/swagger.json").json()
    assert set(document["paths"]) == {"/todos/", "/todos/{id}"}
    assert document["definitions"]["Todo"]["required"] == ["task"]
    page = client.get("/api/doc/").text
    assert "<title>Todos</title>" in page
    assert client.get("/swaggerui/swagger-ui.css").header("content-type") == "text/css; charset=utf-8"


def test_the_payload_is_at_hand(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        api = Api(app, doc=False)

        @api.route("/echo")
        class Echo(Resource):
            @app.ensure_sync
            async def post(self):
                return {"payload": api.payload}

    assert serve(build).post("/echo", json={"a": "ü"}).json() == {"payload": {"a": "ü"}}


@fails_in(*ASYNC, reason="`Resource` calls its methods without `ensure_sync`: no async method, in Flask as well")
def test_methods_without_ensure_sync(serve: Serve) -> None:
    answers = []

    def build(app: DualApp) -> None:
        api = Api(app, doc=False)

        async def bare():
            return {"bare": True}

        @api.route("/bare")
        class Bare(Resource):
            def get(self):
                """Give what an `async def` method gives, and note it: it warns if nobody awaits or closes it."""
                answers.append(bare())
                return answers[-1]

    try:
        assert serve(build).get("/bare").json() == {"bare": True}
    finally:
        for coroutine in filter(inspect.iscoroutine, answers):
            coroutine.close()
