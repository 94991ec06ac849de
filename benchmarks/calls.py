"""Requests as servers hand them over, and how long an entry takes to answer them: no server, no socket."""

from __future__ import annotations

import asyncio
import io
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote
from wsgiref.util import FileWrapper

HEADERS = [("host", "127.0.0.1:8000"), ("user-agent", "benchmark"), ("accept", "*/*")]
#: After so many requests the loop has a turn, as it has under a server that is busy with many connections.
TURN = 50
#: What a server reads from a socket at once, at most.
PIECE = 65536


@dataclass(frozen=True)
class Request:
    target: str = "/"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def fields(self) -> list[tuple[str, str]]:
        length = [("content-length", str(len(self.body)))] if self.body else []
        return [*HEADERS, *length, *self.headers]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return ", ".join(value for key, value in self.headers if key.lower() == name)


def environ_of(request: Request) -> dict[str, Any]:
    """Make the environ of a request, as gunicorn would; `wsgi.input` is to be added, since each call needs its own."""
    path, _, query = request.target.partition("?")
    names = {name: f"HTTP_{name.upper().replace('-', '_')}" for name, _ in request.fields}
    names.update({"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"})
    return {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(path, "latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": request.target,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "gunicorn/27.0.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "50000",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        **{names[name]: value for name, value in request.fields},
    }


def scope_of(request: Request) -> dict[str, Any]:
    """Make the scope of a request, as uvicorn would."""
    path, _, query = request.target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
        "method": request.method,
        "root_path": "",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in request.fields],
        "state": {},
        "extensions": {},
    }


class Pieces(io.RawIOBase):
    """A body that is read in pieces, as from a socket."""

    def __init__(self, body: bytes) -> None:
        self._left = memoryview(body)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._left[: min(len(buffer), PIECE)]
        buffer[: len(piece)] = piece
        self._left = self._left[len(piece) :]
        return len(piece)


class WSGIDriver:
    """Calls a WSGI app as a server does that has one thread."""

    make_input: Callable[[bytes], Any] = io.BytesIO

    def __init__(self, app: Callable[..., Any]) -> None:
        self.app = app

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def ask(self, request: Request) -> Answer:
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
            started[:] = status, headers

        chunks = self.app({**environ_of(request), "wsgi.input": io.BytesIO(request.body)}, start_response)
        body = b"".join(chunks)
        if hasattr(chunks, "close"):
            chunks.close()
        status, headers = started
        return Answer(int(status[:3]), headers, body)

    def time(self, requests: Sequence[Request], number: int) -> float:
        """Return how many microseconds one request takes, when all of them are asked `number` times in turn."""
        app, make_input = self.app, self.make_input
        prepared = [(environ_of(request), request.body) for request in requests]

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None: ...

        started = time.perf_counter()
        for _ in range(number):
            for environ, body in prepared:
                environ = environ.copy()
                environ["wsgi.input"] = make_input(body)
                chunks = app(environ, start_response)
                for _chunk in chunks:
                    pass
                if hasattr(chunks, "close"):
                    chunks.close()
        return (time.perf_counter() - started) / number / len(prepared) * 1e6


class Exchange:
    """The server's side of one ASGI request: it gives the body, and then waits until all is sent."""

    __slots__ = ("_body", "_is_complete", "_waiter")

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._is_complete = False
        self._waiter: asyncio.Future[None] | None = None

    async def receive(self) -> dict[str, Any]:
        if (body := self._body) is not None:
            self._body = None
            return {"type": "http.request", "body": body, "more_body": False}
        if not self._is_complete:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._is_complete = True
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)


class PiecewiseExchange(Exchange):
    """One that gives the body in pieces, as a server does that reads it from a socket."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self._pieces = (body[start : start + PIECE] for start in range(0, len(body), PIECE))
        self._left = -(-len(body) // PIECE)

    async def receive(self) -> dict[str, Any]:
        if self._left <= 1:
            self._body, self._left = next(self._pieces, self._body), 0
            return await super().receive()
        self._left -= 1
        return {"type": "http.request", "body": next(self._pieces), "more_body": True}


class RecordedExchange(Exchange):
    """One whose answer is looked at."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.messages: list[dict[str, Any]] = []

    async def send(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        await super().send(message)

    @property
    def answer(self) -> Answer:
        start, *rest = self.messages
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
        return Answer(start["status"], headers, b"".join(message.get("body", b"") for message in rest))


class ASGIDriver:
    """Calls an ASGI app on one loop, from its lifespan's startup to its shutdown."""

    make_exchange: type[Exchange] = Exchange

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    def __enter__(self) -> Self:
        self._runner = asyncio.Runner()
        self._runner.run(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._runner.run(self._stop())
        self._runner.close()

    async def _start(self) -> None:
        self._told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        self._life = asyncio.ensure_future(self.app(scope, self._told.get, self._said.put))
        await self._tell("startup")

    async def _stop(self) -> None:
        if not self._life.done():
            await self._tell("shutdown")
            await self._life

    async def _tell(self, event: str) -> None:
        """Tell the app of an event and wait for its reply; one that fails has no lifespan (ASGI's lifespan spec)."""
        self._told.put_nowait({"type": f"lifespan.{event}"})
        reply = asyncio.ensure_future(self._said.get())
        await asyncio.wait([self._life, reply], return_when=asyncio.FIRST_COMPLETED)
        if reply.done():
            kind = reply.result()["type"]
            assert kind == f"lifespan.{event}.complete", kind
        else:
            reply.cancel()
            with suppress(Exception):
                await self._life

    def ask(self, request: Request) -> Answer:
        return self._runner.run(self._ask(request))

    async def _ask(self, request: Request) -> Answer:
        exchange = RecordedExchange(request.body)
        await self.app(scope_of(request), exchange.receive, exchange.send)
        return exchange.answer

    def time(self, requests: Sequence[Request], number: int) -> float:
        """Return how many microseconds one request takes, when all of them are asked `number` times in turn."""
        return self._runner.run(self._time(requests, number))

    async def _time(self, requests: Sequence[Request], number: int) -> float:
        app, make_exchange, until_turn = self.app, self.make_exchange, TURN
        prepared = [(scope_of(request), request.body) for request in requests]
        started = time.perf_counter()
        for _ in range(number):
            for scope, body in prepared:
                exchange = make_exchange(body)
                await app(scope.copy(), exchange.receive, exchange.send)
                until_turn -= 1
                if not until_turn:
                    until_turn = TURN
                    await asyncio.sleep(0)
        return (time.perf_counter() - started) / number / len(prepared) * 1e6


class PiecewiseWSGIDriver(WSGIDriver):
    """One whose body has to be read from something like a socket."""

    @staticmethod
    def make_input(body: bytes) -> io.BufferedReader:
        return io.BufferedReader(Pieces(body))


class PiecewiseASGIDriver(ASGIDriver):
    make_exchange = PiecewiseExchange


Driver = WSGIDriver | ASGIDriver
DRIVERS: dict[str, type[Driver]] = {"wsgi": WSGIDriver, "asgi": ASGIDriver}
PIECEWISE: dict[str, type[Driver]] = {"wsgi": PiecewiseWSGIDriver, "asgi": PiecewiseASGIDriver}
