"""Drives the two entries of an app as a good server would, with nothing in between.

A test client buffers and forgives.  This one turns one raw request into what gunicorn makes of it (`environ`) and
into what uvicorn makes of it (`scope`, `receive`, `send`), keeps each chunk of the answer apart, and holds the app to
the letter of the two protocols: PEP 3333, and https://asgi.readthedocs.io/en/latest/specs/www.html.
"""

from __future__ import annotations

import asyncio
import io
import json as json_
import re
import sys
import threading
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partialmethod
from typing import Any, TypeVar
from urllib.parse import unquote, unquote_to_bytes, urlencode
from wsgiref.util import FileWrapper

from .waiting import LIMIT, LONG

T = TypeVar("T")
Headers = list[tuple[str, str]]
BODYLESS = {204, 304}


class Violation(AssertionError):
    """The app broke the protocol of the entry."""


@dataclass(frozen=True)
class Ask:
    """One request, as it stands on the wire."""

    method: str = "GET"
    target: str = "/"
    headers: Sequence[tuple[str, str]] = ()
    #: Bytes are sent with their length; anything else is sent chunk by chunk, without one.
    body: bytes | Iterable[bytes] = b""
    #: What Content-Length says, when it is not the truth.
    length: int | str | None = None
    #: Where the app is mounted; `target` begins with it.
    root: str = ""
    #: Whether a header says that there is a body; HTTP/1.1 has none otherwise, ASGI may.
    announced: bool = True
    #: The client goes away before the end of the body.
    truncated: bool = False
    #: The client goes away after so many chunks of the answer; 0: at once, and a WSGI server does not read the answer.
    leave: int | None = None

    @cached_property
    def chunks(self) -> Iterable[bytes]:
        if isinstance(self.body, bytes):
            return [self.body] if self.body else []
        return self.body

    @cached_property
    def fields(self) -> Headers:
        return [*self.host(), *self.headers, *self.framing()]

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    def host(self) -> Headers:
        known = any(name.lower() == "host" for name, _ in self.headers)
        return [] if known else [("Host", "localhost")]

    def framing(self) -> Headers:
        if not self.announced:
            return []
        if self.length is not None:
            return [("Content-Length", str(self.length))]
        if isinstance(self.body, bytes):
            return [("Content-Length", str(len(self.body)))] if self.body else []
        return [("Transfer-Encoding", "chunked")]


@dataclass
class Answer:
    status: int = 0
    reason: str = ""
    headers: Headers = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    #: What the entry let escape to the server.
    error: BaseException | None = None
    complete: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        assert self.header("content-type") == "application/json", (self.headers, self.body)
        return json_.loads(self.body)

    def header(self, name: str) -> str | None:
        """The only value of a header: a header that is there twice is a mistake, or a case for `all`."""
        values = self.all(name)
        assert len(values) < 2, values
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]

    @property
    def cookie(self) -> tuple[str, str]:
        """The header with which a browser would send back the cookies of this answer."""
        return "Cookie", "; ".join(value.partition(";")[0] for value in self.all("set-cookie"))

    def check(self, ask: Ask) -> None:
        if ask.method == "HEAD" or self.status in BODYLESS:
            require(not self.body, f"a body where none may be: {self.body!r}")
        elif self.complete and (length := self.header("content-length")) is not None:
            require(len(self.body) == int(length), f"Content-Length {length} for {len(self.body)} bytes")
        if self.status in BODYLESS:
            require(self.header("content-length") is None, "a length without a body")

    def comparable(self) -> tuple[Any, ...]:
        return self.status, [mask(*header) for header in self.headers], self.body, type(self.error)


def mask(name: str, value: str) -> tuple[str, str]:
    """Take out what chance decides: sessions, which may be random, signed times, and what `mask_time` does."""
    if name == "set-cookie":
        value = re.sub(r"(?<=session=)[^;]+|\.[\w-]{6}\.[\w-]{27,}(?=;)", "...", value)
    return mask_time(name, value)


def mask_time(name: str, value: str) -> tuple[str, str]:
    """Take out the time in dates, and the order of Werkzeug's method sets."""
    if name == "allow":
        value = ", ".join(sorted(value.split(", ")))
    if name == "set-cookie":
        value = re.sub(r"Expires=(?!Thu, 01 Jan 1970)[^;]+", "Expires=...", value)
    return (name, "...") if name in ("date", "expires") else (name, value)


def require(fact: object, complaint: str) -> None:
    if not fact:
        raise Violation(complaint)


# ---------------------------------------------------------------------------------------------------------------- WSGI


class Input(io.RawIOBase):
    """`wsgi.input` of a server that knows where the body ends."""

    def __init__(self, ask: Ask) -> None:
        self.chunks, self.rest = filter(None, ask.chunks), b""
        # Within a Content-Length the server just finds the end of the file; a missing last chunk it can tell.
        self.broken = ask.truncated and ask.length is None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.rest = self.rest or next(self.chunks, b"")
        if not self.rest and self.broken:
            raise OSError("the client went away within a chunk")
        size = min(len(buffer), len(self.rest))
        buffer[:size], self.rest = self.rest[:size], self.rest[size:]
        return size


def environ_of(ask: Ask) -> dict[str, Any]:
    path = unquote_to_bytes(ask.path).decode("latin-1")
    require(path.startswith(ask.root), f"{path} is not below {ask.root}")
    return {
        "REQUEST_METHOD": ask.method,
        "SCRIPT_NAME": ask.root,
        "PATH_INFO": path[len(ask.root) :],
        "QUERY_STRING": ask.query,
        "RAW_URI": ask.target,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "drive",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "50000",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BufferedReader(Input(ask)),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        **dict(variables(ask.fields)),
    }


def variables(fields: Headers) -> Iterator[tuple[str, str]]:
    """CGI variables of the headers: repeated ones joined, those with underscores dropped."""
    joined: dict[str, str] = {}
    for name, value in fields:
        if "_" not in name:
            key = name.upper().replace("-", "_")
            glue = "; " if key == "COOKIE" else ","
            joined[key] = f"{joined[key]}{glue}{value}".rstrip() if key in joined else value
    for key, value in joined.items():
        yield key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}", value


class WsgiExchange:
    def __init__(self, ask: Ask) -> None:
        self.ask, self.answer, self.started, self.violation = ask, Answer(), False, ""

    def require(self, fact: object, complaint: str) -> None:
        """Complain now and at the end: the app may well catch what start_response raises."""
        self.violation = self.violation or ("" if fact else complaint)
        require(fact, complaint)

    def start_response(self, status: str, headers: Headers, exc_info: Any = None) -> Any:
        if exc_info and self.answer.chunks:
            raise exc_info[1]
        self.require(exc_info or not self.started, "start_response called twice")
        self.require(re.fullmatch(r"[1-9]\d\d .*", status), f"status {status!r}")
        self.require(type(headers) is list, f"headers are a {type(headers)}")
        for name, value in headers:
            self.require(type(name) is str and type(value) is str, f"header {name!r}: {value!r}")
            self.require(re.fullmatch(r"[!#$%&'*+.^_`|~\w-]+", name), f"header name {name!r}")
            self.require(not re.search(r"[\r\n\0]", value), f"header value {value!r}")
            value.encode("latin-1")
        self.started = True
        self.answer.status, self.answer.reason = int(status[:3]), status[4:]
        self.answer.headers = [(name.lower(), value) for name, value in headers]
        return self.answer.chunks.append

    def run(self, app: Any) -> Answer:
        try:
            self.iterate(app(environ_of(self.ask), self.start_response))
        except Violation:
            raise
        except Exception as error:
            self.answer.error = error
        require(not self.violation, self.violation)
        self.answer.check(self.ask)
        return self.answer

    def iterate(self, result: Iterable[bytes]) -> None:
        try:
            if self.ask.leave == 0:
                return
            for chunk in result:
                self.require(self.started, "a chunk before start_response")
                self.require(type(chunk) is bytes, f"a chunk is {chunk!r}")
                self.answer.chunks += [chunk] if chunk else []
                if len(self.answer.chunks) == self.ask.leave:
                    return
            self.require(self.started, "start_response never called")
            self.answer.complete = True
        finally:
            getattr(result, "close", bool)()


# ---------------------------------------------------------------------------------------------------------------- ASGI


class Loop:
    """The event loop of the server: it lives as long as the process, on a thread of its own."""

    @cached_property
    def loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, name="drive-asgi", daemon=True).start()
        return loop

    def run(self, coroutine: Coroutine[Any, Any, T], limit: float = LIMIT) -> T:
        # The loop cancels what hangs; if that hangs too, this thread goes on all the same.
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(coroutine, limit), self.loop).result(2 * limit)

    def tasks(self) -> set[asyncio.Task[Any]]:
        return asyncio.all_tasks(self.loop) if "loop" in vars(self) else set()


LOOP = Loop()


def scope_of(ask: Ask) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
        "method": ask.method,
        "root_path": ask.root,
        "path": unquote(ask.path),
        "raw_path": ask.path.encode("latin-1"),
        "query_string": ask.query.encode("latin-1"),
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in ask.fields],
        "state": {},
    }


#: What the messages of an app may have; `trailers` only if the server has said that it takes them.
KEYS = {
    "http.response.start": {"type", "status", "headers"},
    "http.response.body": {"type", "body", "more_body"},
}


class AsgiExchange:
    def __init__(self, ask: Ask) -> None:
        self.ask, self.answer, self.state, self.violation = ask, Answer(), "start", ""
        self.chunks: Iterator[bytes] | None = iter(ask.chunks)
        self.ahead = next(self.chunks, None)
        self.gone = asyncio.Event()
        if ask.leave == 0:
            self.gone.set()
        self.is_asked = False

    def require(self, fact: object, complaint: str) -> None:
        """Complain now and at the end: the app may well catch what send raises."""
        self.violation = self.violation or ("" if fact else complaint)
        require(fact, complaint)

    async def receive(self) -> dict[str, Any]:
        self.require(not self.is_asked, "receive called while it is awaited")
        self.is_asked = True
        try:
            return await self.next_message()
        finally:
            self.is_asked = False

    async def next_message(self) -> dict[str, Any]:
        """The chunks; then, only when asked and only when it is so, that the client went away or has its answer."""
        if self.chunks is None or self.gone.is_set():
            await self.gone.wait()
            return {"type": "http.disconnect"}
        await asyncio.sleep(0)
        chunk, self.ahead = self.ahead or b"", next(self.chunks, None)
        if self.ahead is None:
            self.chunks = None
        if self.ask.truncated and self.ahead is None:
            self.gone.set()
        return {"type": "http.request", "body": chunk, "more_body": self.ahead is not None or self.ask.truncated}

    async def send(self, message: dict[str, Any]) -> None:
        if self.gone.is_set() and not self.ask.truncated:
            self.require(self.ask.leave is not None, f"{message['type']} after the last body message")
            return  # A server keeps quiet when the client has left.
        kind, expected = message["type"], f"http.response.{self.state}"
        self.require(kind == expected, f"{kind} where {expected} must be")
        self.require(message.keys() <= KEYS[kind], f"a message with {sorted(message)}")
        getattr(self, f"send_{self.state}")(message)

    def send_start(self, message: dict[str, Any]) -> None:
        headers = [tuple(pair) for pair in message.get("headers", [])]
        self.require(type(message["status"]) is int, f"status {message['status']!r}")
        for name, value in headers:
            self.require(type(name) is bytes and type(value) is bytes, f"header {name!r}: {value!r}")
            self.require(re.fullmatch(rb"[!#$%&'*+.^_`|~0-9a-z-]+", name), f"header name {name!r}")
            self.require(not re.search(rb"[\r\n\0]", value), f"header value {value!r}")
        self.answer.status = message["status"]
        self.answer.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        self.state = "body"

    def send_body(self, message: dict[str, Any]) -> None:
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        self.require(type(chunk) is bytes, f"a chunk is {chunk!r}")
        self.require(type(more) is bool, f"more_body is {more!r}")
        self.answer.chunks += [chunk] if chunk else []
        if not more:
            self.answer.complete, self.state = True, "nothing"
        if self.answer.complete or len(self.answer.chunks) == self.ask.leave:
            self.gone.set()

    async def run(self, app: Any) -> Answer:
        try:
            await app(scope_of(self.ask), self.receive, self.send)
            left = self.ask.leave is not None or self.ask.truncated
            self.require(left or self.answer.complete, f"the app ended while {self.state} was to come")
        except Violation:
            raise
        except Exception as error:
            self.answer.error = error
        require(not self.violation, self.violation)
        self.answer.check(self.ask)
        return self.answer


# ---------------------------------------------------------------------------------------------------------- the client


class Client:
    """Speaks to one entry of one app: "wsgi", "asgi", or any other attribute that ends with one of the two."""

    def __init__(self, app: Any, entry: str, twin: Client | None = None) -> None:
        self.app, self.entry, self.twin = app, entry, twin

    def speak(self, ask: Ask) -> Answer:
        if self.entry.startswith("asgi"):
            return LOOP.run(self.speak_asgi(ask))
        return WsgiExchange(ask).run(getattr(self.app, self.entry))

    async def speak_asgi(self, ask: Ask) -> Answer:
        return await AsgiExchange(ask).run(getattr(self.app, self.entry))

    def request(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | Iterable[bytes] = b"",
        *,
        json: Any = None,
        form: Any = None,
        escapes: bool = False,
        **how: Any,
    ) -> Answer:
        """Ask, and ask plain Flask the same: its answer must be the same, and so must what escapes from it."""
        if json is not None:
            headers, body = [*headers, ("Content-Type", "application/json")], json_.dumps(json).encode()
        if form is not None:
            headers = [*headers, ("Content-Type", "application/x-www-form-urlencoded")]
            body = urlencode(form).encode()
        ask = Ask(method, target, tuple(headers), body, **how)
        answer = self.speak(ask)
        if answer.error is not None and not escapes:
            raise answer.error
        if self.twin is not None:
            ours, flask = answer.comparable(), self.twin.speak(ask).comparable()
            assert ours == flask, f"not what plain Flask answers:\n  {ours}\n  {flask}"
        return answer

    get = partialmethod(request, "GET")
    head = partialmethod(request, "HEAD")
    post = partialmethod(request, "POST")
    put = partialmethod(request, "PUT")
    patch = partialmethod(request, "PATCH")
    delete = partialmethod(request, "DELETE")
    options = partialmethod(request, "OPTIONS")

    def many(self, asks: Sequence[Ask], threads: int = 32) -> list[Answer]:
        """All at once: tasks of one loop under ASGI, a pool of server threads under WSGI."""
        if self.entry.startswith("asgi"):
            return LOOP.run(self.gather(asks), LONG)
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(self.speak, asks))

    async def gather(self, asks: Sequence[Ask]) -> list[Answer]:
        return await asyncio.gather(*map(self.speak_asgi, asks))
