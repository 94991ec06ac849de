"""The response, and how a view's return value becomes one."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Generator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Self

import flask
import werkzeug
from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.utils import get_content_type
from werkzeug.wsgi import ClosingIterator, FileWrapper

from ..crossing.bridge import on_loop_thread, run_on_loop
from ..crossing.colour import caller_is_async
from ..crossing.coroutines import awaiting_value, close_stream
from ..crossing.readahead import iterate_on_loop
from .error_pages import has_stock_page, page_of
from .file_body import SHORT, FileBody

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


# Status lines as Werkzeug spells them.
STATUS_LINES = {code: f"{code} {name.upper()}" for code, name in HTTP_STATUS_CODES.items()}


@lru_cache(64)
def content_type_of(mimetype: str) -> tuple[str, str]:
    """Return the header that names a type of content, checked as Werkzeug checks it."""
    return Headers([("Content-Type", get_content_type(mimetype, "utf-8"))])[0]


@cache
def is_made_as_ours(cls: type[flask.Response]) -> bool:
    """Tell whether a class of responses has nothing of its own that the constructor would call."""
    names = ("automatically_set_content_length", "default_status", "set_data", "status", "status_code")
    return all(getattr(cls, name) is getattr(flask.Response, name) for name in names)


class Response(flask.Response):
    """A Flask response that may be awaited, and whose body may be an async iterable.

    Awaiting it gives the response itself, so that `await make_response(...)` and `await send_file(...)` read the same
    as in Quart. `get_data`, `get_json`, `data` and `json` are plain in `def` code and to be awaited in `async def`.
    """

    #: How many seconds sending the body may take when it is streamed; None for ever, `...` for RESPONSE_TIMEOUT.
    timeout: Any = ...

    def __init__(
        self,
        response: Any = None,
        status: Any = None,
        headers: Any = None,
        mimetype: str | None = None,
        content_type: str | None = None,
        direct_passthrough: bool = False,
    ) -> None:
        kind = self.default_mimetype if mimetype is None else mimetype
        code = 200 if status is None else status
        is_common = type(response) is str and kind and type(code) is int and code in STATUS_LINES
        has_more = headers is not None or content_type is not None or direct_passthrough
        if not is_common or has_more or not is_made_as_ours(type(self)):  # type: ignore[arg-type]  # classes have a hash
            super().__init__(response, status, headers, mimetype, content_type, direct_passthrough)
            return
        # What Werkzeug comes to by asking each argument what it is.
        data = response.encode()
        self._fill(data, STATUS_LINES[code], code, [content_type_of(kind), ("Content-Length", str(len(data)))])

    @classmethod
    def of(cls, data: bytes, status_line: str, status_code: int, fields: list[tuple[str, str]]) -> Self:
        """Make a response of parts that need no looking at."""
        response = cls.__new__(cls)
        response._fill(data, status_line, status_code, fields)
        return response

    def _fill(self, data: bytes, status_line: str, status_code: int, fields: list[tuple[str, str]]) -> None:
        self.headers = Headers()
        self.headers._list = fields
        self._status, self._status_code = status_line, status_code
        self.response = [data]
        self.direct_passthrough = False
        self._on_close = []

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
        self.direct_passthrough = False  # who asks for a file's bytes gets them, as from Quart's responses
        return super().get_data(as_text)  # type: ignore[call-overload]  # as_text is not literal

    async def _get_data_async(self, as_text: bool = False) -> Any:
        if self.is_async:
            await self._collect()
        self.direct_passthrough = False  # as in _get_data
        return super().get_data(as_text)  # type: ignore[call-overload]  # as_text is not literal

    async def _collect(self) -> None:
        stream: AsyncIterable[Any] = self.response  # type: ignore[assignment]  # werkzeug knows sync bodies only
        self.response = [chunk async for chunk in encoded(stream)]

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

    # What Quart awaits and Flask just calls does its work at once and gives the response, which may be awaited.

    def make_sequence(self) -> Any:
        """Make the body a list; a body that async code makes is to be awaited in `async def` code."""
        if self.is_async:
            if caller_is_async():
                return self._collect()
            run_on_loop(self._collect)
        super().make_sequence()
        return self

    def freeze(self) -> Any:
        """Make the response ready to be pickled."""
        super().freeze()
        return self

    def add_etag(self, overwrite: bool = False, weak: bool = False) -> Any:
        """Give the response the hash of its body for an ETag."""
        super().add_etag(overwrite, weak)
        return self

    # What Quart's `send_file` makes bodies of.

    io_body_class = FileWrapper
    file_body_class = FileBody

    def iter_encoded(self) -> Iterator[bytes]:
        """Iterate over the body as bytes, over one that async code makes too."""
        if self.is_async:
            return iterate_on_loop(encoded(self.response))  # type: ignore[arg-type]  # werkzeug knows sync bodies only
        return super().iter_encoded()

    def get_app_iter(self, environ: WSGIEnvironment) -> Iterable[bytes]:
        if self.is_async and not is_bodiless(self, environ["REQUEST_METHOD"]):
            return ClosingIterator(self.iter_encoded(), self.close)
        return super().get_app_iter(environ)

    @property
    def is_async(self) -> bool:
        """Whether the body is made by async code."""
        return isinstance(self.response, AsyncIterable)


@cache
def with_ours(cls: type[flask.Response]) -> type[flask.Response]:
    """Return a response class that is both `cls` and ours."""
    if issubclass(cls, Response):
        return cls
    theirs = quarts_class()
    if theirs is None or not issubclass(cls, theirs):
        return type(cls.__name__, (cls, Response), {})
    ours = type("Response", (Response, theirs), {})  # what the user changed of Quart's counts, what Quart has does not
    return ours if cls is theirs else type(cls.__name__, (cls, ours), {})


def quarts_class() -> Any:
    """Return Quart's own class of responses, None unless quart is imported."""
    module = sys.modules.get("quart.wrappers.response")
    return None if module is None else module.Response


def is_bodiless(response: werkzeug.Response, method: str) -> bool:
    """Tell whether the answer has no content (RFC 9110 sections 9.3.2, 15.2, 15.3.5 and 15.4.5)."""
    return method == "HEAD" or response.status_code in (204, 304) or 100 <= response.status_code < 200


# A path, and perhaps a query, in which Werkzeug finds nothing to quote (RFC 3986 sections 3.3 and 3.4).
is_uri = re.compile(r"/(?!/)[\w.~%!$&'()*+,:;=@/-]*(?:\?[\w.~%!$&'()*+,:;=@/?-]+)?", re.ASCII).fullmatch


def finished(response: flask.Response) -> tuple[list[tuple[str, str]], bytes] | None:
    """Return the headers and the body of a response that is all there, as Werkzeug would send them.

    None for one that is still to be made, adjusted or closed, which is for Werkzeug to do.
    """
    chunks, headers = response.response, response.headers
    if type(chunks) is not list or response._on_close or response.direct_passthrough or not is_stock(type(response)):  # type: ignore[arg-type]  # classes have a hash
        return None
    status_code = response._status_code
    if status_code < 200 or status_code in (204, 304) or type(headers) is not Headers:
        return None
    fields = headers._list.copy()
    has_length = has_location = False
    for name, value in fields:
        match name.lower():
            case "content-length":
                has_length = True
            case "location":
                if has_location or type(value) is not str or not is_uri(value) or response.autocorrect_location_header:
                    return None
                has_location = True
            case "content-location":
                return None
    if not has_length:
        return None
    try:
        return fields, b"".join(chunks)
    except TypeError:  # there is text in it
        return None


@cache
def is_stock(cls: type[flask.Response]) -> bool:
    """Tell whether the responses of a class are sent as ours and Werkzeug's are."""
    names = (
        "get_wsgi_headers",
        "get_wsgi_response",
        "get_app_iter",
        "iter_encoded",
        "__call__",
        "status",
        "status_code",
        "close",
    )
    return all(getattr(cls, name) is getattr(Response, name) for name in names)


def is_short_file(response: flask.Response, method: str) -> bool:
    """Tell whether the body is a file of which so little is sent that it can be read at once."""
    if not response.direct_passthrough or response._on_close or not is_stock(type(response)):  # type: ignore[arg-type]  # classes have a hash
        return False
    if not isinstance(getattr(response.response, "iterable", response.response), FileWrapper):  # a part of one has it
        return False
    length = response.content_length
    return is_bodiless(response, method) or (length is not None and length <= SHORT)


def read_at_once(response: flask.Response, method: str) -> None:
    """Read a body that is a short file, and close it; an error is raised again where the body is sent."""
    file: Any = response.response
    try:
        response.response = iter(()) if is_bodiless(response, method) else [b"".join(file)]
        response.direct_passthrough = False
    except Exception as error:
        response.response = failing(error)
    finally:
        file.close()


def failing(error: Exception) -> Iterator[bytes]:
    yield from ()  # makes it a generator, which raises when it is asked for its first chunk
    raise error


def timeout_of(response: flask.Response, app: Flask) -> float | None:
    """Return how many seconds sending a stream may take: what the response says, or else RESPONSE_TIMEOUT."""
    timeout = getattr(response, "timeout", ...)
    if timeout is not ...:
        return timeout  # type: ignore[no-any-return]  # a number or None
    # A file takes as long as its reader, and a WSGI server sends it without asking.
    return None if response.direct_passthrough else app.config["RESPONSE_TIMEOUT"]


async def encoded(stream: AsyncIterable[str | bytes]) -> AsyncIterator[bytes]:
    """Iterate over the chunks of an async body as bytes; ending early ends the body too."""
    async with AsyncExitStack() as stack:
        if isinstance(stream, AbstractAsyncContextManager):  # as Quart's bodies are
            stream = await stack.enter_async_context(stream)
        chunks = aiter(stream)
        stack.push_async_callback(close_stream, chunks)
        async for chunk in chunks:
            yield chunk.encode() if isinstance(chunk, str) else chunk


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
    if inspect.iscoroutine(value):
        return coloured_response_from(app, outcome_of(value))
    if inspect.iscoroutine(body):
        return coloured_response_from(app, (outcome_of(body), *rest))
    if isinstance(body, AsyncIterable) and not isinstance(body, werkzeug.Response):
        response = Flask.make_response(app, (iter(()), *rest) if is_tuple else iter(()))
        response.response = body  # type: ignore[assignment]  # werkzeug knows sync bodies only
        return response
    if is_quarts(body):
        body = ours_from(app, body)
    if isinstance(body, HTTPException):
        body = page_from(app, body)
    if isinstance(body, bytearray):
        body = bytes(body)  # PEP 3333 has servers send bytes, and gunicorn refuses what is merely like them
    return Flask.make_response(app, (body, *rest) if is_tuple else body)


def outcome_of(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that sync code returned: a decorator that knows nothing of async has called an async view.

    Raises TypeError on the loop's own thread, where it was simply not awaited.
    """
    if not on_loop_thread():
        return run_on_loop(awaiting_value, coroutine)
    coroutine.close()
    raise TypeError("The view function returned a coroutine: it calls async code without awaiting it.")


def page_from(app: Flask, error: HTTPException) -> Any:
    """Make the page of an error of Werkzeug's own, where Flask would run it as an app; leave others as they are."""
    if not has_stock_page(error):
        return error
    body, headers = page_of(error)
    return app.response_class(body, error.code, headers)


def is_quarts(value: Any) -> bool:
    """Tell whether a value is a response of Quart's own class."""
    theirs = quarts_class()
    return theirs is not None and isinstance(value, theirs) and not isinstance(value, werkzeug.Response)


def ours_from(app: Flask, theirs: Any) -> flask.Response:
    """Make a response of the app's class of one of Quart's, with the same headers and the same body."""
    body = theirs.response
    data = body.data[body.begin : body.end] if hasattr(body, "data") else body
    ours = app.response_class(data, status=theirs.status)
    ours.headers = theirs.headers
    ours.timeout = theirs.timeout  # type: ignore[attr-defined]  # a DualApp's class has it
    return ours
