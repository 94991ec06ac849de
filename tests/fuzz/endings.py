"""Drive one request to its end, whoever ends it: the app, the client that leaves, or the server that cancels."""

from __future__ import annotations

import asyncio
import atexit
import re
import signal
import threading
import wsgiref.validate
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from inspect import iscoroutinefunction
from typing import Any
from unittest import mock
from wsgiref.validate import validator

from ..support.entry_driver import Answer, AsgiExchange, Client, Violation, WsgiExchange
from ..support.waiting import LIMIT
from .parts.waits import Gate
from .visits import Visit


def answer_of(client: Client, visit: Visit) -> Answer:
    """Send a request; what breaks the protocol, and what never comes, is the error of the answer."""
    try:
        with limited():
            answer = answer_on(client, visit)
    except Violation as error:
        return Answer(error=error)
    except Hang as error:
        client.app.extensions["gate"].is_open = True
        server_loop.cache_clear()  # that of before keeps what hangs
        return Answer(error=error)
    # Under WSGI the headers go with the first chunk (PEP 3333); if there is none, an error leaves it to the server.
    return answer if answer.error is None or answer.chunks else Answer(error=answer.error)


def answer_on(client: Client, visit: Visit) -> Answer:
    if client.entry.startswith("asgi"):
        return server_loop().run_until_complete(asgi_answer(client, visit))
    return wsgi_answer(client, visit)


@cache
def server_loop() -> asyncio.AbstractEventLoop:
    """The loop of the ASGI server, which runs in this thread while a request is answered, and no longer."""
    loop = asyncio.new_event_loop()
    atexit.register(loop.close)
    return loop


class Hang(AssertionError):
    pass


@contextmanager
def limited() -> Iterator[None]:
    """Raise in this thread, which is the main one, when something takes as long as only a hang can."""

    def give_up(*_: Any) -> None:
        raise Hang(f"no answer within {LIMIT} seconds")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# ---------------------------------------------------------------------------------------------------------------- WSGI


def wsgi_answer(client: Client, visit: Visit) -> Answer:
    app = getattr(client.app, client.entry)
    if visit.end in ("gone", "cancel"):  # a WSGI server does not tell
        visit = replace(visit, end="", leave=None)
    if client.entry == "wsgi" and is_valid(visit):  # in Flask, Werkzeug reads the input in a way that PEP 3333 lacks
        app = validator(app)
    return (BrokenWsgi if visit.end == "broken" else WsgiExchange)(visit).run(app)


class BrokenWsgi(WsgiExchange):
    """A server that finds the connection broken: at the start, or when it sends a chunk."""

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        write = super().start_response(status, headers, exc_info)
        if self.ask.leave == 0:
            raise OSError("the connection is broken")
        return write


def is_valid(visit: Visit) -> bool:
    """Tell whether `wsgiref.validate` lets the environ of a request pass."""
    return visit.target.removeprefix(visit.root).startswith("/") and not isinstance(visit.length, str)


# ---------------------------------------------------------------------------------------------------------------- ASGI


async def asgi_answer(client: Client, visit: Visit) -> Answer:
    app, gate = getattr(client.app, client.entry), client.app.extensions["gate"]
    exchange = (BrokenAsgi if visit.end == "broken" else AsgiExchange)(visit)
    if visit.end in ("gone", "cancel"):
        has_view = WAITING.fullmatch(exchange.ask.path) and visit.method in VIEWED
        is_async = has_view and iscoroutinefunction(client.app.view_functions.get("wait"))
        return await answer_at_gate(exchange, app, gate, bool(is_async))
    return await exchange.run(app)


#: The paths of the views that wait; there is no view for others that begin so, and hooks alone may wait in a thread.
WAITING = re.compile(r"/wait(/\d+)?")
#: The methods that these views answer.
VIEWED = {"GET", "HEAD", "OPTIONS", "POST"}


class BrokenAsgi(AsgiExchange):
    """A server whose `send` raises OSError (ASGI spec 2.4): from the start on, or from some chunk on."""

    async def send(self, message: dict[str, Any]) -> None:
        sent = len(self.answer.chunks) + (self.state != "start")
        if sent >= self.ask.leave:
            self.gone.set()
            raise OSError("the connection is broken")
        await super().send(message)


async def answer_at_gate(exchange: AsgiExchange, app: Any, gate: Gate, is_async: bool) -> Answer:
    """Have the client leave, or the task cancelled, while the request waits at the gate."""
    gate.is_open, gate.visitor = False, None
    task = asyncio.create_task(exchange.run(app))
    try:
        while gate.visitor is None and not task.done():
            await asyncio.sleep(0.001)
        if exchange.ask.end == "cancel":
            task.cancel()
        else:
            exchange.gone.set()
        # A thread cannot be cancelled, nor can the async hooks of a sync view: they are let through. Who waits on the
        # loop for an async view is cancelled, or waits forever.
        gate.is_open = gate.visitor != threading.get_ident() or not is_async
        await asyncio.wait([task])
    finally:
        gate.is_open = True
    return exchange.answer if task.cancelled() else task.result()


class Input(wsgiref.validate.InputWrapper):  # type: ignore[misc]  # typeshed lacks it
    """Can be read without a size, which PEP 3333 allows and the validator does not."""

    def read(self, size: int = -1) -> bytes:
        data: bytes = super().read(size)
        return data


def do_nothing(status: str, headers: object) -> None:
    """Stand in for a check."""


@contextmanager
def lenient_validator() -> Iterator[None]:
    """Let Python's validator pass a Content-Type in a 204 and a 304, and none elsewhere: RFC 9110 and Flask do so."""
    with (
        mock.patch.object(wsgiref.validate, "check_content_type", do_nothing),
        mock.patch.object(wsgiref.validate, "InputWrapper", Input),
    ):
        yield
