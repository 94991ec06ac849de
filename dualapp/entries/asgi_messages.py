"""The messages in which the ASGI entry sends a response (ASGI spec, "Response Start" and "Response Body")."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import flask

from ..compat.upstream import close_functions
from ..exchange.translation import Message
from ..pipeline.context_states import STREAMING
from ..shortcuts.plain_response import Plain, RawPairs, raw_pairs
from ..wrappers.sending import parts_of_finished
from .disconnect import DisconnectWatch

if TYPE_CHECKING:
    from ..pipeline.context import Context

Send = Callable[[Message], Awaitable[None]]

GET_WSGI_HEADERS = flask.Response.get_wsgi_headers


def messages_of(context: Context) -> tuple[Message, Message] | None:
    """Return the messages that send a finished response; None for one that has yet to be made, adjusted or closed."""
    response = context.response
    if isinstance(response, Plain):
        headers, body = response.raw_headers(), response.body
    elif context.state is not STREAMING and (parts := parts_of_finished(response)):
        headers, body = raw_pairs(parts[0]), parts[1]
    else:
        return None
    if context.exchange.method == "HEAD":
        body = b""
    return (
        {"type": "http.response.start", "status": response.status_code, "headers": headers},
        {"type": "http.response.body", "body": body, "more_body": False},
    )


def sendable_path(response: flask.Response, context: Context) -> str | None:
    """Return the path of a file that is the whole body, if the server has the ASGI extension http.response.pathsend.

    Not if functions are to be called after the response, or in the background: the server opens the file by its path
    some time after it was told to, and they may remove it. Nor if the request's body is unread: the path ends the
    response, which cannot wait for the rest of the body as in `send_whole`.
    """
    if not response.direct_passthrough or close_functions(response) or context.has_background_tasks:
        return None
    if not context.exchange.body.complete:
        return None
    if "http.response.pathsend" not in (context.exchange.scope.get("extensions") or ()):
        return None
    file: Any = getattr(response.response, "file", None)
    return os.path.abspath(file.name) if file is not None and is_all_of_its_path(file) else None


def is_all_of_its_path(file: Any) -> bool:
    """Tell whether opening the path of a file gives the same bytes as reading the file."""
    # A file that unpacks or decrypts has a name too; an open file may have been read from, or removed.
    if not isinstance(file, io.BufferedReader) or not isinstance(file.name, str) or file.tell() != 0:
        return False
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(file.name))
    except OSError:
        return False


def start_of(response: flask.Response, context: Context) -> Message:
    # The environ is costly to make and to keep while a stream lasts: only these responses read it.
    reads_environ = response.autocorrect_location_header or type(response).get_wsgi_headers is not GET_WSGI_HEADERS
    headers = response.get_wsgi_headers(context.exchange.environ if reads_environ else {}).to_wsgi_list()
    return start_message(response.status_code, raw_pairs(headers))


def start_message(status: int, headers: RawPairs) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


def chunk_of(data: bytes, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


class ClientLeft(Exception):
    """The client has disconnected: the server's `send` raised OSError."""


def raising_client_left(send: Send) -> Send:
    """Make `send` raise ClientLeft for its OSError (a broken connection, ASGI spec 2.4), not for one of the app's."""

    async def send_or_raise(message: Message) -> None:
        try:
            await send(message)
        except OSError as error:
            raise ClientLeft() from error

    return send_or_raise


async def send_whole(start: Message, body: Message, watch: DisconnectWatch, send: Send) -> None:
    """Send a finished response; where the request's body is unread, end it when that has arrived.

    Servers close a connection on which the response ends before the request, and a client that is still sending may
    lose the response with it (RFC 9112 section 9.6).
    """
    await send(start)  # before anybody receives, which has a client that expects "100 Continue" send its body
    watch.discard()
    if watch.is_discarding:
        content = body["body"]  # its last byte ends it, as its Content-Length says: granian goes by that
        if len(content) > 1:
            await send(chunk_of(content[:-1]))
        await watch.linger()
        body = chunk_of(content[-1:], more=False)
    await send(body)


class HeldEnd:
    """Holds back the byte that ends a stream, as in `send_whole`, if the stream has a Content-Length."""

    def __init__(self, start: Message) -> None:
        self._left = next(
            (int(value) for name, value in start["headers"] if name == b"content-length" and value.isdigit()),
            sys.maxsize,
        )
        self.held = b""

    def released(self, chunk: bytes) -> bytes:
        """Return what may be sent before the end, of a chunk and what was held back."""
        self._left -= len(chunk)
        if self._left > 0:
            return chunk
        chunk = self.held + chunk
        self.held = chunk[-1:]
        return chunk[:-1]
