"""Follow redirects from async code, by the rules of Werkzeug's client."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from flask.testing import FlaskClient
from werkzeug.test import ClientRedirectError

from ..exchange.translation import SCOPE_BASE, port_from
from .arguments import CLIENT_ADDRESS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

REDIRECTS = (301, 302, 303, 305, 307, 308)


async def follow(client: FlaskClient, response: Any, ask: Any) -> Any:
    """Follow redirects: send each request with `ask`, and return the last response."""
    history: list[Any] = []
    while response.status_code in REDIRECTS:
        if (response.location, response.status_code) in [(past.location, past.status_code) for past in history]:
            raise ClientRedirectError(f"{response.location} redirects to itself, directly or by way of others.")
        await response.get_data()
        await response.aclose()
        history.append(response)
        response = await ask(redirected(client, response))
        response.history = tuple(history)
    return response


def redirected(client: FlaskClient, response: Any) -> Any:
    """Return the request that a redirect asks for: what Werkzeug's client would open."""
    environ = response.request.environ
    rewind(environ)
    opener: Any = SimpleNamespace(
        allow_subdomain_redirects=client.allow_subdomain_redirects, open=lambda builder, buffered: builder
    )
    builder: Any = FlaskClient.resolve_redirect(opener, response)
    if SCOPE_BASE in environ:  # Quart's client gives `scope_base` to all requests
        kept = environ.keys() & {SCOPE_BASE, *CLIENT_ADDRESS}
        builder.environ_overrides = {name: environ[name] for name in kept}
    return builder


def rewind(environ: WSGIEnvironment) -> None:
    """Go back to the start of a body that was sent: a redirect with 307 or 308 asks for it again."""
    stream, length = environ["wsgi.input"], port_from(environ.get("CONTENT_LENGTH"))
    if length and stream.seekable():
        stream.seek(max(0, stream.seek(0, io.SEEK_END) - length))
