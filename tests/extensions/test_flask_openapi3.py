"""flask-openapi3

`class App(OpenAPI, DualApp)`, with blueprints and class-based views: paths, queries, headers, cookies, forms, files and
JSON checked against models of pydantic (long ones in async views with `@read_ahead`), responses checked, errors in
JSON, security schemes, the OpenAPI document, its page and its command.
"""

from __future__ import annotations

import json
from typing import Any

import flask
import pytest
from flask_openapi3 import APIBlueprint, APIView, FileStorage, Info, OpenAPI, RawModel, Tag, validate_request
from flask_openapi3.commands import openapi_command
from pydantic import BaseModel, Field

from dualapp import DualApp, g, make_response, read_ahead, request

from ..conftest import Build, Serve
from ..support.entry_driver import Client

PETS = Tag(name="pets", description="All of them")
TOKEN = {"token": {"type": "http", "scheme": "bearer"}}


class PetPath(BaseModel):
    pet_id: int = Field(..., ge=0, description="which pet")


class PetQuery(BaseModel):
    page: int = 1
    kinds: list[str] = Field(default_factory=list, alias="kind")


class PetIn(BaseModel):
    name: str = Field(..., min_length=2, max_length=10)
    kind: str = "dog"


class PetOut(PetIn):
    id: int


class Told(BaseModel):
    x_token: str = Field(..., alias="X-Token")


class Crumbs(BaseModel):
    visits: int = 0


class Upload(BaseModel):
    title: str
    sizes: list[int]
    picture: FileStorage


class Raw(RawModel):
    mimetypes = ["text/csv"]  # noqa: RUF012 - as in its documentation


def pets(app: DualApp) -> None:
    api: Any = app
    kept = [{"id": id, "name": name, "kind": "dog"} for id, name in enumerate(["Fido", "Rex"])]

    @app.before_request
    async def note():
        g.seen = request.path

    @api.get("/pets/<int:pet_id>", tags=[PETS], summary="One pet", responses={200: PetOut})
    async def pet(path: PetPath):
        return kept[path.pet_id] if path.pet_id < len(kept) else ({"message": "no pet", "path": g.seen}, 404)

    @api.get("/pets", tags=[PETS])
    async def all_pets(query: PetQuery):
        return {"page": query.page, "kinds": query.kinds, "pets": kept}

    @api.post("/pets", tags=[PETS], responses={201: PetOut}, security=[{"token": []}], validate_response=True)
    async def add(body: PetIn):
        return await make_response({"id": 2, **body.model_dump()}, 201, {"X-Seen": g.seen})

    @api.get("/wrong", responses={200: PetOut}, validate_response=True)
    async def wrong():
        return {"name": "of no id"}

    @api.get("/told")
    async def told(header: Told, cookie: Crumbs):
        return {"token": header.x_token, "visits": cookie.visits}

    @api.post("/uploads")
    @read_ahead(1024 * 1024)
    async def upload(form: Upload):
        return {"title": form.title, "sizes": form.sizes, "read": len(form.picture.read())}

    @api.post("/raw")
    async def raw(raw: Raw):
        return {"read": (await request.get_data(as_text=True)).split(","), "type": raw.mimetype}

    @api.get("/late/<int:pet_id>")
    @validate_request()
    async def late(path: PetPath):
        return {"late": path.pet_id}

    @app.errorhandler(404)
    async def nowhere(error):
        return {"message": "nowhere", "path": request.path}, 404


def blueprints(app: DualApp) -> None:
    api: Any = app
    things = APIBlueprint("things", __name__, url_prefix="/things", abp_tags=[Tag(name="things")])

    @things.before_request
    async def closed():
        if "closed" in request.args:
            return {"message": "closed"}, 403
        return None

    @things.put("/<int:pet_id>")
    async def thing(path: PetPath, body: PetIn):
        return {"id": path.pet_id, **body.model_dump()}

    api.register_api(things)
    views = APIView(url_prefix="/views", view_tags=[PETS])

    @views.route("/<int:pet_id>")
    class View:
        @views.doc(summary="get one")
        async def get(self, path: PetPath):
            return {"id": path.pet_id}

        @views.doc(summary="change one", responses={200: PetOut})
        async def patch(self, path: PetPath, body: PetIn):
            return {"id": path.pet_id, "name": body.name, "kind": body.kind}

    api.register_api_view(views)


def serve_api(serve: Serve, *builds: Build) -> Client:
    info = Info(title="Pets", version="1.0")
    return serve(*builds, mixin=OpenAPI, info=info, security_schemes=TOKEN)


def test_the_app_is_all_three(serve: Serve) -> None:
    app = serve_api(serve, pets).app
    assert all(isinstance(app, cls) for cls in (OpenAPI, DualApp, flask.Flask))


def test_paths_and_queries_are_checked(serve: Serve) -> None:
    client = serve_api(serve, pets)
    assert client.get("/pets/1").json() == {"id": 1, "name": "Rex", "kind": "dog"}
    assert client.get("/pets/9").json() == {"message": "no pet", "path": "/pets/9"}
    assert client.get("/late/1").json() == {"late": 1}
    found = client.get("/pets?page=2&kind=dog&kind=cat").json()
    assert (found["page"], found["kinds"]) == (2, ["dog", "cat"])
    refused = client.get("/pets?page=x")
    assert (refused.status, refused.header("content-type")) == (422, "application/json")
    assert [error["loc"] for error in refused.json()] == [["page"]]


def test_bodies_and_responses_are_checked(serve: Serve) -> None:
    client = serve_api(serve, pets)
    added = client.post("/pets", json={"name": "Žofie"})
    assert (added.status, added.header("x-seen")) == (201, "/pets")
    assert added.json() == {"id": 2, "name": "Žofie", "kind": "dog"}
    assert client.post("/pets", json={"name": "x"}).status == 422
    assert client.post("/pets", body=b"{").status == 422
    assert client.get("/wrong").status == 500


def test_headers_and_cookies_are_checked(serve: Serve) -> None:
    client = serve_api(serve, pets)
    assert client.get("/told", [("X-Token", "t"), ("Cookie", "visits=3")]).json() == {"token": "t", "visits": 3}
    assert client.get("/told").status == 422


@pytest.mark.parametrize("size", [3, 200_000])
def test_forms_and_files_are_checked(serve: Serve, size: int) -> None:
    parts = [(b"title", b"a picture"), (b"sizes", b"1"), (b"sizes", b"2"), (b'picture"; filename="p.png', b"x" * size)]
    body = b"".join(b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % part for part in parts)
    headers = [("Content-Type", "multipart/form-data; boundary=b")]
    answer = serve_api(serve, pets).post("/uploads", headers, body + b"--b--\r\n")
    assert answer.json() == {"title": "a picture", "sizes": [1, 2], "read": size}


def test_a_body_that_the_view_reads_itself(serve: Serve) -> None:
    answer = serve_api(serve, pets).post("/raw", [("Content-Type", "text/csv")], b"a,b")
    assert answer.json() == {"read": ["a", "b"], "type": "text/csv"}


def test_errors_are_those_of_the_app(serve: Serve) -> None:
    client = serve_api(serve, pets)
    assert client.get("/nowhere").json() == {"message": "nowhere", "path": "/nowhere"}
    assert client.delete("/pets").status == 405


def test_blueprints_and_class_based_views(serve: Serve) -> None:
    client = serve_api(serve, blueprints)
    assert client.put("/things/7", json={"name": "other"}).json() == {"id": 7, "name": "other", "kind": "dog"}
    assert client.put("/things/7?closed=1").json() == {"message": "closed"}
    assert client.get("/views/7").json() == {"id": 7}
    assert client.patch("/views/7", json={"name": "new"}).json() == {"id": 7, "name": "new", "kind": "dog"}
    assert client.patch("/views/7", json={}).status == 422


def test_the_document_and_its_page(serve: Serve) -> None:
    client = serve_api(serve, pets, blueprints)
    document = client.get("/openapi/openapi.json").json()
    assert (document["openapi"], document["info"]) == ("3.1.0", {"title": "Pets", "version": "1.0"})
    assert {"/pets/{pet_id}", "/things/{pet_id}", "/views/{pet_id}"} <= set(document["paths"])
    assert document["paths"]["/pets"]["post"]["security"] == [{"token": []}]
    assert {"PetIn", "PetOut", "ValidationErrorModel"} <= set(document["components"]["schemas"])
    assert "<title>" in client.get("/openapi/").text


@pytest.mark.parametrize("bases", [(OpenAPI, DualApp), (DualApp, OpenAPI)], ids=["OpenAPI first", "DualApp first"])
def test_its_command_writes_the_document(bases: tuple[type, type]) -> None:
    app: Any = type("App", bases, {})("tests.parity", info=Info(title="Pets", version="1.0"))
    pets(app)
    written = app.test_cli_runner().invoke(openapi_command)
    assert "/pets/{pet_id}" in json.loads(written.output)["paths"]
