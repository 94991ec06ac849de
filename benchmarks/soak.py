"""A long run of mixed requests and websockets, some abandoned: every answer must be right, and nothing may pile up.

    python -m benchmarks.soak [--requests 100000]

The requests are shared out among gunicorn gthread, gunicorn gevent, uvicorn, granian, and hypercorn over HTTP/2. Each
server takes its share in ten stages; after each one, when all clients have gone, what its process holds is counted.
"""

import argparse
import asyncio
import gc
import hashlib
import json
import os
import random
import re
import shlex
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection, HTTPException, IncompleteRead
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import flask
from asgiref.sync import sync_to_async

from dualapp import DualApp, Response, abort, request, session, stream_with_context, websocket
from tests.support.server_process import HOST, Server, free_port
from tests.support.websocket_wire import BINARY, CONT, DEFLATE, TEXT, Wire, close_frame, frame

HYPERCORN = "hypercorn HTTP/2"
SERVERS = {
    "gunicorn gthread": "gunicorn -b {bind} -k gthread --threads 16 --log-level critical benchmarks.soak:app",
    "gunicorn gevent": "gunicorn -b {bind} -k gevent --log-level critical benchmarks.soak:app",
    "uvicorn": "uvicorn --host {host} --port {port} --log-level critical benchmarks.soak:app",
    "granian": "granian --host {host} --port {port} --interface asgi --log-level critical benchmarks.soak:app",
    HYPERCORN: "hypercorn -b {bind} --keep-alive 1 --error-logfile /dev/null asgi:benchmarks.soak:app",
}
CLIENTS = 8
STAGES = 10
ABANDONED = 0.05
PIECE = bytes(range(256)) * 64
PIECES = 16
#: The longest body that no view reads, in pieces: more than servers and `BODY_READ_AHEAD` take in by themselves.
MOST_SENT = 40
MiB = 1024**2
#: After the first stages, in which caches fill and pools start their threads, no more than this may be added.
WARM = 3
# Under gevent each thread of the operating system that runs sync code gets a hub, with two descriptors.
# hypercorn's own memory grows with the number of HTTP/2 streams, under an app of Quart's by as much.
OWN_GROWTH = {HYPERCORN: 32 * MiB}
SLACK = {"rss": 8 * MiB, "threads": 4, "tasks": 0, "descriptors": 2 * 4}


# What is served: each kind in both colours.

app = DualApp(__name__)
app.config["SECRET_KEY"] = "only for the soak"
trace: ContextVar[str] = ContextVar("trace", default="")
app.logger.disabled = True  # it would fill the disk with the errors made on purpose


@app.post("/sync/json")
def sync_json() -> Any:
    return {"got": request.get_json()}


@app.post("/async/json")
async def async_json() -> Any:
    return {"got": await request.get_json()}


@app.post("/sync/form")
def sync_form() -> Any:
    return request.form.to_dict()


@app.post("/async/form")
async def async_form() -> Any:
    return (await request.form).to_dict()


@app.post("/sync/upload")
def sync_upload() -> Any:
    digest = hashlib.sha1()
    while chunk := request.stream.read(16384):
        digest.update(chunk)
    return digest.hexdigest()


@app.post("/async/upload")
async def async_upload() -> Any:
    digest = hashlib.sha1()
    async for chunk in request.body:
        digest.update(chunk)
    return digest.hexdigest()


@app.get("/sync/download")
def sync_download() -> bytes:
    return PIECE * PIECES


@app.get("/async/download")
async def async_download() -> bytes:
    return PIECE * PIECES


@app.get("/sync/stream/<int:count>")
def sync_stream(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield PIECE


@app.get("/async/stream/<int:count>")
async def async_stream(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield PIECE
        await asyncio.sleep(0)


@app.get("/sync/session")
def sync_session() -> Any:
    session["count"] = session.get("count", 0) + 1
    return {"count": session["count"]}


@app.get("/async/session")
async def async_session() -> Any:
    session["count"] = session.get("count", 0) + 1
    return {"count": session["count"]}


@app.get("/sync/missing")
def sync_missing() -> Any:
    abort(404)


@app.get("/async/missing")
async def async_missing() -> Any:
    abort(404)


@app.get("/sync/boom")
def sync_boom() -> Any:
    raise ZeroDivisionError


@app.get("/async/boom")
async def async_boom() -> Any:
    raise ZeroDivisionError


@app.get("/sync/nap")
def sync_nap() -> str:
    time.sleep(0.005)
    return "slept"


@app.get("/async/nap")
async def async_nap() -> str:
    await asyncio.sleep(0.005)
    return "slept"


@app.post("/sync/unread")
def sync_unread() -> str:
    time.sleep(0.005)
    return "unread"


@app.post("/async/unread")
async def async_unread() -> str:
    await asyncio.sleep(0.05)  # longer than a request waits before it listens for its client
    return "unread"


@contextmanager
def span() -> Iterator[None]:
    token = trace.set(request.path)
    try:
        yield
    finally:
        trace.reset(token)


def spanned(count: int) -> Iterator[bytes]:
    with span():
        for _ in range(count):
            yield PIECE


@app.get("/sync/kept/<int:count>")
def sync_kept(count: int) -> Any:
    return stream_with_context(spanned(count))


@app.get("/async/kept/<int:count>")
async def async_kept(count: int) -> Any:
    async def pieces() -> AsyncIterator[bytes]:
        with span():
            for _ in range(count):
                yield PIECE
                await asyncio.sleep(0)

    return stream_with_context(pieces())


@app.get("/sync/flask-kept/<int:count>")
def sync_flask_kept(count: int) -> Any:
    return Response(flask.stream_with_context(spanned(count)))


@app.get("/async/flask-kept/<int:count>")
async def async_flask_kept(count: int) -> Any:
    return Response(flask.stream_with_context(spanned(count)))


def timed(stream: Any) -> Response:
    response = Response(stream_with_context(stream))
    response.timeout = 0.1
    return response


@app.get("/sync/endless")
def sync_endless() -> Any:
    def pieces() -> Iterator[bytes]:
        with span():
            while True:
                yield b"piece"
                time.sleep(0.005)

    return timed(pieces())


@app.get("/async/endless")
async def async_endless() -> Any:
    async def pieces() -> AsyncIterator[bytes]:
        with span():
            while True:
                yield b"piece"
                await asyncio.sleep(0.005)

    return timed(pieces())


@app.get("/sync/nested")
def sync_nested() -> Any:
    return app.ensure_sync(async_nested)()


@app.get("/async/nested")
async def async_nested() -> str:
    await sync_to_async(time.sleep, thread_sensitive=False)(0)
    return str(await sync_to_async(app.ensure_sync(innermost))())


async def innermost() -> str:
    return str(await sync_to_async(str)("nested"))


@app.websocket("/sync/echo")
def sync_echo() -> None:
    for message in websocket:
        websocket.send(message)


@app.websocket("/async/echo")
async def async_echo() -> None:
    async for message in websocket:
        await websocket.send(message)


@app.websocket("/sync/refused")
def sync_refused() -> None:
    abort(403)


@app.websocket("/async/refused")
async def async_refused() -> None:
    abort(403)


@app.get("/stats")
async def stats() -> dict[str, int]:
    gc.collect()
    return {
        "rss": resident(),
        "threads": len(os.listdir("/proc/self/task")),
        "tasks": len(asyncio.all_tasks()),
        "descriptors": len(os.listdir("/proc/self/fd")),
    }


def resident() -> int:
    match = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(match[1]) * 1024 if match else 0


# Who asks.


class Wrong(Exception):
    """An answer that is not the right one."""


def require(condition: bool, *shown: object) -> None:
    if not condition:
        raise Wrong(*shown)


class Client:
    """One who asks for one thing after another on one connection, and now and then leaves in the middle."""

    def __init__(self, port: int, seed: int) -> None:
        self.port = port
        self.random = random.Random(seed)
        self.connection: HTTPConnection | None = None
        self.cookie, self.count = "", 0
        self.kinds: list[Callable[[str], None]] = [
            self.post_json,
            self.post_form,
            self.upload,
            self.download,
            self.stream,
            self.use_session,
            self.miss,
            self.fail,
            self.nap,
            self.leave_unread,
            self.keep,
            self.run_out,
            self.nest,
            self.talk,
            self.be_refused,
        ]

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, bytes]:
        for _ in range(2):
            is_new = self.connection is None
            if self.connection is None:
                self.connection = HTTPConnection(HOST, self.port, timeout=30)
            try:
                self.connection.request(method, path, body, headers)
                response = self.connection.getresponse()
                return response.status, response.headers, response.read()
            except (OSError, HTTPException):
                self.close()
                if is_new:
                    raise
        raise Wrong(path, "no answer")  # the server may close a connection between two requests, but not two

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def check(self, path: str, expected: bytes, method: str = "GET", body: Any = None, **headers: str) -> None:
        status, _, answer = self.ask(method, path, body, **headers)
        require(status == 200 and answer == expected, path, status, answer[:100], expected[:100])

    def post_json(self, colour: str) -> None:
        value = {"n": self.random.random(), "text": "ä" * self.random.randrange(100)}
        kind = {"Content-Type": "application/json"}
        status, _, answer = self.ask("POST", f"/{colour}/json", json.dumps(value).encode(), **kind)
        require(status == 200 and json.loads(answer) == {"got": value}, "json", status, answer[:100])

    def post_form(self, colour: str) -> None:
        value = {"n": str(self.random.random()), "text": "ä&=" * self.random.randrange(100)}
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        status, _, answer = self.ask("POST", f"/{colour}/form", urlencode(value).encode(), **kind)
        require(status == 200 and json.loads(answer) == value, "form", status, answer[:100])

    def upload(self, colour: str) -> None:
        body = self.random.randbytes(1000) * self.random.randrange(600)
        whole = body if self.random.random() < 0.5 else [body[:50_000], body[50_000:]]
        self.check(f"/{colour}/upload", hashlib.sha1(body).hexdigest().encode(), "POST", whole)

    def download(self, colour: str) -> None:
        self.check(f"/{colour}/download", PIECE * PIECES)

    def stream(self, colour: str) -> None:
        count = self.random.randrange(PIECES)
        self.check(f"/{colour}/stream/{count}", PIECE * count)

    def use_session(self, colour: str) -> None:
        status, headers, answer = self.ask("GET", f"/{colour}/session", Cookie=self.cookie)
        self.count += 1
        require(status == 200 and json.loads(answer) == {"count": self.count}, "session", status, answer[:100])
        self.cookie = headers["Set-Cookie"].partition(";")[0]

    def miss(self, colour: str) -> None:
        path = self.random.choice([f"/{colour}/missing", f"/{colour}/{self.random.random()}"])
        status, _, answer = self.ask("GET", path)
        require(status == 404 and b"Not Found" in answer, path, status, answer[:100])

    def fail(self, colour: str) -> None:
        status, _, answer = self.ask("GET", f"/{colour}/boom")
        require(status == 500 and b"Internal Server Error" in answer, "boom", status, answer[:100])

    def nap(self, colour: str) -> None:
        self.check(f"/{colour}/nap", b"slept")

    def leave_unread(self, colour: str) -> None:
        self.check(f"/{colour}/unread", b"unread", "POST", PIECE * self.random.randrange(1, MOST_SENT))

    def keep(self, colour: str) -> None:
        kind, count = self.random.choice(["kept", "flask-kept"]), self.random.randrange(PIECES)
        self.check(f"/{colour}/{kind}/{count}", PIECE * count)

    def run_out(self, colour: str) -> None:
        """Have a response that takes longer than it may: it breaks off; a 500 if the time is over before it begins."""
        try:
            status, _, answer = self.ask("GET", f"/{colour}/endless")
        except (IncompleteRead, ConnectionError):
            self.close()
            return
        require(status == 500, "endless", status, answer[:100])

    def nest(self, colour: str) -> None:
        self.check(f"/{colour}/nested", b"nested")

    def talk(self, colour: str) -> None:
        """Have an echo of some messages, whole or in fragments, and close."""
        with self.opened(f"/{colour}/echo") as wire:
            require(wire.status == 101, "handshake", wire.status)
            for _ in range(self.random.randrange(5)):
                opcode, raw = self.random.choice([(TEXT, "ä".encode() * self.random.randrange(500)), (BINARY, PIECE)])
                cut = self.random.randrange(len(raw) + 1)
                whole = frame(opcode, raw[:cut], fin=False) + frame(CONT, raw[cut:])
                wire.socket.sendall(whole if self.random.random() < 0.5 else frame(opcode, raw))
                answer = wire.recv()
                require(answer == (opcode, raw), "echo", answer[0], answer[1][:100])
            wire.socket.sendall(close_frame(4000, "enough"))
            require(wire.recv_close() == (4000, "enough"), "close")

    def be_refused(self, colour: str) -> None:
        with self.opened(f"/{colour}/refused") as wire:
            require(wire.status == 403, "refusal", wire.status)

    def opened(self, path: str, *headers: tuple[str, str]) -> Wire:
        return Wire(socket.create_connection((HOST, self.port), 30)).open(path, *headers)

    def leave_websocket(self, colour: str) -> None:
        """Leave after the handshake, within a message, or with answers unread, by a reset or without a close."""
        said = self.random.choice([b"", frame(TEXT, b"hello")[:7], frame(BINARY, PIECE) * 50])
        with self.opened(f"/{colour}/echo", *self.random.choice([[], [DEFLATE]])) as wire:
            wire.socket.sendall(said)
            if self.random.random() < 0.5:
                wire.vanish()

    def abandon(self, colour: str) -> None:
        """Leave a websocket, or a request: see `leave_websocket` and `leave_request`."""
        self.random.choice([self.leave_websocket, self.leave_request, self.leave_request])(colour)

    def leave_request(self, colour: str) -> None:
        """Leave while uploading, while a view runs, its body read or not, or while a response streams."""
        request, body, reads = self.random.choice(
            [
                (f"POST /{colour}/upload HTTP/1.1\r\nContent-Length: 1000000", PIECE, False),
                (f"POST /{colour}/unread HTTP/1.1\r\nContent-Length: 1000000", PIECE, False),
                (f"GET /{colour}/kept/1000000 HTTP/1.1", b"", True),
                (f"GET /{colour}/flask-kept/1000000 HTTP/1.1", b"", True),
                (f"GET /{colour}/nap HTTP/1.1", b"", False),
                (f"GET /{colour}/stream/1000000 HTTP/1.1", b"", True),
            ]
        )
        with socket.create_connection((HOST, self.port), 30) as connection:
            connection.sendall(f"{request}\r\nHost: {HOST}\r\n\r\n".encode() + body)
            if reads:
                require(connection.recv(100).startswith(b"HTTP/1.1 200 "), "stream to abandon")

    def step(self) -> bool:
        """Make one request of any kind; tell whether it was abandoned."""
        colour = self.random.choice(["sync", "async"])
        if self.random.random() < ABANDONED:
            self.abandon(colour)
            return True
        self.random.choice(self.kinds)(colour)
        return False


class ClientOfHTTP2(Client):
    """One who asks the same over HTTP/2, and now and then abandons a request but not the connection."""

    def __init__(self, port: int, seed: int) -> None:
        super().__init__(port, seed)
        self.http2: Any = None
        self.kinds = [
            self.post_json,
            self.post_form,
            self.download,
            self.stream,
            self.nap,
            self.leave_unread,
            self.keep,
            self.run_out,
        ]

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, bytes]:
        client = self.connected()
        status, answer = client.answer(client.request(path, method, body or b"", headers=headers))
        return status, {}, answer

    def run_out(self, colour: str) -> None:
        """Have a response break off: hypercorn does not say so, but closes the connection when it has been idle."""
        client = self.connected()
        stream = client.request(f"/{colour}/endless")
        try:
            status, answer = client.answer(stream)
        except (AssertionError, ConnectionError):
            require(client.status.get(stream) == 200, "endless", client.status)
            self.close()
            return
        require(status == 500, "endless", status, answer[:100])

    def connected(self) -> Any:
        from tests.streams.h2_client import H2Client  # imported late: h2 comes with hypercorn

        if self.http2 is None:
            self.http2 = H2Client(self.port)
        return self.http2

    def close(self) -> None:
        super().close()
        if self.http2 is not None:
            self.http2.socket.close()
            self.http2 = None

    def abandon(self, colour: str) -> None:
        client = self.connected()
        if self.random.random() < 0.5:
            client.reset(client.request(f"/{colour}/unread", "POST", PIECE, ends=False))
            return
        kind = self.random.choice(["kept", "flask-kept"])
        stream = client.request(f"/{colour}/{kind}/1000000")
        client.until_body(stream)
        client.reset(stream)


# What comes of it.


@dataclass
class Report:
    server: str
    requests: int = 0
    abandoned: int = 0
    wrong: list[str] = field(default_factory=list)
    samples: list[dict[str, int]] = field(default_factory=list)
    seconds: float = 0.0

    def grown(self) -> list[str]:
        """What was more in the end than it was when the server was warm."""
        warm, last = self.samples[min(WARM, len(self.samples) - 1)], self.samples[-1]
        slacks = {**SLACK, "rss": SLACK["rss"] + OWN_GROWTH.get(self.server, 0)}
        return [name for name, slack in slacks.items() if last[name] > warm[name] + slack]

    def row(self) -> str:
        first, last = self.samples[0], self.samples[-1]
        memory = " ".join(f"{sample['rss'] / MiB:.0f}" for sample in self.samples)
        change = {name: f"{first[name]}/{last[name]}" for name in ("threads", "tasks", "descriptors")}
        return (
            f"{self.server:<17} {self.requests:>8} {len(self.wrong):>5} {self.abandoned:>9} {self.seconds:>7.0f}  "
            f"{memory:<40} {change['threads']:>7} {change['tasks']:>6} {change['descriptors']:>6}"
        )


HEAD = (
    f"{'server':<17} {'requests':>8} {'wrong':>5} {'abandoned':>9} {'seconds':>7}  "
    f"{'RSS after each stage, MiB':<40} {'threads':>7} {'tasks':>6} {'fds':>6}"
)


def soak(name: str, line: str, count: int) -> Report:
    report, start = Report(name), time.monotonic()
    port = free_port()
    script, *arguments = shlex.split(line.format(bind=f"{HOST}:{port}", host=HOST, port=port))
    with Server([str(Path(sys.executable).with_name(script)), *arguments], port) as server:
        kind = ClientOfHTTP2 if name == HYPERCORN else Client
        clients = [kind(server.port, seed) for seed in range(CLIENTS)]
        report.samples.append(sample(server.port))
        with ThreadPoolExecutor(CLIENTS) as pool:
            for _ in range(STAGES):
                list(pool.map(partial(stage, report, threading.Lock(), ceil(count / STAGES / CLIENTS)), clients))
                report.samples.append(sample(server.port))
    report.seconds = time.monotonic() - start
    return report


def stage(report: Report, lock: threading.Lock, count: int, client: Client) -> None:
    for _ in range(count):
        is_abandoned, problem = False, None
        try:
            is_abandoned = client.step()
        except (Wrong, OSError, HTTPException, ValueError, AssertionError) as error:
            problem = repr(error)
            client.close()
        with lock:
            report.requests += 1
            report.abandoned += is_abandoned
            if problem is not None:
                report.wrong.append(problem)
    client.close()


def sample(port: int) -> dict[str, int]:
    """Count what the process holds, once it has seen that everybody left."""
    last, deadline = one_sample(port), time.monotonic() + 20
    while time.monotonic() < deadline:
        time.sleep(
            2
        )  # hypercorn closes a connection that its client has closed only when it has been idle for a second
        now = one_sample(port)
        if all(now[name] == last[name] for name in ("tasks", "descriptors")):
            return now
        last = now
    return last


def one_sample(port: int) -> dict[str, int]:
    client = Client(port, 0)
    _, _, answer = client.ask("GET", "/stats")
    client.close()
    counts: dict[str, int] = json.loads(answer)
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000, help="how many in all, 100000 unless given")
    count = parser.parse_args().requests
    is_fine = True
    print(HEAD, flush=True)
    for name, line in SERVERS.items():
        needs = {"gunicorn gevent": "gevent", "granian": "granian", HYPERCORN: "hypercorn"}.get(name, "gunicorn")
        if find_spec(needs) is None:
            print(f"{name:<17} {needs} is not installed here")
            continue
        report = soak(name, line, ceil(count / len(SERVERS)))
        print(report.row(), flush=True)
        for problem in report.wrong[:10]:
            print(f"    wrong: {problem}")
        for grown in report.grown():
            print(f"    grew: {grown}")
        is_fine = is_fine and not report.wrong and not report.grown()
    return 0 if is_fine else 1


if __name__ == "__main__":
    sys.exit(main())
