"""Quart's `app.run` and `run_task`: its arguments for Flask's development server, and what Hypercorn is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from logging import Logger
from typing import Any


def server_options(certfile: str | None, keyfile: str | None, ca_certs: str | None) -> dict[str, Any]:
    """Return the options of Werkzeug's server for a TLS certificate; none if there is no certificate.

    Raises ValueError for a key or CA certificates without a certificate: the server would not be encrypted.
    """
    if certfile is None:
        if keyfile or ca_certs:
            raise ValueError("app.run(): `keyfile` and `ca_certs` are of use only with `certfile`, which is missing.")
        return {}
    from werkzeug.serving import load_ssl_context  # imported late: no other server needs it

    context = load_ssl_context(certfile, keyfile)
    if ca_certs is not None:
        context.load_verify_locations(ca_certs)
    return {"ssl_context": context}


def asgi_function(app: Callable[..., Awaitable[None]], logger: Logger) -> Callable[..., Awaitable[None]]:
    """Return an ASGI app as Quart's `run_task` needs it: a function with a logger.

    On Python 3.11 only an `async def` function tells Hypercorn that it is ASGI's.
    """

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    vars(serve)["logger"] = logger
    return serve
