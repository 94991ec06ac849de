"""Bodies, read in every order of the ways to read them."""

from __future__ import annotations

from itertools import islice

from werkzeug.exceptions import HTTPException

from dualapp import DualApp, request

from .registry import part

LIMIT_OF_VIEW = 8
#: The first ones are asked for most, the last ones are changes of a limit.
WAYS_TO_READ = [
    *(
        "data",
        "form",
        "json",
        "files",
        "text",
        "pieces",
        "attribute",
        "uncached",
        "parsed",
        "values",
        "silent",
        "forced",
    ),
    *("json-attribute", "limit", "memory", "parts"),
]


@part("POST /read/{read+}", "POST /tried/{read+}", "PUT /read/{read+}?before=data", "POST /read/{read+}?before=form")
def reading(app: DualApp) -> None:
    async def read(way):
        if way == "data":
            return (await request.get_data()).decode("latin-1")
        if way == "attribute":
            return (await request.data).decode("latin-1")
        if way == "uncached":
            return (await request.get_data(cache=False)).decode("latin-1")
        if way == "text":
            return await request.get_data(as_text=True)
        if way == "parsed":
            return (await request.get_data(parse_form_data=True)).decode("latin-1")
        if way == "form":
            return (await request.form).to_dict(flat=False)
        if way == "values":
            return (await request.values).to_dict(flat=False)
        if way == "files":
            files = (await request.files).items(multi=True)
            return [[name, file.filename, file.mimetype, file.stream.read().decode("latin-1")] for name, file in files]
        if way == "json":
            return await request.get_json()
        if way == "silent":
            return await request.get_json(silent=True)
        if way == "forced":
            return await request.get_json(force=True)
        if way == "json-attribute":
            return await request.json
        if way == "pieces":
            body = getattr(request, "body", None) or request.stream
            return b"".join([piece async for piece in body]).decode("latin-1")
        if way == "limit":
            request.max_content_length = LIMIT_OF_VIEW
        if way == "memory":
            request.max_form_memory_size = 6
        if way == "parts":
            request.max_form_parts = 1
        return [request.content_length, request.max_content_length, request.is_json]

    @app.route("/read/<ways>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def read_ways(ways):
        return [await read(way) for way in ways.split(",")]

    @app.route("/tried/<ways>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def try_ways(ways):
        """Go on after an error, as middleware and decorators may."""
        seen = []
        for way in ways.split(","):
            try:
                seen.append(await read(way))
            except HTTPException as error:
                seen.append([error.code, type(error).__name__])
            except UnicodeDecodeError:
                seen.append("no text")
        return seen


@part("POST /stream/{size+}", "POST /lines", "POST /unread", "PUT /unread?before=form")
def streamed_bodies(app: DualApp) -> None:
    @app.post("/stream/<sizes>")
    def sync_sizes(sizes):
        return [request.stream.read(int(size)).decode("latin-1") for size in sizes.split(",")]

    @app.post("/lines")
    def sync_lines():
        first = request.stream.readline()
        return [line.decode("latin-1") for line in [first, *islice(request.stream, 3), request.stream.read()]]

    @app.route("/unread", methods=["GET", "POST", "PUT", "DELETE"])
    async def unread():
        return "unread"
