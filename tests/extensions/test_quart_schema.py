"""quart-schema

JSON, forms, files, query strings and headers checked against models, responses checked and made of models, errors and
their handlers, camelCase on the wire, the OpenAPI document and the three pages that show it, its command, and clients
of tests that send models.
"""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from pydantic import BaseModel, Field
from quart.datastructures import FileStorage
from quart_schema import (
    DataSource,
    Info,
    QuartSchema,
    RequestSchemaValidationError,
    ResponseSchemaValidationError,
    Tag,
    deprecate,
    hide,
    operation_id,
    security_scheme,
    tag,
    tag_blueprint,
    validate,
    validate_headers,
    validate_querystring,
    validate_request,
    validate_response,
)
from quart_schema.pydantic import File

from dualapp import Blueprint, DualApp, make_response

from .quart_twin import ServeBesideQuart


@dataclass
class Todo:
    """Something to do."""

    task: str
    due_at: datetime | None = None
    priority: int = 1


class Stored(BaseModel):
    number: int = Field(gt=0)
    todo: Todo


@dataclass
class Page:
    offset: int = 0
    tags: list[str] | None = None


@dataclass
class Token:
    x_token: str
    x_count: int | None = None


class Upload(BaseModel):
    name: str
    file: File


def todos(app: DualApp) -> None:
    QuartSchema(app, info=Info(title="Todos", version="1"), tags=[Tag(name="todos", description="Things to do")])

    @app.post("/todos")
    @validate_request(Todo)
    @validate_response(Stored, 201)
    @tag(["todos"])
    async def create(data):
        """Create a todo.

        It is not kept.
        """
        return Stored(number=data.priority, todo=data), 201

    @app.post("/form")
    @validate_request(Todo, source=DataSource.FORM)
    async def form(data):
        return data

    @app.post("/upload")
    @validate_request(Upload, source=DataSource.FORM_MULTIPART)
    async def upload(data):
        return {"name": data.name, "file": data.file.filename, "text": data.file.read().decode()}

    @app.get("/todos")
    @validate_querystring(Page)
    @validate_response(list[Todo])
    async def show_all(query_args):
        return [Todo(task, priority=query_args.offset) for task in query_args.tags or ["none"]]

    @app.get("/token")
    @validate_headers(Token)
    @security_scheme([{"token": []}])
    async def token(headers):
        return {"token": headers.x_token}

    @app.get("/wrong")
    @validate_response(Todo)
    async def wrong():
        return {"tusk": 1}

    @app.get("/response")
    async def response():
        return await make_response(Todo("made"))

    @app.get("/nested")
    async def nested():
        return {"todos": [Todo("in a dict", datetime(2024, 1, 2))]}

    @app.put("/todos/<int:number>")
    @validate(request=Todo, responses={200: (Stored, None), 404: (Todo, None)}, headers=Token)
    @operation_id("replace")
    @deprecate
    async def replace(number, data, headers):
        return Stored(number=number, todo=data) if number < 10 else ({"task": headers.x_token}, 404)

    @app.get("/hidden")
    @hide
    async def hidden():
        return "hidden"


def test_json_is_checked_and_made_of_models(serve_beside_quart: ServeBesideQuart) -> None:
    client = serve_beside_quart(todos)
    answer = client.post("/todos", json={"task": "wash", "priority": 2, "due_at": "2024-01-02T03:04:05"})
    todo = {"task": "wash", "priority": 2, "due_at": "2024-01-02T03:04:05"}
    assert (answer.status, answer.json()) == (201, {"number": 2, "todo": todo})
    assert client.post("/todos", json={"task": "wash", "due_at": "soon"}).status == 400
    assert client.post("/todos", json={}).status == 400
    assert client.post("/todos", [("Content-Type", "application/json")], b"{").status == 400
    assert client.put("/todos/3", [("X-Token", "t")], json={"task": "wash"}).json()["number"] == 3
    assert client.put("/todos/3", json={"task": "wash"}).status == 400
    answer = client.put("/todos/10", [("X-Token", "t")], json={"task": "wash"})
    assert (answer.status, answer.json()["task"]) == (404, "t")


def test_forms_and_files_are_checked(serve_beside_quart: ServeBesideQuart) -> None:
    client = serve_beside_quart(todos)
    assert client.post("/form", form={"task": "wash", "priority": 3}).json()["priority"] == 3
    assert client.post("/form", form={"priority": 3}).status == 400
    lines = [
        "--x",
        'Content-Disposition: form-data; name="name"',
        "",
        "notes",
        "--x",
        'Content-Disposition: form-data; name="file"; filename="notes.txt"',
        "",
        "contents",
        "--x--",
        "",
    ]
    multipart = [("Content-Type", "multipart/form-data; boundary=x")]
    body = "\r\n".join(lines).encode()
    assert client.post("/upload", multipart, body).json() == {"name": "notes", "file": "notes.txt", "text": "contents"}
    assert client.post("/upload", multipart, b"--x--\r\n").status == 400


def test_query_strings_and_headers_are_checked(serve_beside_quart: ServeBesideQuart) -> None:
    client = serve_beside_quart(todos)
    assert [todo["priority"] for todo in client.get("/todos?offset=2&tags[]=a&tags[]=b").json()] == [2, 2]
    assert client.get("/todos").json()[0]["task"] == "none"
    assert client.get("/todos?offset=x").status == 400
    assert client.get("/token", [("X-Token", "secret")]).json() == {"token": "secret"}
    assert client.get("/token").status == 400


def test_responses_are_checked_and_made_of_models(serve_beside_quart: ServeBesideQuart) -> None:
    client = serve_beside_quart(todos)
    assert client.get("/wrong").status == 500
    assert client.get("/response").json() == {"task": "made", "due_at": None, "priority": 1}
    assert client.get("/nested").json()["todos"][0]["due_at"] == "2024-01-02T00:00:00"


def test_what_does_not_fit_has_handlers(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        @app.errorhandler(RequestSchemaValidationError)
        async def bad_request(error):
            return {"errors": [fault["loc"] for fault in error.validation_error.errors()]}, 400

        @app.errorhandler(ResponseSchemaValidationError)
        async def bad_response(error):
            return Todo("mend the view"), 500

    client = serve_beside_quart(todos, build)
    answer = client.post("/todos", json={"priority": "high"})
    assert (answer.status, answer.json()) == (400, {"errors": [["task"], ["priority"]]})
    answer = client.get("/wrong")
    assert (answer.status, answer.json()["task"]) == (500, "mend the view")


def test_names_are_camel_case_on_the_wire(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        QuartSchema(app, convert_casing=True)

        @app.post("/")
        @validate_request(Todo)
        @validate_response(Todo, 200, Token)
        async def index(data):
            return data, 200, Token(x_token="t", x_count=1)

    client = serve_beside_quart(build)
    answer = client.post("/", json={"task": "wash", "dueAt": "2024-01-02T00:00:00"})
    assert answer.json()["dueAt"] == "2024-01-02T00:00:00"
    assert answer.header("x-token") == "t"
    assert "dueAt" in client.get("/openapi.json").text


def test_the_api_is_described(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        api = Blueprint("api", __name__, url_prefix="/api")
        tag_blueprint(api, ["api"])

        @api.get("/<float:height>/<name>")
        async def show(height, name):
            """Show one."""
            return [height, name]

        app.register_blueprint(api)

    client = serve_beside_quart(todos, build)
    described = client.get("/openapi.json").json()
    assert described["info"] == {"title": "Todos", "version": "1"}
    assert set(described["paths"]) == {
        "/api/{height}/{name}",
        "/form",
        "/nested",
        "/response",
        "/todos",
        "/todos/{number}",
        "/token",
        "/upload",
        "/wrong",
    }
    create = described["paths"]["/todos"]["post"]
    assert (create["summary"], create["tags"], create["operationId"]) == ("Create a todo.", ["todos"], "post_create")
    assert described["paths"]["/todos/{number}"]["put"]["deprecated"] is True
    assert described["paths"]["/api/{height}/{name}"]["get"]["tags"] == ["api"]
    assert "Todo" in described["components"]["schemas"]


@pytest.mark.parametrize("path", ["/docs", "/redocs", "/scalar"])
def test_pages_show_the_description(serve_beside_quart: ServeBesideQuart, path: str) -> None:
    answer = serve_beside_quart(todos).get(path)
    assert (answer.status, answer.header("content-type")) == (200, "text/html; charset=utf-8")
    assert "<title>Todos</title>" in answer.text
    assert "/openapi.json" in answer.text


def test_a_command_prints_the_description(serve_beside_quart: ServeBesideQuart) -> None:
    client = serve_beside_quart(todos)
    result = client.app.test_cli_runner().invoke(args=["schema"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output) == client.get("/openapi.json").json()


def test_the_client_of_a_test_sends_models(serve_beside_quart: ServeBesideQuart) -> None:
    app = serve_beside_quart(todos).app

    async def test() -> list[Any]:
        client = app.test_client()
        sent = await client.post("/todos", json=Todo("wash", priority=4))
        form = await client.post("/form", form=Todo("dry", datetime(2024, 1, 2), 5))
        page = await client.get("/todos", query_string=Page(6, ["a", "b"]))
        file = FileStorage(io.BytesIO(b"text"), "notes.txt")
        upload = await client.post("/upload", form={"name": "notes"}, files={"file": file})
        return [await answer.get_json() for answer in (sent, form, page, upload)]

    sent, form, page, upload = asyncio.run(test())
    assert (sent["number"], form["priority"], page[0]["priority"], upload["text"]) == (4, 5, 6, "text")
