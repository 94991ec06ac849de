"""The cases of adapters that serve a WSGI app to ASGI servers."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from werkzeug.wrappers import Request, Response

from ...support.entry_driver import LOOP, AsgiExchange, Ask, scope_of
from ...support.waiting import LIMIT, wait_for
from .table import TO_ASGI, Adapter, ask_asgi, case, program

variable: ContextVar[str] = ContextVar("variable", default="unset")


def echo(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


@case(TO_ASGI, "a body with a length")
def with_length(adapt: Adapter) -> None:
    sent = bytes(range(256)) * 1000
    assert ask_asgi(adapt(echo), Ask("POST", body=sent)).body == sent


@case(TO_ASGI, "a chunked body")
def chunked(adapt: Adapter) -> None:
    chunks = [b"x" * 70_000, b"y", b"z" * 100_000]
    assert ask_asgi(adapt(echo), Ask("POST", body=chunks)).body == b"".join(chunks)


@case(TO_ASGI, "a chunked body, for Werkzeug's parsers (`wsgi.input_terminated`)")
def terminated(adapt: Adapter) -> None:
    @Request.application
    def app(request: Request) -> Response:
        return Response(request.get_data())

    assert ask_asgi(adapt(app), Ask("POST", body=[b"x" * 70_000, b"y"])).body == b"x" * 70_000 + b"y"


@case(TO_ASGI, "`wsgi.input` has lines, and reads of a size")
def lines(adapt: Adapter) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        stream = environ["wsgi.input"]
        read = [stream.readline(), stream.read(2), stream.readline(1), stream.readlines(2), list(stream), stream.read()]
        return [repr(read).encode()]

    answer = ask_asgi(adapt(app), Ask("POST", body=b"one\ntwo\nthree\nfour\nfive"))
    assert answer.text == repr([b"one\n", b"tw", b"o", [b"\n", b"three\n"], [b"four\n", b"five"], b""])


@case(TO_ASGI, "a body is there while it arrives")
def body_streams(adapt: Adapter) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        stream = environ["wsgi.input"]
        first = stream.read(65536)
        start_response("200 OK", [])
        yield str(len(first)).encode()
        yield str(len(stream.read())).encode()

    begun = threading.Event()
    was_needed: list[bool] = []

    def chunks() -> Iterator[bytes]:
        yield b"a" * 65536
        for _ in range(200):  # more than any buffer should take
            if begun.is_set():
                break
            yield b"b" * 65536
        was_needed.append(not begun.is_set())
        yield b"c"

    class Exchange(AsgiExchange):
        def send_body(self, message: Any) -> None:
            super().send_body(message)
            begun.set()

    answer = LOOP.run(Exchange(Ask("POST", body=chunks())).run(adapt(app)))
    assert answer.text.startswith("65536")
    assert was_needed == [False]


@case(TO_ASGI, "a client that breaks off its body is an error of the read, or an end")
def broken_body(adapt: Adapter) -> None:
    seen: list[bool] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        try:
            seen.append(len(environ["wsgi.input"].read()) < 200)
        except Exception:
            seen.append(True)
            raise
        start_response("200 OK", [])
        return [b""]

    ask_asgi(adapt(app), Ask("POST", body=b"x" * 100, length=200, truncated=True))
    assert seen == [True]


@case(TO_ASGI, "each chunk of the response goes out when it is made")
def response_streams(adapt: Adapter) -> None:
    read = threading.Event()

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"a"
        assert read.wait(LIMIT)
        yield b"b"

    class Exchange(AsgiExchange):
        def send_body(self, message: Any) -> None:
            super().send_body(message)
            if message.get("body"):
                read.set()

    assert LOOP.run(Exchange(Ask()).run(adapt(app))).body == b"ab"


@case(TO_ASGI, "a slow client slows the app down")
def back_pressure(adapt: Adapter) -> None:
    made: list[int] = []

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        for number in range(400):
            made.append(number)
            yield b"x" * 65536

    class Slow(AsgiExchange):
        async def send(self, message: Any) -> None:
            await super().send(message)
            if message.get("body") and len(self.answer.chunks) == 1:
                for _ in range(10):
                    before = len(made)
                    await asyncio.sleep(0.05)
                    if len(made) == before:
                        break
                assert len(made) < 100

    assert LOOP.run(Slow(Ask()).run(adapt(app))).error is None


class Body:
    """An iterable that notes how often it is closed."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks = iter(chunks)
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks

    def close(self) -> None:
        self.closed += 1


def lasting(ended: list[bool]) -> Iterator[bytes]:
    """Give chunks for some seconds: an adapter that does not stop has its thread back in time for the next case."""
    for _ in range(600):
        yield b"x" * 1000
        threading.Event().wait(0.005)
    ended.append(True)


def failing() -> Iterator[bytes]:
    yield b"x"
    raise LookupError("late")


@case(TO_ASGI, "`close()` is called once, at the end or after an error")
def closing(adapt: Adapter) -> None:
    for chunks in ([b"a", b"b"], failing(), []):
        made = Body(chunks)

        def app(environ: Any, start_response: Any, made: Body = made) -> Body:
            start_response("200 OK", [])
            return made

        ask_asgi(adapt(lambda environ, start_response, app=app: app(environ, start_response)))
        wait_for(lambda made=made: made.closed == 1, because=lambda made=made: made.closed)


@case(TO_ASGI, "a client that leaves has `close()` called")
def leaving(adapt: Adapter) -> None:
    ended: list[bool] = []
    made = Body(lasting(ended))

    def app(environ: Any, start_response: Any) -> Body:
        start_response("200 OK", [])
        return made

    ask_asgi(adapt(app), Ask(leave=2))
    wait_for(lambda: made.closed == 1)
    assert not ended


@case(TO_ASGI, "the function `write` that `start_response` returns")
def write(adapt: Adapter) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [])
        write(b"a")
        write(b"b")
        return [b"c"]

    assert ask_asgi(adapt(app)).body == b"abc"


@case(TO_ASGI, "`exc_info` replaces a head that is not sent, and raises after that")
def exc_info(adapt: Adapter) -> None:
    def early(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("X-A", "1")])
        try:
            raise LookupError
        except LookupError:
            start_response("500 Oh", [("X-B", "2")], sys.exc_info())
        return [b"error"]

    def late(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"a"
        try:
            raise LookupError("late")
        except LookupError:
            start_response("500 Oh", [], sys.exc_info())
        yield b"not sent"

    answer = ask_asgi(adapt(early))
    assert (answer.status, answer.headers, answer.body) == (500, [("x-b", "2")], b"error")
    answer = ask_asgi(adapt(late))
    assert (answer.status, answer.body, type(answer.error)) == (200, b"a", LookupError)


@case(TO_ASGI, "a head may be replaced until the first byte")
def late_head(adapt: Adapter) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b""
        try:
            raise LookupError
        except LookupError:
            start_response("500 Oh", [], sys.exc_info())
        yield b"error"

    answer = ask_asgi(adapt(app))
    assert (answer.status, answer.body) == (500, b"error")


@case(TO_ASGI, "`start_response` may be called with the first chunk")
def late_start(adapt: Adapter) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("201 Created", [])
        yield b"x"

    answer = ask_asgi(adapt(app))
    assert (answer.status, answer.body) == (201, b"x")


@case(TO_ASGI, "an error before the first byte reaches the server")
def early_error(adapt: Adapter) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        raise LookupError("early")

    answer = ask_asgi(adapt(app))
    assert type(answer.error) is LookupError
    assert answer.status == 0


@case(TO_ASGI, "a late error breaks the response off")
def late_error(adapt: Adapter) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        return failing()

    answer = ask_asgi(adapt(app))
    assert (type(answer.error), answer.body, answer.complete) == (LookupError, b"x", False)


@case(TO_ASGI, "an app that does not call `start_response` is an error")
def no_response(adapt: Adapter) -> None:
    for chunks in ([], [b"x"]):
        assert ask_asgi(adapt(lambda environ, start_response, chunks=chunks: chunks)).error is not None


@case(TO_ASGI, "HEAD, 204 and 304 have no body")
def bodiless(adapt: Adapter) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response(environ["PATH_INFO"][1:] + " Status", [])
        return [b"x" * 100, b"y"]

    adapted = adapt(app)
    for ask, status in ((Ask("HEAD", "/200"), 200), (Ask(target="/204"), 204), (Ask(target="/304"), 304)):
        answer = ask_asgi(adapted, ask)
        assert (answer.status, answer.body, answer.error) == (status, b"", None)


@case(TO_ASGI, "no more than its `Content-Length` is sent")
def too_long(adapt: Adapter) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "8")])
        return [b"0123", b"45", b"6789", b"10"]

    answer = ask_asgi(adapt(app))
    assert (answer.body, answer.complete, answer.error) == (b"01234567", True, None)


@case(TO_ASGI, "a response without any chunk")
def empty(adapt: Adapter) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("201 Created", [("X-A", "1")])
        return []

    answer = ask_asgi(adapt(app))
    assert (answer.status, answer.headers, answer.body, answer.complete) == (201, [("x-a", "1")], b"", True)


@case(TO_ASGI, "`root_path` is `SCRIPT_NAME`, and `PATH_INFO` is what follows it")
def root_path(adapt: Adapter) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [f"{environ['SCRIPT_NAME']} {environ['PATH_INFO']} {environ['QUERY_STRING']}".encode("latin-1")]

    answer = ask_asgi(adapt(app), Ask(target="/shop/caf%C3%A9?q=%20a", root="/shop"))
    assert answer.text == "/shop /café q=%20a"


@case(TO_ASGI, "`RAW_URI` has `%2F`, as from gunicorn")
def raw_uri(adapt: Adapter) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [environ.get("RAW_URI", "").encode()]

    assert ask_asgi(adapt(app), Ask(target="/a%2Fb%20?c=%2F")).text == "/a%2Fb%20?c=%2F"


@case(TO_ASGI, "the addresses, the scheme and the protocol")
def addresses(adapt: Adapter) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        names = ("SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "REMOTE_ADDR", "wsgi.url_scheme")
        return [" ".join(environ[name] for name in names).encode()]

    answer = ask_asgi(adapt(app), scheme="https")
    assert answer.text == "127.0.0.1 80 HTTP/1.1 127.0.0.1 https"


@case(TO_ASGI, "headers beyond ASCII, and repeated ones")
def headers(adapt: Adapter) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        pairs = [("X-Echo", environ["HTTP_X_NAME"]), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
        start_response("200 OK", pairs)
        return [environ["HTTP_COOKIE"].encode()]

    fields = [("X-Name", "caf\xe9"), ("X-Name", "b"), ("Cookie", "c=1"), ("Cookie", "d=2")]
    answer = ask_asgi(adapt(app), Ask(headers=fields))
    assert answer.header("x-echo") == "caf\xe9,b"
    assert answer.all("set-cookie") == ["a=1", "b=2"]
    assert answer.text == "c=1; d=2"


@case(TO_ASGI, "a name with an underscore cannot pose as one with a hyphen")
def underscores(adapt: Adapter) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [environ.get("HTTP_X_USER", "nobody").encode()]

    assert ask_asgi(adapt(app), Ask(headers=[("X_User", "root")])).text == "nobody"


@case(TO_ASGI, "context variables go in")
def variables_in(adapt: Adapter) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield variable.get().encode()

    adapted = adapt(app)

    async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
        variable.set("outer")
        await adapted(scope, receive, send)

    assert ask_asgi(asgi_app).text == "outer"


@case(TO_ASGI, "and come out")
def variables_out(adapt: Adapter) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        variable.set("inner")
        start_response("200 OK", [])
        return [b"x"]

    seen = []
    adapted = adapt(app)

    async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
        await adapted(scope, receive, send)
        seen.append(variable.get())

    ask_asgi(asgi_app)
    assert seen == ["inner"]


@case(TO_ASGI, "requests at once")
def at_once(adapt: Adapter) -> None:
    barrier = threading.Barrier(8)

    def app(environ: Any, start_response: Any) -> list[bytes]:
        barrier.wait(LIMIT)
        start_response("200 OK", [])
        return [b"x"]

    adapted = adapt(app)

    async def all_of_them() -> None:
        await asyncio.gather(*(AsgiExchange(Ask()).run(adapted) for _ in range(8)))

    LOOP.run(all_of_them())


@case(TO_ASGI, "`wsgi.file_wrapper` is there, and sends a file")
def file_wrapper(adapt: Adapter) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](open(__file__, "rb"))

    assert ask_asgi(adapt(app)).body == Path(__file__).read_bytes()


@case(TO_ASGI, "and by its path, where the server has `http.response.pathsend`")
def pathsend(adapt: Adapter) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](open(__file__, "rb"))

    messages: list[Any] = []
    exchange = AsgiExchange(Ask())

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {**scope_of(exchange.ask), "extensions": {"http.response.pathsend": {}}}
    LOOP.run(adapt(app)(scope, exchange.receive, send))
    assert messages[-1] == {"type": "http.response.pathsend", "path": __file__}


@case(TO_ASGI, "the server's lifespan messages are answered")
def lifespan(adapt: Adapter) -> None:
    sent: list[str] = []
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    LOOP.run(adapt(echo)({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@case(TO_ASGI, "a websocket is refused")
def websocket(adapt: Adapter) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    scope = {**scope_of(Ask()), "type": "websocket", "scheme": "ws", "subprotocols": []}
    LOOP.run(adapt(echo)(scope, receive, send))
    assert sent == ["websocket.close"]


@case(TO_ASGI, "an adapter made before a fork works after it (`gunicorn --preload`)")
def fork(adapt: Adapter) -> None:
    # Two children: at the first fork a thread of a pool may not know yet that it has nothing to do.
    text = """
import asyncio, os, signal
from tests.parity.adapters.to_asgi import Ask, echo
from tests.support.entry_driver import AsgiExchange
app = adapt(echo)

def ask(body):
    print(asyncio.run(AsgiExchange(Ask("POST", body=body)).run(app)).text, flush=True)

ask(b"parent")
for child in (b"first", b"second"):
    if os.fork() == 0:
        signal.alarm(30)
        ask(child)
        os._exit(0)
    os.wait()
"""
    assert program(adapt, text) == "parent\nfirst\nsecond\n"
