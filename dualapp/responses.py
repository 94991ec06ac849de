"""The response, and how a view's return value becomes one."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Callable, Generator, Iterable
from functools import cache
from json import JSONEncoder
from typing import TYPE_CHECKING, Any, Self

import flask
import werkzeug
from flask import Flask
from flask.json.provider import DefaultJSONProvider
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.utils import get_content_type
from werkzeug.wsgi import ClosingIterator

from .ahead import iterate_on_loop
from .colour import caller_is_async
from .crossing import close_stream, run_on_loop

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class Response(flask.Response):
    """A Flask response that may be awaited, and whose body may be an async iterable.

    Awaiting it gives the response itself, so that `await make_response(...)` and `await send_file(...)` read the same
    as in Quart. `get_data`, `get_json`, `data` and `json` are plain in `def` code and to be awaited in `async def`.
    """

    #: How many seconds sending the body may take when it is streamed; None for ever, `...` for RESPONSE_TIMEOUT.
    timeout: Any = ...

    def __await__(self) -> Generator[Any, None, Self]:
        yield from ()  # makes it a generator, which awaiting needs
        return self

    def get_data(self, as_text: bool = False) -> Any:
        """Return the body, as bytes or decoded as UTF-8; await it in `async def` code."""
        if caller_is_async():
            return self._get_data_async(as_text)
        return self._get_data(as_text)

    def _get_data(self, as_text: bool = False) -> Any:
        if self.is_async:
            run_on_loop(self._collect)
        return super().get_data(as_text)  # type: ignore[call-overload]  # as_text is not literal

    async def _get_data_async(self, as_text: bool = False) -> Any:
        if self.is_async:
            await self._collect()
        return super().get_data(as_text)  # type: ignore[call-overload]  # as_text is not literal

    async def _collect(self) -> None:
        stream: AsyncIterable[Any] = self.response  # type: ignore[assignment]  # werkzeug knows sync bodies only
        self.response = [chunk.encode() if isinstance(chunk, str) else chunk async for chunk in stream]

    @property
    def data(self) -> Any:
        """The body, as `get_data()` gives it."""
        return self._get_data_async() if caller_is_async() else self._get_data()

    @data.setter
    def data(self, value: bytes | str) -> None:
        self.set_data(value)

    def get_json(self, force: bool = False, silent: bool = False) -> Any:
        """Parse the body as JSON; await it in `async def` code."""
        if caller_is_async():
            return self._get_json_async(force, silent)
        return super().get_json(force=force, silent=silent)

    async def _get_json_async(self, force: bool, silent: bool) -> Any:
        await self._get_data_async()
        return super().get_json(force=force, silent=silent)

    @property
    def json(self) -> Any:
        """The body parsed as JSON, as `get_json()` gives it."""
        return self._get_json_async(False, False) if caller_is_async() else super().get_json()

    def make_sequence(self) -> None:
        if self.is_async:
            run_on_loop(self._collect)
        super().make_sequence()

    def get_app_iter(self, environ: WSGIEnvironment) -> Iterable[bytes]:
        if self.is_async and not is_bodiless(self, environ["REQUEST_METHOD"]):
            chunks = iterate_on_loop(encoded(self.response))  # type: ignore[arg-type]  # werkzeug knows sync bodies only
            return ClosingIterator(chunks, self.close)
        return super().get_app_iter(environ)

    @property
    def is_async(self) -> bool:
        """Whether the body is made by async code."""
        return isinstance(self.response, AsyncIterable)


@cache
def with_ours(cls: type[flask.Response]) -> type[flask.Response]:
    """Return a response class that is both `cls` and ours."""
    return cls if issubclass(cls, Response) else type(cls.__name__, (cls, Response), {})


def is_bodiless(response: werkzeug.Response, method: str) -> bool:
    """Tell whether the answer has no content (RFC 9110 sections 9.3.2, 15.2, 15.3.5 and 15.4.5)."""
    return method == "HEAD" or response.status_code in (204, 304) or 100 <= response.status_code < 200


def timeout_of(response: flask.Response, app: Flask) -> float | None:
    """Return how many seconds sending a stream may take: what the response says, or else RESPONSE_TIMEOUT."""
    timeout = getattr(response, "timeout", ...)
    if timeout is not ...:
        return timeout  # type: ignore[no-any-return]  # a number or None
    # A file takes as long as its reader, and a WSGI server sends it without asking.
    return None if response.direct_passthrough else app.config["RESPONSE_TIMEOUT"]


async def encoded(stream: AsyncIterable[str | bytes]) -> AsyncIterator[bytes]:
    """Iterate over the chunks of an async body as bytes; ending early ends the body too."""
    chunks = aiter(stream)
    try:
        async for chunk in chunks:
            yield chunk.encode() if isinstance(chunk, str) else chunk
    finally:
        await close_stream(chunks)


class Plain:
    """A response of bytes that nobody looks at on its way: what is left of one when its class is not needed."""

    __slots__ = ("_content_type", "body", "status", "status_code")

    def __init__(self, status_code: int, status: str, content_type: str, body: bytes) -> None:
        self.status_code = status_code
        self.status = status
        self.body = body
        self._content_type = content_type

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers as WSGI wants them."""
        return [("Content-Type", self._content_type), ("Content-Length", str(len(self.body)))]

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers as ASGI wants them."""
        return [(b"content-type", self._content_type.encode("latin-1")), (b"content-length", b"%d" % len(self.body))]


# The codes that go with content, and with no rules of their own about it.
STATUS_LINES = {
    code: f"{code} {name.upper()}" for code, name in HTTP_STATUS_CODES.items() if code >= 200 and code not in (204, 304)
}


class PlainMaker:
    """Makes plain responses for one app; what it needs to know of the app it looks up once."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._settings: tuple[Any, ...] = ()
        self._encoder = JSONEncoder()
        self._text_type = get_content_type(Response.default_mimetype or "", "utf-8")
        # A provider that somebody changed answers for itself.
        is_flasks = type(app.json) is DefaultJSONProvider and not PROVIDER_METHODS & vars(app.json).keys()
        self._provider = app.json if is_flasks else None

    def make(self, value: Any, view: Callable[..., Any] | None) -> Plain | None:
        """Make of a view's value what `response_from` would, to the byte; None if that takes more than is known."""
        status_code = 200
        if type(value) is tuple and len(value) == 2 and type(value[1]) is int:
            value, status_code = value
        status, kind = STATUS_LINES.get(status_code), type(value)
        if status is None:
            return None
        if kind is str:
            return Plain(status_code, status, self._text_type, value.encode())
        if kind is bytes:
            return Plain(status_code, status, self._text_type, value)
        if (kind is dict or kind is list) and self._provider is not None and self._app.json is self._provider:
            return self._make_json(status_code, status, value, view)
        return None

    def _make_json(self, status_code: int, status: str, value: Any, view: Callable[..., Any] | None) -> Plain:
        provider: Any = self._provider
        try:
            body = f"{self._encoder_for(provider).encode(value)}\n".encode()
        except TypeError as error:
            name_view(error, view)
            raise
        return Plain(status_code, status, get_content_type(provider.mimetype, "utf-8"), body)

    def _encoder_for(self, provider: DefaultJSONProvider) -> JSONEncoder:
        """Return an encoder with the provider's settings; it is kept, where Flask makes one for each response."""
        compact = provider.compact if provider.compact is not None else not self._app.debug
        settings = (provider.default, provider.ensure_ascii, provider.sort_keys, compact)
        if settings != self._settings:
            self._settings = settings
            self._encoder = JSONEncoder(
                default=provider.default,
                ensure_ascii=provider.ensure_ascii,
                sort_keys=provider.sort_keys,
                separators=(",", ":") if compact else None,
                indent=None if compact else 2,
            )
        return self._encoder


PROVIDER_METHODS = {"dumps", "dump", "response"}


def name_view(error: TypeError, view: Callable[..., Any] | None) -> None:
    """Have an error say which view made it."""
    if view is not None:
        error.add_note(f"The view is {getattr(view, '__module__', '?')}.{getattr(view, '__qualname__', view)}.")


def response_from(app: Flask, value: Any, view: Callable[..., Any] | None = None) -> flask.Response:
    """Make a response of what a view returned: all that Flask takes, and async iterables.

    Raises TypeError for anything else, with a note that names the view.
    """
    try:
        return coloured_response_from(app, value)
    except TypeError as error:
        name_view(error, view)
        raise


def coloured_response_from(app: Flask, value: Any) -> flask.Response:
    is_tuple = isinstance(value, tuple) and len(value) > 0
    body, rest = (value[0], value[1:]) if is_tuple else (value, ())
    if inspect.iscoroutine(body):
        body.close()
        raise TypeError(
            "The view function returned a coroutine: it calls async code without awaiting it."
            " Make it `async def` and await the call, or call it through `app.ensure_sync`."
        )
    if isinstance(body, AsyncIterable) and not isinstance(body, werkzeug.Response):
        response = Flask.make_response(app, (iter(()), *rest) if is_tuple else iter(()))
        response.response = body  # type: ignore[assignment]  # werkzeug knows sync bodies only
        return response
    if isinstance(body, bytearray):
        body = bytes(body)  # PEP 3333 has servers send bytes, and gunicorn refuses what is merely like them
    return Flask.make_response(app, (body, *rest) if is_tuple else body)
