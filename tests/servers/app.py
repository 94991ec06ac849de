"""The application that every server of this folder serves.

Each behaviour is there twice, in both colours: below /sync/ by a `def` view, below /async/ by an `async def` view.
"""

import asyncio
import hashlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from dualapp import DualApp, jsonify, make_response, redirect, request, session

PIECE = b"0123456789abcdef" * 4096
PIECES = 64
ENDLESS = 4096

app = DualApp(__name__)
app.config["SECRET_KEY"] = "only for tests"

View = Callable[..., Any]


class Boom(Exception):
    """Raised on purpose."""


def not_on_purpose(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], Boom))


app.logger.addFilter(not_on_purpose)


def both(rule: str, **options: Any) -> Callable[[View], View]:
    """Register a view that has nothing to await, in both colours."""

    def register(view: View) -> View:
        async def coroutine(**values: Any) -> Any:
            return view(**values)

        app.add_url_rule(f"/sync{rule}", f"sync {rule}", view, **options)
        app.add_url_rule(f"/async{rule}", f"async {rule}", coroutine, **options)
        return view

    return register


# What the request says.


@both("/echo", methods=["GET", "POST", "PUT"], defaults={"rest": ""})
@both("/echo/<path:rest>", methods=["GET", "POST", "PUT"])
def echo(rest: str) -> Any:
    return {
        "method": request.method,
        "path": request.path,
        "rest": rest,
        "root_path": request.root_path,
        "url": request.url,
        "query": request.query_string.decode("latin-1"),
        "args": request.args.to_dict(flat=False),
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "cookies": request.cookies.to_dict(),
        "authorization": credentials(),
    }


def credentials() -> list[str | None] | None:
    given = request.authorization
    return given and [given.username, given.password]


# What its body says.


@app.post("/sync/json")
def sync_json() -> Any:
    return {"got": request.get_json()}


@app.post("/async/json")
async def async_json() -> Any:
    return {"got": await request.get_json()}


@app.post("/sync/form")
def sync_form() -> Any:
    return described(request.form, request.files)


@app.post("/async/form")
async def async_form() -> Any:
    return described(await request.form, await request.files)


def described(form: Any, files: Any) -> dict[str, Any]:
    return {
        "form": form.to_dict(flat=False),
        "files": {name: [file.filename, file.content_type, digest(file.read())] for name, file in files.items()},
    }


def digest(body: bytes) -> dict[str, Any]:
    return {"length": len(body), "sha256": hashlib.sha256(body).hexdigest()}


@app.post("/sync/upload")
def sync_upload() -> Any:
    return digest(request.get_data())


@app.post("/async/upload")
async def async_upload() -> Any:
    return digest(await request.get_data())


@app.post("/sync/upload/stream")
def sync_upload_stream() -> Any:
    return digest(b"".join(iter(lambda: request.stream.read(4096), b"")))


@app.post("/async/upload/stream")
async def async_upload_stream() -> Any:
    return digest(b"".join([piece async for piece in request.body]))


@app.post("/sync/limited")
def sync_limited() -> Any:
    request.max_content_length = 1000
    return digest(request.get_data())


@app.post("/async/limited")
async def async_limited() -> Any:
    request.max_content_length = 1000
    return digest(await request.get_data())


@both("/unread", methods=["POST"])
def unread() -> str:
    return "I did not look at the body"


# What the answer can be.


@both("/large")
def large() -> tuple[bytes, dict[str, str]]:
    return PIECE * PIECES, {"Content-Type": "application/octet-stream"}


@app.get("/sync/stream")
def sync_stream() -> Iterator[bytes]:
    for _ in range(PIECES):
        yield PIECE


@app.get("/async/stream")
async def async_stream() -> AsyncIterator[bytes]:
    for _ in range(PIECES):
        yield PIECE


@both("/empty")
def empty() -> tuple[str, int]:
    return "", 204


@both("/nothing")
def nothing() -> str:
    return ""


@both("/redirect")
def redirected() -> Any:
    return redirect("/elsewhere?a=1&b=2", 303)


@both("/folder/")
def folder() -> str:
    return "a folder"


@both("/only-get")
def only_get() -> str:
    return "got"


@both("/boom")
def boom() -> Any:
    raise Boom


@both("/cancelled")
def cancelled() -> Any:
    raise asyncio.CancelledError


@both("/generator-exit")
def generator_exit() -> Any:
    raise GeneratorExit


@both("/cookies")
def cookies() -> Any:
    response = make_response("two cookies")
    response.set_cookie("first", "1", path="/", httponly=True)
    response.set_cookie("second", "deux", samesite="Lax")
    return response


@both("/headers")
def headers() -> Any:
    response = jsonify(ok=True)
    response.headers.add("X-Many", "one")
    response.headers.add("X-Many", "two")
    response.headers["X-Latin"] = "caf\u00e9"
    return response, 201


#: Values of headers and statuses that HTTP does not allow, beside some that it does.
ODD_VALUES = [" both ends\t", "inner\ttab", "a\x01b", "\x7f", "snow \u2603"]
ODD_STATUSES: list[Any] = [0, 99, 101, 600, 1000, "fine", "200", "201 Quite new"]


@both("/odd-value/<int:number>")
def odd_value(number: int) -> Any:
    return "text", {"X-Odd": ODD_VALUES[number]}


@both("/odd-status/<int:number>")
def odd_status(number: int) -> Any:
    return "text", ODD_STATUSES[number]


@both("/client")
def client() -> dict[str, Any]:
    return {"address": request.remote_addr, "environ": request.environ["REMOTE_ADDR"]}


@both("/counter")
def counter() -> dict[str, int]:
    session["count"] = session.get("count", 0) + 1
    return {"count": session["count"]}


@app.get("/sync/broken-stream")
def sync_broken_stream() -> Iterator[bytes]:
    yield PIECE
    raise Boom


@app.get("/async/broken-stream")
async def async_broken_stream() -> AsyncIterator[bytes]:
    yield PIECE
    raise Boom


# What happens at the same time.


class Crowd:
    """How many are inside, and how many were at the same moment, at most."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = self.peak = 0

    def __enter__(self) -> None:
        with self.lock:
            self.inside += 1
            self.peak = max(self.peak, self.inside)

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.inside -= 1


crowds = {"sync": Crowd(), "async": Crowd()}


@app.get("/sync/crowd/<int:wanted>/<float:patience>")
def sync_crowd(wanted: int, patience: float) -> dict[str, int]:
    with crowds["sync"]:
        deadline = time.monotonic() + patience
        while crowds["sync"].peak < wanted and time.monotonic() < deadline:
            time.sleep(0.01)
    return {"peak": crowds["sync"].peak}


@app.get("/async/crowd/<int:wanted>/<float:patience>")
async def async_crowd(wanted: int, patience: float) -> dict[str, int]:
    with crowds["async"]:
        deadline = time.monotonic() + patience
        while crowds["async"].peak < wanted and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
    return {"peak": crowds["async"].peak}


# How the endless stream of each colour ended: "closed", or "wasted" on a client that had left.
ends: dict[str, str] = {}


@app.get("/sync/endless")
def sync_endless() -> Iterator[bytes]:
    end = "closed"
    try:
        for _ in range(ENDLESS):
            yield PIECE
        end = "wasted"
    finally:
        ends["sync"] = end


@app.get("/async/endless")
async def async_endless() -> AsyncIterator[bytes]:
    end = "closed"
    try:
        for _ in range(ENDLESS):
            yield PIECE
            await asyncio.sleep(0)
        end = "wasted"
    finally:
        ends["async"] = end


@app.get("/ends")
def how_streams_ended() -> dict[str, str]:
    return ends
