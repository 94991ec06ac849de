"""Puts Flask's test client on the ASGI entry: each environ that it makes becomes an ASGI request to the same app.

What ASGI has no words for is lost: `wsgi.errors`, variables that come from no header, reason phrases.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from functools import cache
from queue import SimpleQueue
from typing import Any

from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wsgi import ClosingIterator

from dualapp import DualApp
from dualapp.exchange.asgi_exchange import ASGIExchange

CHUNK_SIZE = 64 * 1024
# Longer than any request of a suite takes; one that hangs fails its test.
# Only what hangs takes so long.
PATIENCE = 60.0
# With this Flask's test client asks for the context of a request, which it then enters again.
PRESERVE = "werkzeug.debug.preserve_context"
CGI_NAMES = {"CONTENT_TYPE": "content-type", "CONTENT_LENGTH": "content-length"}

Environ = dict[str, Any]
Message = dict[str, Any]


class OverASGI(DualApp):
    """A DualApp whose WSGI entry does nothing but ask its ASGI entry."""

    def wsgi(self, environ: Environ, start_response: Any) -> ClosingIterator:
        """Answer chunk by chunk; the app waits while nobody takes the next."""
        connection = Connection(self, environ)
        return ClosingIterator(connection.answer(start_response), connection.close)

    def _context_of(self, exchange: Any) -> Any:
        """Show the context of a request to the client that asked for it."""
        context = super()._context_of(exchange)
        if isinstance(exchange, ASGIExchange) and (keep := exchange.scope["extensions"].get(PRESERVE)) is not None:
            keep(context)
        return context


class Connection:
    """One ASGI request: the server's side of it on the server's loop, the client's in the thread of a test."""

    def __init__(self, app: OverASGI, environ: Environ) -> None:
        self.scope = scope_of(environ)
        self.body = body_of(environ)
        self.messages: SimpleQueue[Message] = SimpleQueue()
        self.room = asyncio.Semaphore(0)
        self.gone = asyncio.Event()
        # The context variables go along, as they do where a test calls a WSGI app.
        self.task = asyncio.run_coroutine_threadsafe(self.run(app), server_loop())

    async def run(self, app: OverASGI) -> BaseException | None:
        error: BaseException | None = None
        try:
            await app.asgi(self.scope, self.receive, self.send)
        except BaseException as raised:  # KeyboardInterrupt and SystemExit are for the test: they would end the loop
            error = raised
        self.messages.put({"type": "end"})
        return error

    async def receive(self) -> Message:
        if (message := next(self.body, None)) is None:
            await self.gone.wait()
            return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        if not self.gone.is_set():
            await self.room.acquire()
            self.messages.put(message)

    def answer(self, start_response: Any) -> Iterator[bytes]:
        start = self.take("http.response.start")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
        phrase = HTTP_STATUS_CODES.get(start["status"], "unknown").upper()  # as Werkzeug would have it
        start_response(f"{start['status']} {phrase}", headers)
        more = True
        while more:
            message = self.take("http.response.body")
            more = message.get("more_body", False)
            if not more:  # who has the last chunk may rely on it that the teardown functions have run
                self.take("end")
            yield message.get("body", b"")

    def take(self, kind: str) -> Message:
        """Let the app go on to its next message and return it; raise what the app raised."""
        server_loop().call_soon_threadsafe(self.room.release)
        message = self.messages.get(timeout=PATIENCE)
        if message["type"] == "end" and (error := self.task.result(PATIENCE)) is not None:
            raise error
        assert message["type"] == kind, f"{message} where {kind} must be"
        return message

    def close(self) -> None:
        """Leave, and wait until the app has noticed.

        Nobody else may call this, the garbage collector least of all, which may run in the thread of the loop.
        """
        server_loop().call_soon_threadsafe(self.leave)
        self.task.result(PATIENCE)

    def leave(self) -> None:
        self.gone.set()
        self.room.release()


@cache
def server_loop() -> asyncio.AbstractEventLoop:
    """The loop of the server: one for all requests, on a thread of its own."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="server", daemon=True).start()
    return loop


def scope_of(environ: Environ) -> dict[str, Any]:
    """Say in ASGI's words what a server would have read from the wire."""
    root_path = decoded(environ.get("SCRIPT_NAME", ""))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": environ.get("SERVER_PROTOCOL", "HTTP/1.1").removeprefix("HTTP/"),
        "method": environ["REQUEST_METHOD"],
        "scheme": environ["wsgi.url_scheme"],
        "path": root_path + decoded(environ.get("PATH_INFO", "")),
        "raw_path": environ.get("RAW_URI", "").partition("?")[0].encode("latin-1"),
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
        "root_path": root_path,
        "headers": list(headers_of(environ)),
        "server": (environ["SERVER_NAME"], int(environ["SERVER_PORT"])),
        "client": (environ["REMOTE_ADDR"], int(environ.get("REMOTE_PORT", 0))) if "REMOTE_ADDR" in environ else None,
        "state": {},
        "extensions": {PRESERVE: environ.get(PRESERVE)},
    }


def decoded(text: str) -> str:
    """Decode a path of PEP 3333, whose characters stand for bytes."""
    return text.encode("latin-1").decode("utf-8", "replace")


def headers_of(environ: Environ) -> Iterator[tuple[bytes, bytes]]:
    for key, value in environ.items():
        name = CGI_NAMES.get(key) or (key[5:].lower().replace("_", "-") if key.startswith("HTTP_") else None)
        if name is not None:
            yield name.encode("latin-1"), str(value).encode("latin-1")
    if environ.get("wsgi.input_terminated") and "CONTENT_LENGTH" not in environ:
        yield b"transfer-encoding", b"chunked"


def body_of(environ: Environ) -> Iterator[Message]:
    """Give the body as a server would: as much as was announced, or that the client has left before."""
    length = environ.get("CONTENT_LENGTH") or (None if environ.get("wsgi.input_terminated") else "0")
    stream = environ["wsgi.input"]
    body = stream.read(*(() if length is None else (int(length),)))
    stream.seek(-len(body), os.SEEK_CUR)  # a client that is redirected sends its body again
    for start in range(0, len(body) or 1, CHUNK_SIZE):
        chunk = body[start : start + CHUNK_SIZE]
        left = start + CHUNK_SIZE < len(body) or (length is not None and len(body) < int(length))
        yield {"type": "http.request", "body": chunk, "more_body": left}
