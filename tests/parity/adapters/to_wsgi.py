"""The cases of adapters that serve an ASGI app to WSGI servers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from ...support.entry_driver import Ask, WsgiExchange, environ_of
from ...support.waiting import LIMIT, wait_for
from .table import TO_WSGI, Adapter, ask_wsgi, case, program

variable: ContextVar[str] = ContextVar("variable", default="unset")


def start(status: int = 200, *headers: tuple[bytes, bytes]) -> Any:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(chunk: bytes, more: bool = False) -> Any:
    return {"type": "http.response.body", "body": chunk, "more_body": more}


def requests_only(app: Any) -> Any:
    """Give an app no lifespan: it raises for that scope, as the ASGI spec has it."""

    async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError  # the way to tell a server that there is no lifespan here
        await app(scope, receive, send)

    return asgi_app


@requests_only
async def echo(scope: Any, receive: Any, send: Any) -> None:
    received = b""
    while True:
        message = await receive()
        received += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send(start())
    await send(body(received))


@case(TO_WSGI, "a body with a length")
def with_length(adapt: Adapter) -> None:
    sent = bytes(range(256)) * 1000
    assert ask_wsgi(adapt(echo), Ask("POST", body=sent)).body == sent


@case(TO_WSGI, "a chunked body")
def chunked(adapt: Adapter) -> None:
    chunks = [b"x" * 70_000, b"y", b"z" * 100_000]
    assert ask_wsgi(adapt(echo), Ask("POST", body=chunks)).body == b"".join(chunks)


@case(TO_WSGI, "a body is there while it arrives")
def body_streams(adapt: Adapter) -> None:
    read = threading.Event()

    def chunks() -> Iterator[bytes]:
        yield b"a" * 65536
        assert read.wait(LIMIT)
        yield b"b" * 65536

    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        size, more = 0, True
        while more:
            message = await receive()
            size, more = size + len(message["body"]), message["more_body"]
            read.set()
        await send(start())
        await send(body(str(size).encode()))

    assert ask_wsgi(adapt(app), Ask("POST", body=chunks(), length=131072)).text == "131072"


@case(TO_WSGI, "a client that breaks off its body is reported")
def broken_body(adapt: Adapter) -> None:
    seen = []

    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] == "http.request" and message["more_body"]:
            pass
        seen.append(message["type"])
        await send(start())
        await send(body(b""))

    ask_wsgi(adapt(app), Ask("POST", body=b"x" * 100, length=200, truncated=True))
    assert seen == ["http.disconnect"]


@case(TO_WSGI, "after the body, `receive` waits for the end of the response")
def receive_waits(adapt: Adapter) -> None:
    seen: list[str] = []

    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        waiting = asyncio.create_task(receive())
        await asyncio.sleep(0.05)
        seen.append("done" if waiting.done() else "waits")
        await send(start())
        await send(body(b"x"))
        seen.append((await waiting)["type"])

    assert ask_wsgi(adapt(app)).body == b"x"
    wait_for(lambda: seen == ["waits", "http.disconnect"], because=lambda: seen)


@case(TO_WSGI, "each chunk of the response goes out when it is sent")
def response_streams(adapt: Adapter) -> None:
    read = threading.Event()

    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(body(b"a", more=True))
        assert await asyncio.to_thread(read.wait, LIMIT)
        await send(body(b"b"))

    class Exchange(WsgiExchange):
        def require(self, fact: object, complaint: str) -> None:
            super().require(fact, complaint)
            if self.started and complaint.startswith("a chunk is"):
                read.set()

    assert Exchange(Ask()).run(adapt(app)).body == b"ab"


@case(TO_WSGI, "a slow client slows the app down")
def back_pressure(adapt: Adapter) -> None:
    sent: list[int] = []

    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        for number in range(400):
            sent.append(number)
            await send(body(b"x" * 65536, more=True))
        await send(body(b""))

    chunks: Any = adapt(app)(environ_of(Ask()), WsgiExchange(Ask()).start_response)
    next(iter(chunks))
    for _ in range(10):
        before = len(sent)
        threading.Event().wait(0.05)
        if len(sent) == before:
            break
    chunks.close()
    assert len(sent) < 100


@case(TO_WSGI, "a client that leaves ends the app's work")
def leaving(adapt: Adapter) -> None:
    ended = threading.Event()

    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await send(start())
            while True:
                await send(body(b"x", more=True))
                await asyncio.sleep(0.01)
        finally:
            ended.set()

    ask_wsgi(adapt(app), Ask(leave=2))
    assert ended.wait(LIMIT)


@case(TO_WSGI, "a client that leaves ends an app that waits")
def leaving_while_it_waits(adapt: Adapter) -> None:
    ended = threading.Event()

    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await send(start())
            await send(body(b"x", more=True))
            await asyncio.Event().wait()
        finally:
            ended.set()

    ask_wsgi(adapt(app), Ask(leave=1))
    assert ended.wait(LIMIT)


@case(TO_WSGI, "an error before the first byte reaches the server")
def early_error(adapt: Adapter) -> None:
    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        raise LookupError("early")

    answer = ask_wsgi(adapt(app))
    assert type(answer.error) is LookupError
    assert answer.status == 0


@case(TO_WSGI, "a late error breaks the response off")
def late_error(adapt: Adapter) -> None:
    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(body(b"x", more=True))
        await asyncio.sleep(0.01)
        raise LookupError("late")

    answer = ask_wsgi(adapt(app))
    assert type(answer.error) is LookupError
    assert answer.body == b"x"


@case(TO_WSGI, "an app that sends no response, or half of one, is an error")
def no_response(adapt: Adapter) -> None:
    @requests_only
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    @requests_only
    async def half(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(body(b"x", more=True))
        await asyncio.sleep(0)

    for app in (silent, half):
        assert ask_wsgi(adapt(app)).error is not None


@case(TO_WSGI, "messages in the wrong order are errors in the app")
def wrong_order(adapt: Adapter) -> None:
    errors = []

    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in (body(b"early"), start(), start(201), body(b"x"), body(b"late")):
            try:
                await send(message)
            except Exception as error:
                errors.append(type(error))

    answer = ask_wsgi(adapt(app))
    assert (answer.status, answer.body) == (200, b"x")
    wait_for(lambda: len(errors) == 3, because=lambda: errors)


@case(TO_WSGI, "HEAD, 204 and 304 have no body")
def bodiless(adapt: Adapter) -> None:
    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(int(scope["path"][1:])))
        await send(body(b"x" * 100, more=True))
        await send(body(b"y"))

    adapted = adapt(app)
    for ask, status in ((Ask("HEAD", "/200"), 200), (Ask(target="/204"), 204), (Ask(target="/304"), 304)):
        answer = ask_wsgi(adapted, ask)
        assert (answer.status, answer.body, answer.error) == (status, b"", None)


@case(TO_WSGI, "`SCRIPT_NAME` is the `root_path`, with which `path` begins")
def root_path(adapt: Adapter) -> None:
    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(body(f"{scope['root_path']} {scope['path']} {scope['query_string'].decode()}".encode()))

    answer = ask_wsgi(adapt(app), Ask(target="/shop/caf%C3%A9?q=%20a", root="/shop"))
    assert answer.text == "/shop /shop/café q=%20a"


@case(TO_WSGI, "`raw_path` has `%2F`, where the server tells it")
def raw_path(adapt: Adapter) -> None:
    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(body(scope.get("raw_path") or b""))

    adapted = adapt(app)
    assert ask_wsgi(adapted, Ask(target="/a%2Fb?c")).body == b"/a%2Fb"

    def by_waitress(environ: Any, start_response: Any) -> Any:
        environ["REQUEST_URI"] = environ.pop("RAW_URI")
        return adapted(environ, start_response)

    assert ask_wsgi(by_waitress, Ask(target="/a%2Fb?c")).body == b"/a%2Fb"


@case(TO_WSGI, "headers beyond ASCII, and repeated ones")
def headers(adapt: Adapter) -> None:
    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        values = dict(scope["headers"])
        await send(start(200, (b"x-echo", values[b"x-name"]), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")))
        await send(body(b""))

    answer = ask_wsgi(adapt(app), Ask(headers=[("X-Name", "caf\xe9")]))
    assert answer.header("x-echo") == "caf\xe9"
    assert answer.all("set-cookie") == ["a=1", "b=2"]


@case(TO_WSGI, "hop-by-hop headers are kept from the server (PEP 3333)")
def hop_by_hop(adapt: Adapter) -> None:
    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(200, (b"connection", b"close"), (b"transfer-encoding", b"chunked"), (b"x-a", b"1")))
        await send(body(b""))

    assert ask_wsgi(adapt(app)).headers == [("x-a", "1")]


@case(TO_WSGI, "context variables go in")
def variables_in(adapt: Adapter) -> None:
    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(body(variable.get().encode()))

    token = variable.set("outer")
    try:
        assert ask_wsgi(adapt(app)).text == "outer"
    finally:
        variable.reset(token)


@case(TO_WSGI, "and do not come out into the thread's next request")
def variables_stay(adapt: Adapter) -> None:
    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        variable.set("inner")
        await send(start())
        await send(body(b""))

    ask_wsgi(adapt(app))
    assert variable.get() == "unset"


class WithLifespan:
    """An app that knows the lifespan protocol, and answers with its state."""

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            if self.fails:
                await send({"type": "lifespan.startup.failed", "message": "no database"})
                return
            scope["state"]["number"] = 7
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            print("stopped")
            return
        await send(start())
        await send(body(str(scope["state"]["number"]).encode()))


@case(TO_WSGI, "the lifespan starts before the first request, and fills `state`")
def lifespan(adapt: Adapter) -> None:
    adapted = adapt(WithLifespan())
    assert [ask_wsgi(adapted).text for _ in range(2)] == ["7", "7"]


@case(TO_WSGI, "and ends with the process")
def lifespan_ends(adapt: Adapter) -> None:
    text = """
from tests.parity.adapters.to_wsgi import WithLifespan, ask_wsgi
ask_wsgi(adapt(WithLifespan()))
"""
    assert program(adapt, text) == "stopped\n"


@case(TO_WSGI, "a startup that fails is an error")
def failing_startup(adapt: Adapter) -> None:
    adapted = adapt(WithLifespan(fails=True))
    for _ in range(2):
        error = ask_wsgi(adapted).error
        assert error is not None
        assert "no database" in str(error)


@case(TO_WSGI, "work after the response does not hold it up")
def background(adapt: Adapter) -> None:
    may_end, ended = threading.Event(), threading.Event()

    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(body(b"x"))
        assert await asyncio.to_thread(may_end.wait, LIMIT)
        ended.set()

    try:
        assert ask_wsgi(adapt(app)).body == b"x"
    finally:
        may_end.set()
    assert ended.wait(LIMIT)


@case(TO_WSGI, "`http.response.pathsend` sends a file with the server's `wsgi.file_wrapper`")
def pathsend(adapt: Adapter) -> None:
    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert "http.response.pathsend" in scope["extensions"]
        await send(start())
        await send({"type": "http.response.pathsend", "path": __file__})

    answer = ask_wsgi(adapt(app))
    assert answer.error is None
    assert answer.body == Path(__file__).read_bytes()


@case(TO_WSGI, "an adapter made before a fork works after it (`gunicorn --preload`)")
def fork(adapt: Adapter) -> None:
    text = """
import os, signal, sys
from tests.parity.adapters.to_wsgi import Ask, ask_wsgi, echo
app = adapt(echo)
ask_wsgi(app, Ask("POST", body=b"parent"))
if os.fork() == 0:
    signal.alarm(30)
    sys.stdout.write(ask_wsgi(app, Ask("POST", body=b"child")).text)
    sys.stdout.flush()
    os._exit(0)
os.wait()
"""
    assert program(adapt, text) == "child"


@case(TO_WSGI, "requests at once")
def at_once(adapt: Adapter) -> None:
    together = 20
    arrived: list[int] = []

    @requests_only
    async def app(scope: Any, receive: Any, send: Any) -> None:
        arrived.append(1)
        while len(arrived) < together:
            await asyncio.sleep(0.005)
        await send(start())
        await send(body(b"x"))

    adapted = adapt(app)
    threads = [threading.Thread(target=ask_wsgi, args=(adapted,), daemon=True) for _ in range(together)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive()
