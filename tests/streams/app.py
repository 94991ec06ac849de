"""The application of these tests: it streams, is streamed to, and counts what happens to those who leave.

Each behaviour is there twice, in both colours: below /sync/ in `def`, below /async/ in `async def`.
"""

import asyncio
import atexit
import gc
import hashlib
import logging
import os
import tempfile
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import AsyncGeneratorType, GeneratorType
from typing import Any

import flask

from dualapp import Blueprint, DualApp, EventStream, Response, g, request, send_file, stream_with_context
from tests.support.waiting import LIMIT

KiB, MiB = 1024, 1024**2
BLOCK = bytes(range(256)) * (4 * KiB)

app = DualApp(__name__)
app.config.from_prefixed_env("DUALAPP")
sync, async_ = Blueprint("sync", __name__), Blueprint("async", __name__)
plain_flask = flask.Flask("plain_flask")


class Boom(Exception):
    """Raised on purpose."""


app.logger.addFilter(lambda record: not on_purpose(record))


def on_purpose(record: logging.LogRecord) -> bool:
    return bool(record.exc_info and isinstance(record.exc_info[1], Boom))


# What the client is told of, and what it decides.


class Tally:
    """How often each thing happened, told by any thread."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1


class Gate:
    """Closed until the client opens it."""

    def __init__(self) -> None:
        self._opened = threading.Event()

    def open(self) -> None:
        self._opened.set()

    def is_open(self, pause: float) -> bool:
        """Wait a moment for the gate, and tell whether it is open."""
        return self._opened.wait(pause)

    def wait(self) -> None:
        if not self._opened.wait(LIMIT):
            raise TimeoutError

    async def wait_async(self) -> None:
        async with asyncio.timeout(LIMIT):
            while not self._opened.is_set():
                await asyncio.sleep(0.002)


class Gates(dict[str, Gate]):
    """The gates by name. Threads that ask for a new one together get the same; a defaultdict may give each its own."""

    def __missing__(self, name: str) -> Gate:
        return self.setdefault(name, Gate())


seen = Tally()
gates = Gates()


@app.get("/seen")
async def what_was_seen() -> Any:
    return dict(seen.counts)


@app.post("/open/<name>")
async def open_gate(name: str) -> str:
    gates[name].open()
    return "open"


@app.get("/stats")
async def stats() -> dict[str, int]:
    gc.collect()
    links = [link_of(fd) for fd in os.listdir("/proc/self/fd")]
    objects = gc.get_objects()
    return {
        "pid": os.getpid(),
        "generators": sum(isinstance(it, GeneratorType) and it.gi_frame is not None for it in objects),
        "async generators": sum(isinstance(it, AsyncGeneratorType) and it.ag_frame is not None for it in objects),
        "contexts": sum(
            type(it).__name__ == "Context" and type(it).__module__ == "dualapp.pipeline.context" for it in objects
        ),
        "tasks": len(asyncio.all_tasks()),
        "threads": len(os.listdir("/proc/self/task")),
        "sockets": sum(link.startswith("socket:") for link in links),
        "descriptors": len(links),
    }


def link_of(fd: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except FileNotFoundError:  # the one that listed the directory
        return ""


@app.get("/file")
def file() -> Any:
    return send_file(request.args["path"])


@app.get("/removed/<when>")
def removed(when: str) -> Any:
    """A file that is removed once it was sent, or at some time while it is."""
    handle, path = tempfile.mkstemp()
    os.write(handle, BLOCK)
    os.close(handle)
    response = send_file(path, mimetype="application/octet-stream")
    if when == "on-close":
        response.call_on_close(lambda: os.unlink(path))
    else:
        app.add_background_task(os.unlink, path)
    return response


@app.teardown_appcontext
def tear_down_app(error: BaseException | None) -> None:
    seen(f"app torn down {request.endpoint}")


@sync.teardown_request
def tear_down(error: BaseException | None) -> None:
    seen(f"torn down {request.endpoint}")


@async_.teardown_request
async def tear_down_async(error: BaseException | None) -> None:
    seen(f"torn down {request.endpoint}")


# Responses.


@sync.get("/chunks/<name>/<int:count>/<int:size>")
def chunks(name: str, count: int, size: int) -> Iterator[bytes]:
    chunk = BLOCK[:size]
    for _ in range(count):
        seen(name)
        yield chunk


@async_.get("/chunks/<name>/<int:count>/<int:size>")
async def chunks_async(name: str, count: int, size: int) -> AsyncIterator[bytes]:
    chunk = BLOCK[:size]
    for _ in range(count):
        seen(name)
        yield chunk


@sync.get("/events/<name>/<int:count>")
def events(name: str, count: int) -> Any:
    def generate() -> Iterator[str]:
        for n in range(count):
            yield f"data: {n}\n\n"
            gates[f"{name}-{n}"].wait()

    return Response(generate(), mimetype="text/event-stream")


@async_.get("/events/<name>/<int:count>")
async def events_async(name: str, count: int) -> Any:
    async def generate() -> Any:
        for n in range(count):
            yield f"data: {n}\n\n"
            await gates[f"{name}-{n}"].wait_async()

    return Response(generate(), mimetype="text/event-stream")


@sync.get("/event-stream/<name>/<int:count>")
def event_stream(name: str, count: int) -> Any:
    def generate() -> Iterator[Any]:
        try:
            for n in range(count):
                yield n
                while not gates[f"{name}-{n}"].is_open(0.01):
                    yield None
        finally:
            seen(f"{name} closed")

    return EventStream(generate())


@async_.get("/event-stream/<name>/<int:count>")
async def event_stream_async(name: str, count: int) -> Any:
    async def generate() -> AsyncIterator[int]:
        try:
            for n in range(count):
                yield n
                await gates[f"{name}-{n}"].wait_async()
        finally:
            seen(f"{name} closed")

    return EventStream(generate(), ping=0.01)


@sync.get("/context/<name>")
def context(name: str) -> Any:
    @stream_with_context
    def generate() -> Iterator[str]:
        yield g.word
        gates[name].wait()
        g.word += request.args["word"]
        yield g.word

    g.word = request.args["word"]
    return generate()


@async_.get("/context/<name>")
async def context_async(name: str) -> Any:
    @stream_with_context
    async def generate() -> AsyncIterator[str]:
        yield g.word
        await gates[name].wait_async()
        g.word += request.args["word"]
        yield g.word

    g.word = request.args["word"]
    return generate()


@sync.get("/broken")
def broken() -> Iterator[bytes]:
    yield BLOCK[:1000]
    raise Boom


@async_.get("/broken")
async def broken_async() -> AsyncIterator[bytes]:
    yield BLOCK[:1000]
    raise Boom


# Requests.


@sync.post("/hash/<int:size>")
def hash_stream(size: int) -> dict[str, Any]:
    digest, largest = hashlib.sha1(), 0
    while chunk := request.stream.read(size):
        digest.update(chunk)
        largest = max(largest, len(chunk))
    return {"sha1": digest.hexdigest(), "largest": largest}


@async_.post("/hash")
async def hash_body() -> dict[str, Any]:
    digest, largest = hashlib.sha1(), 0
    async for chunk in request.body:
        digest.update(chunk)
        largest = max(largest, len(chunk))
    return {"sha1": digest.hexdigest(), "largest": largest}


@sync.post("/form")
def form() -> dict[str, Any]:
    with noting("sync.form"):
        return described(request.form, request.files)


@async_.post("/form")
async def form_async() -> dict[str, Any]:
    with noting("async.form_async"):
        return described(await request.form, await request.files)


@sync.post("/json")
def json() -> dict[str, Any]:
    return {"json": request.get_json()}


@async_.post("/json")
async def json_async() -> dict[str, Any]:
    return {"json": await request.get_json()}


def described(form: Any, files: Any) -> dict[str, Any]:
    return {"form": form.to_dict(), "files": {name: described_file(file) for name, file in files.items()}}


def described_file(file: Any) -> dict[str, Any]:
    return {
        "name": file.filename,
        "sha1": hashlib.file_digest(file.stream, "sha1").hexdigest(),
        "on disk": getattr(file.stream, "_rolled", None),
    }


# Those who leave.


@sync.post("/upload")
def upload() -> str:
    with noting("sync.upload"):
        return str(len(request.get_data()))


@async_.post("/upload")
async def upload_async() -> str:
    with noting("async.upload_async"):
        return str(len(await request.get_data()))


@contextmanager
def noting(endpoint: str) -> Iterator[None]:
    """Note who comes in, and what they are thrown out by."""
    seen(f"{endpoint} in")
    try:
        yield
    except BaseException as error:
        seen(f"{endpoint} {type(error).__name__}")
        raise


@sync.get("/wait/<name>")
def wait(name: str) -> str:
    with noting("sync.wait"), open(__file__):
        gates[name].wait()
        seen("sync.wait ended")
    return "waited"


@async_.route("/wait/<name>", methods=["GET", "POST"])
async def wait_async(name: str) -> str:
    with noting("async.wait_async"), open(__file__):
        await gates[name].wait_async()
        seen("async.wait_async ended")
    return "waited"


@sync.get("/endless")
def endless() -> Any:
    return endless_chunks("sync.endless")


@async_.get("/endless")
async def endless_async() -> Any:
    return endless_chunks_async("async.endless_async")


@sync.get("/endless-kept")
def endless_kept() -> Any:
    return stream_with_context(endless_chunks("sync.endless_kept"))


@async_.get("/endless-kept")
async def endless_kept_async() -> Any:
    return stream_with_context(endless_chunks_async("async.endless_kept_async"))


def endless_chunks(name: str) -> Iterator[bytes]:
    seen(f"{name} in")
    try:
        with open(__file__):
            while True:
                yield BLOCK[: 64 * KiB]
    finally:
        seen(f"{name} GeneratorExit")


async def endless_chunks_async(name: str) -> AsyncIterator[bytes]:
    seen(f"{name} in")
    try:
        with open(__file__):
            while True:
                yield BLOCK[: 64 * KiB]
    finally:
        seen(f"{name} GeneratorExit")


@async_.route("/silent", methods=["GET", "POST"])
async def silent() -> Any:
    async def generate() -> AsyncIterator[bytes]:
        seen("async.silent in")
        try:
            yield b"data: 0\n\n"
            await asyncio.Event().wait()
        finally:
            seen("async.silent closed")

    response = Response(generate(), mimetype="text/event-stream")
    response.timeout = None
    return response


@async_.post("/unread/<float:pause>")
async def unread(pause: float) -> str:
    await asyncio.sleep(pause)
    return "unread"


#: The ways in which a response ends; none of these views reads the body of its request.
ENDS: dict[str, Callable[[], Any]] = {
    "text": lambda: "text",
    "nothing": lambda: ("", 204),
    "redirect": lambda: flask.redirect("/seen"),
    "abort": lambda: flask.abort(409),
    "short file": lambda: flask.send_file(__file__),
    "long file": lambda: flask.send_file(long_file()),
    "stream": lambda: flask.Response(iter([b"chunk"] * 3)),
    "stream with a length": lambda: flask.Response(iter([b"chunk"] * 3), headers={"Content-Length": "15"}),
}


@cache
def long_file() -> str:
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(BLOCK)
    atexit.register(os.remove, file.name)
    return file.name


@async_.post("/end/<way>")
async def end(way: str) -> Any:
    return ENDS[way]()


@sync.post("/end/<way>")
def end_sync(way: str) -> Any:
    return ENDS[way]()


plain_flask.post("/end/<way>")(end_sync)


@plain_flask.post("/read/<way>")
def read(way: str) -> str:
    """Read the body in one of the ways of plain Flask."""
    plain = flask.request
    ways: dict[str, Callable[[], Any]] = {
        "data": plain.get_data,
        "json": plain.get_json,
        "form": lambda: plain.form,
        "file": lambda: plain.files,
        "stream": plain.stream.read,
    }
    ways[way]()
    return "read"


app.mount("/flask", plain_flask)


@sync.post("/unread/<float:pause>")
def unread_sync(pause: float) -> str:
    threading.Event().wait(pause)
    return "unread"


# Time.


@sync.get("/slow/<float:pause>")
def slow(pause: float) -> Any:
    def generate() -> Iterator[bytes]:
        try:
            for _ in range(40):
                yield b"x"
                threading.Event().wait(pause)
        finally:
            seen("sync.slow closed")

    return timed(Response(generate()))


@async_.get("/slow/<float:pause>")
async def slow_async(pause: float) -> Any:
    async def generate() -> Any:
        try:
            for _ in range(40):
                yield b"x"
                await asyncio.sleep(pause)
        finally:
            seen("async.slow_async closed")

    return timed(Response(generate()))


def timed(response: Any) -> Any:
    """Give the response the timeout that the request asks for."""
    if (timeout := request.args.get("timeout")) is not None:
        response.timeout = None if timeout == "none" else float(timeout)
    return response


app.register_blueprint(sync, url_prefix="/sync")
app.register_blueprint(async_, url_prefix="/async")
