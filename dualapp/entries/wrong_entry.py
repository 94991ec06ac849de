"""Say which command is right when a server calls the entry of another protocol.

ASGI servers and granian's RSGI side get the error at startup, and end. A WSGI server calls nothing before the first
request, and answers each with its own error page.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from ..exchange.translation import Message, Scope

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class WrongEntry(TypeError):
    """A server speaks another protocol than the entry that it was given."""


def refuse_wsgi_server() -> NoReturn:
    """Raise WrongEntry: a WSGI server has called the ASGI entry."""
    raise WrongEntry(f"`app.asgi` is for ASGI servers, and this is a WSGI server: {advice('asgi', 'wsgi')}.")


def refuse_asgi_server(scope: Scope, receive: Receive | None, send: Send | None) -> Any:
    """Tell an ASGI server that it has called the WSGI entry; one that takes the app for ASGI 2 passes a scope only."""
    tell = partial(tell_asgi_server, scope)
    return tell if receive is None or send is None else tell(receive, send)


async def tell_asgi_server(scope: Scope, receive: Receive, send: Send) -> None:
    error = WrongEntry(f"`app.wsgi` is for WSGI servers, and this is an ASGI server: {advice('wsgi', 'asgi')}.")
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.failed", "message": str(error)})
    raise error


def refuse_rsgi_server(*_: Any) -> NoReturn:
    """End granian, which speaks RSGI unless it is told another interface; it calls `__rsgi_init__` when it starts."""
    program, words = command()
    interface = "wsgi" if any(word.endswith(".wsgi") for word in words) else "asgi"
    sys.exit(
        f"dualapp speaks WSGI and ASGI, not RSGI. Run `{shlex.join([program, '--interface', interface, *words])}`."
    )


def advice(entry: str, right: str) -> str:
    """Return the command of this process with the right entry, or how it would have to end."""
    program, words = command()
    changed = [word.removesuffix(f".{entry}") + f".{right}" if is_app(word, entry) else word for word in words]
    return f"serve `app.{right}`" if changed == words else f"run `{shlex.join([program, *changed])}`"


def is_app(word: str, entry: str) -> bool:
    """Tell whether a word of a command names an app by its entry: `module:app.wsgi`."""
    return ":" in word and word.endswith(f".{entry}")


def command() -> tuple[str, list[str]]:
    """Return the program that was started, and its arguments."""
    program, *words = sys.argv
    return Path(program).name, words
