"""What an adapter between the protocols must do, as a table of cases, for ours and for those of others.

A case gets an adapter, and asserts. The words that it is registered with are its row in docs/mounts.md.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ...support.entry_driver import LOOP, Answer, AsgiExchange, Ask, WsgiExchange
from ...support.server_process import ROOT
from ...support.waiting import LIMIT

YES, NO = "yes", "no"
#: How long a case may take of which the table says that an adapter fails it: some hang.
HANGS = 10


@dataclass(frozen=True)
class Adapter:
    """A class or function that takes an app of one kind and returns one of the other."""

    module: str
    name: str

    def __call__(self, app: Any) -> Any:
        """Return the app in the other kind."""
        return getattr(import_module(self.module), self.name)(app)

    def __str__(self) -> str:
        return self.module.partition(".")[0]


Case = Callable[[Adapter], None]

TO_WSGI: dict[str, Case] = {}
TO_ASGI: dict[str, Case] = {}

#: Whose cases they are: the name of our adapter, the cases, and all adapters.
DIRECTIONS: dict[str, tuple[dict[str, Case], list[Adapter]]] = {
    "as_wsgi": (TO_WSGI, [Adapter("dualapp", "as_wsgi"), Adapter("a2wsgi", "ASGIMiddleware")]),
    "as_asgi": (
        TO_ASGI,
        [Adapter("dualapp", "as_asgi"), Adapter("a2wsgi", "WSGIMiddleware"), Adapter("asgiref.wsgi", "WsgiToAsgi")],
    ),
}


def case(table: dict[str, Case], words: str) -> Callable[[Case], Case]:
    """Register a case under the words of its row."""

    def register(function: Case) -> Case:
        table[words] = function
        return function

    return register


def ask_wsgi(app: Any, ask: Ask | None = None, **changes: Any) -> Answer:
    """Ask a WSGI app as a server would; `changes` are made to the environ."""

    def changed(environ: Any, start_response: Any) -> Any:
        environ.update(changes)
        return app(environ, start_response)

    return WsgiExchange(ask or Ask()).run(changed)


def ask_asgi(app: Any, ask: Ask | None = None, **changes: Any) -> Answer:
    """Ask an ASGI app as a server would; `changes` are made to the scope."""

    async def changed(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, **changes}, receive, send)

    return LOOP.run(AsgiExchange(ask or Ask()).run(changed))


def outcome(words: str, direction: str, adapter: Adapter, expected: str) -> tuple[str, BaseException | None]:
    """Run a case in a thread that may be left behind; tell whether the adapter passes, and what went wrong."""
    errors: list[BaseException | None] = []

    def run() -> None:
        try:
            DIRECTIONS[direction][0][words](adapter)
        except BaseException as error:
            errors.append(error)
        else:
            errors.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(2 * LIMIT if expected == YES else HANGS)
    error = errors[0] if errors else TimeoutError("it hangs")
    return (YES if error is None else NO), error


def program(adapter: Adapter, text: str) -> str:
    """Run a program of its own, in which `adapt` is the adapter; return what it prints."""
    head = f"from {adapter.module} import {adapter.name} as adapt\n"
    command = [sys.executable, "-c", head + text]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=True).stdout
