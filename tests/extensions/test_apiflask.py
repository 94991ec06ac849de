"""APIFlask

`class App(APIFlask, DualApp)`, with blueprints and method views: input and output schemas of marshmallow and of
pydantic, authentication, errors in JSON, a base for all responses, the OpenAPI document and its page.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import flask
import pydantic
import pytest
from apiflask import APIBlueprint, APIFlask, HTTPTokenAuth, PaginationSchema, Schema, abort, pagination_builder
from apiflask.commands import spec_command
from apiflask.exceptions import HTTPError
from apiflask.fields import File, Integer, List, Nested, String
from apiflask.validators import Length, OneOf
from apiflask.views import MethodView

from dualapp import DualApp, request

from ..conftest import Build, Serve
from ..support.entry_driver import Client

# APIFlask 3.1.2 gives apispec a schema that stands within another one a second time.
KNOWN_TWICE = pytest.mark.filterwarnings("ignore:.*has already been added to the spec:UserWarning")


class PetIn(Schema):
    name = String(required=True, validate=Length(1, 10))
    category = String(required=True, validate=OneOf(["dog", "cat"]))


class PetOut(Schema):
    id = Integer()
    name = String()
    category = String()


class PetsOut(Schema):
    pets = List(Nested(PetOut))
    pagination = Nested(PaginationSchema)


class PetsQuery(Schema):
    page = Integer(load_default=1)


class Picture(Schema):
    picture = File(required=True)


class Toy(pydantic.BaseModel):
    name: str = pydantic.Field(min_length=2)
    price: int = 1


@dataclass
class Page:
    """What `pagination_builder` asks of a page of Flask-SQLAlchemy."""

    page: int
    per_page: int = 2
    pages: int = 2
    total: int = 3

    @property
    def has_next(self) -> bool:
        return self.page < self.pages

    @property
    def has_prev(self) -> bool:
        return self.page > 1

    @property
    def next_num(self) -> int:
        return self.page + 1

    @property
    def prev_num(self) -> int:
        return self.page - 1


def pets(app: DualApp) -> None:
    auth = HTTPTokenAuth()
    kept = [{"id": id, "name": name, "category": "dog"} for id, name in enumerate(["Fido", "Rex", "Kit"])]

    @auth.verify_token
    async def verify(token):
        return {"t-ann": "ann"}.get(token)

    @app.get("/pets/<int:pet_id>")
    @app.output(PetOut)
    @app.doc(summary="One pet", responses=[404])
    async def pet(pet_id):
        return kept[pet_id] if pet_id < len(kept) else abort(404, f"No pet {pet_id}", detail={"id": pet_id})

    @app.get("/pets")
    @app.input(PetsQuery, location="query")
    @app.output(PetsOut)
    async def all_pets(query_data):
        page = Page(query_data["page"])
        first = (page.page - 1) * page.per_page
        return {"pets": kept[first : first + page.per_page], "pagination": pagination_builder(page)}

    @app.post("/pets")
    @app.input(PetIn)
    @app.output(PetOut, status_code=201)
    @app.auth_required(auth)
    async def add(json_data):
        kept.append({"id": 3, "by": auth.current_user, **json_data})
        return kept[3], 201, {"X-By": auth.current_user}

    @app.post("/toys")
    @app.input(Toy)
    @app.output(Toy, status_code=201)
    async def toy(json_data):
        return {"name": json_data.name.upper(), "price": json_data.price}

    @app.post("/pictures")
    @app.input(Picture, location="files")
    async def picture(files_data):
        return {"name": files_data["picture"].filename, "size": len(files_data["picture"].read())}

    @app.get("/list")
    async def plain_list():
        return [1, 2]

    @app.error_processor
    async def with_path(error):
        return (
            {"message": error.message, "detail": error.detail, "path": request.path},
            error.status_code,
            error.headers,
        )


def blueprints(app: DualApp) -> None:
    things = APIBlueprint("things", __name__, url_prefix="/things", tag="Things")

    @things.before_request
    async def closed():
        if "closed" in request.args:
            raise HTTPError(403, "Closed")

    class Thing(MethodView):
        @things.output(PetOut)
        async def get(self, thing_id):
            return {"id": thing_id, "name": "a thing"}

        @things.input(PetIn(partial=True))
        @things.output(PetOut)
        async def patch(self, thing_id, json_data):
            return {"id": thing_id, **json_data}

        @things.output({}, status_code=204)
        async def delete(self, thing_id):
            return ""

    things.add_url_rule("/<int:thing_id>", view_func=Thing.as_view("thing"))
    app.register_blueprint(things)


def serve_api(serve: Serve, *builds: Build) -> Client:
    return serve(*builds, mixin=APIFlask, title="Pets", version="1.0")


def test_the_app_is_all_three(serve: Serve) -> None:
    app = serve_api(serve, pets).app
    assert all(isinstance(app, cls) for cls in (APIFlask, DualApp, flask.Flask))


def test_input_is_checked_and_output_dumped(serve: Serve) -> None:
    client = serve_api(serve, pets)
    ann = ("Authorization", "Bearer t-ann")
    added = client.post("/pets", [ann], json={"name": "Žofie", "category": "cat"})
    assert (added.status, added.header("x-by")) == (201, "ann")
    assert added.json() == {"id": 3, "name": "Žofie", "category": "cat"}
    refused = client.post("/pets", [ann], json={"category": "cow"})
    assert (refused.status, set(refused.json()["detail"]["json"])) == (422, {"name", "category"})
    assert client.post("/pets", json={"name": "Žofie", "category": "cat"}).status == 401


def test_pydantic_models_do_as_well(serve: Serve) -> None:
    client = serve_api(serve, pets)
    assert client.post("/toys", json={"name": "ball"}).json() == {"name": "BALL", "price": 1}
    assert client.post("/toys", json={"name": "x"}).status == 422


def test_lists_have_pages(serve: Serve) -> None:
    page = serve_api(serve, pets).get("/pets?page=2").json()
    assert [pet["name"] for pet in page["pets"]] == ["Kit"]
    assert (page["pagination"]["prev"], page["pagination"]["next"]) == ("http://localhost/pets?page=1&per_page=2", "")


def test_files_are_input_too(serve: Serve) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="picture"; filename="p.png"\r\n\r\nPNG\r\n--b--\r\n'
    headers = [("Content-Type", "multipart/form-data; boundary=b")]
    assert serve_api(serve, pets).post("/pictures", headers, body).json() == {"name": "p.png", "size": 3}


def test_views_without_decorators_return_what_they_like(serve: Serve) -> None:
    assert serve_api(serve, pets).get("/list").json() == [1, 2]


def test_errors_go_through_the_processor_of_the_app(serve: Serve) -> None:
    client = serve_api(serve, pets)
    assert client.get("/pets/9").json() == {"message": "No pet 9", "detail": {"id": 9}, "path": "/pets/9"}
    assert client.get("/nowhere").json() == {"message": "Not Found", "detail": {}, "path": "/nowhere"}
    wrong = client.delete("/pets")
    assert (wrong.status, wrong.json()["message"]) == (405, "Method Not Allowed")


def test_blueprints_and_method_views(serve: Serve) -> None:
    client = serve_api(serve, blueprints)
    assert client.get("/things/7").json() == {"id": 7, "name": "a thing"}
    assert client.patch("/things/7", json={"name": "other"}).json() == {"id": 7, "name": "other"}
    assert client.delete("/things/7").status == 204
    closed = client.get("/things/7?closed=1")
    assert (closed.status, closed.json()) == (403, {"message": "Closed", "detail": {}})


def test_responses_have_one_base(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        class Base(Schema):
            code = Integer()
            data = Nested(PetOut)

        app.config["BASE_RESPONSE_SCHEMA"] = Base

        @app.get("/based")
        @app.output(PetOut)
        async def based():
            return {"code": 1, "data": {"id": 1, "name": "Rex", "secret": "x"}}

    assert serve_api(serve, build).get("/based").json() == {"code": 1, "data": {"id": 1, "name": "Rex"}}


@KNOWN_TWICE
@pytest.mark.parametrize("bases", [(APIFlask, DualApp), (DualApp, APIFlask)], ids=["APIFlask first", "DualApp first"])
def test_its_command_writes_the_document(bases: tuple[type, type]) -> None:
    app: Any = type("App", bases, {})("tests.parity", title="Pets")
    pets(app)
    written = app.test_cli_runner().invoke(spec_command)
    assert "/pets/{pet_id}" in json.loads(written.output)["paths"]


@pytest.mark.parametrize("path", ["/docs", "/docs/oauth2-redirect"])
def test_the_page_of_the_document(serve: Serve, path: str) -> None:
    assert "<title>" in serve_api(serve, pets).get(path).text


@KNOWN_TWICE
def test_the_document(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.spec_processor
        async def described(spec):
            spec["info"]["description"] = "All the pets"
            return spec

    document = serve_api(serve, pets, blueprints, build).get("/openapi.json").json()
    assert document["info"] == {"title": "Pets", "version": "1.0", "description": "All the pets"}
    assert set(document["paths"]["/things/{thing_id}"]) >= {"get", "patch", "delete"}
    assert document["paths"]["/pets"]["post"]["security"] == [{"BearerAuth": []}]
    assert {"PetIn", "Toy"} <= set(document["components"]["schemas"])
