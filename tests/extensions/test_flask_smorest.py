"""flask-smorest

Method views and functions whose arguments and responses have schemas, pagination, ETags, errors in JSON, uploads,
and the OpenAPI document and its page.
"""

from __future__ import annotations

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Api, Blueprint, abort
from flask_smorest.fields import Upload

from dualapp import DualApp

from ..conftest import Serve


class PetSchema(ma.Schema):
    id = ma.fields.Int(dump_only=True)
    name = ma.fields.String(required=True, validate=ma.validate.Length(min=2))


class PetQuery(ma.Schema):
    name = ma.fields.String()


class UploadSchema(ma.Schema):
    picture = Upload(required=True)


def pets(app: DualApp) -> None:
    app.config.update(
        API_TITLE="Pets",
        API_VERSION="v1",
        OPENAPI_VERSION="3.0.3",
        OPENAPI_URL_PREFIX="/docs",
        OPENAPI_SWAGGER_UI_PATH="/ui",
        OPENAPI_SWAGGER_UI_URL="https://cdn.example.org/",
    )
    api = Api(app)
    blp = Blueprint("pets", "pets", url_prefix="/pets", description="Operations on pets")
    kept = {id: {"id": id, "name": name} for id, name in enumerate(["Fido", "Rex", "Kit"], 1)}

    @blp.route("/")
    class Pets(MethodView):
        @blp.arguments(PetQuery, location="query")
        @blp.response(200, PetSchema(many=True))
        @blp.paginate()
        async def get(self, args, pagination_parameters):
            found = [pet for pet in kept.values() if args.get("name", "") in pet["name"]]
            pagination_parameters.item_count = len(found)
            return found[pagination_parameters.first_item : pagination_parameters.last_item + 1]

        @blp.arguments(PetSchema)
        @blp.response(201, PetSchema)
        async def post(self, sent):
            kept[4] = {"id": 4, **sent}
            return kept[4], {"X-Made": "4"}

    @blp.route("/<int:pet_id>")
    class Pet(MethodView):
        @blp.etag
        @blp.response(200, PetSchema)
        async def get(self, pet_id):
            return kept.get(pet_id) or abort(404, message=f"No pet {pet_id}")

        @blp.etag
        @blp.arguments(PetSchema)
        @blp.response(200, PetSchema)
        async def put(self, sent, pet_id):
            blp.check_etag(kept[pet_id], PetSchema)
            kept[pet_id].update(sent)
            return kept[pet_id]

        @blp.etag
        @blp.response(204)
        async def delete(self, pet_id):
            blp.check_etag(kept[pet_id], PetSchema)
            del kept[pet_id]

    @blp.route("/pictures", methods=["POST"])
    @blp.arguments(UploadSchema, location="files")
    @blp.response(200)
    async def upload(files):
        picture = files["picture"]
        return {"name": picture.filename, "size": len(picture.read())}

    api.register_blueprint(blp)


def test_arguments_are_checked_and_responses_dumped(serve: Serve) -> None:
    client = serve(pets)
    made = client.post("/pets/", json={"name": "Ünni"})
    assert (made.status, made.header("x-made"), made.json()) == (201, "4", {"id": 4, "name": "Ünni"})
    refused = client.post("/pets/", json={"name": "x", "id": 1})
    assert (refused.status, set(refused.json()["errors"]["json"])) == (422, {"id", "name"})
    assert client.post("/pets/", [("Content-Type", "application/json")], b"{").status == 400


def test_lists_are_paginated(serve: Serve) -> None:
    client = serve(pets)
    page = client.get("/pets/?page=2&page_size=2")
    assert page.json() == [{"id": 3, "name": "Kit"}]
    assert '"total": 3, "total_pages": 2' in (page.header("x-pagination") or "")
    assert client.get("/pets/?name=Rex").json() == [{"id": 2, "name": "Rex"}]
    assert client.get("/pets/?page=-1").status == 422


def test_etags_guard_changes_and_save_answers(serve: Serve) -> None:
    client = serve(pets)
    etag = client.get("/pets/1").header("etag") or ""
    assert client.get("/pets/1", [("If-None-Match", etag)]).status == 304
    assert client.put("/pets/1", json={"name": "Fifi"}).status == 428
    assert client.put("/pets/1", [("If-Match", '"old"')], json={"name": "Fifi"}).status == 412
    changed = client.put("/pets/1", [("If-Match", etag)], json={"name": "Fifi"})
    assert changed.json() == {"id": 1, "name": "Fifi"}
    assert client.delete("/pets/1", [("If-Match", etag)]).status == 412
    assert client.delete("/pets/1", [("If-Match", changed.header("etag") or "")]).status == 204
    assert client.get("/pets/1").status == 404


def test_errors_are_in_json(serve: Serve) -> None:
    client = serve(pets)
    assert client.get("/pets/9").json() == {"code": 404, "message": "No pet 9", "status": "Not Found"}
    assert client.get("/nowhere").json() == {"code": 404, "status": "Not Found"}
    assert client.patch("/pets/1").json() == {"code": 405, "status": "Method Not Allowed"}


def test_files_are_arguments_too(serve: Serve) -> None:
    client = serve(pets)
    body = b'--b\r\nContent-Disposition: form-data; name="picture"; filename="p.png"\r\n\r\nPNG\r\n--b--\r\n'
    headers = [("Content-Type", "multipart/form-data; boundary=b")]
    assert client.post("/pets/pictures", headers, body).json() == {"name": "p.png", "size": 3}
    assert client.post("/pets/pictures").status == 422


def test_the_document_and_its_page(serve: Serve) -> None:
    client = serve(pets)
    document = client.get("/docs/openapi.json").json()
    assert set(document["paths"]) == {"/pets/", "/pets/{pet_id}", "/pets/pictures"}
    assert set(document["paths"]["/pets/{pet_id}"]) == {"parameters", "get", "put", "delete"}
    assert document["components"]["schemas"]["Pet"]["required"] == ["name"]
    assert '"/docs/openapi.json"' in client.get("/docs/ui").text
