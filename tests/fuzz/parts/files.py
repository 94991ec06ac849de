"""Files, conditions and ranges."""

from __future__ import annotations

import atexit
import io
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from dualapp import DualApp, make_response, request, send_file, send_from_directory

from .registry import part

#: Of each file: a fixed one, so that a seed says everything.
MODIFIED = 1_600_000_000
FILES = {
    "short.txt": b"A short text.\nOf two lines.\n",
    "empty.txt": b"",
    "large.bin": bytes(range(256)) * 300,
    "page.html": b"<h1>Page</h1>",
    "\u00fcn\u00ef code.json": b'{"a": 1}',
    "archive.tar.gz": b"\x1f\x8b",
    "no-extension": b"?",
    "folder/within.txt": b"within",
    ".hidden": b"hidden",
}


@cache
def folder() -> Path:
    """A folder with the files, which goes when the process ends."""
    path = Path(tempfile.mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    for name, content in FILES.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes(content)
        os.utime(path / name, (MODIFIED, MODIFIED))
    return path


@part("/assets/{file}", "/assets/{text}", options=(("static_folder", folder()), ("static_url_path", "/assets")))
def static_files(app: DualApp) -> None:
    """The static files are the app's own."""


@part("/send/{file}", "/send/{file}?{send}", "/from/{file}", "/from/{text}", "/memory?{send}", "/opened/{file}")
def sent_files(app: DualApp) -> None:
    def options():
        chosen = {"conditional": "plain" not in request.args, "etag": request.args.get("etag") != "no"}
        if "name" in request.args:
            chosen |= {"download_name": request.args["name"], "as_attachment": True}
        if "age" in request.args:
            chosen["max_age"] = int(request.args["age"])
        if "type" in request.args:
            chosen["mimetype"] = request.args["type"]
        if "modified" in request.args:
            chosen["last_modified"] = int(request.args["modified"])
        if "tag" in request.args:
            chosen["etag"] = request.args["tag"]
        return chosen

    @app.get("/send/<path:name>")
    async def send(name):
        return await send_file(folder() / name, **options())

    @app.get("/opened/<path:name>")
    async def opened(name):
        return await send_file((folder() / name).open("rb"), **{"download_name": name, **options()})

    @app.get("/memory")
    async def memory():
        return await send_file(io.BytesIO(b"from memory"), **{"download_name": "m.txt", **options()})

    @app.get("/from/<path:name>")
    async def from_folder(name):
        return await send_from_directory(folder(), name)


@part("/tagged/{etag}", "/tagged/{etag}?ranges", "/dated?ranges", "/dated")
def conditional(app: DualApp) -> None:
    async def answer(response):
        length = 26 if "ranges" in request.args else None
        return await response.make_conditional(request, accept_ranges=length is not None, complete_length=length)

    @app.get("/tagged/<tag>")
    async def tagged(tag):
        response = await make_response("abcdefghijklmnopqrstuvwxyz")
        response.set_etag(tag, weak="weak" in request.args)
        return await answer(response)

    @app.get("/dated")
    async def dated():
        response = await make_response(b"abcdefghijklmnopqrstuvwxyz")
        response.last_modified = MODIFIED
        return await answer(response)
