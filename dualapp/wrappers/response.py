"""The response class: Flask's, which may also be awaited and may have an async iterable as its body."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import cache
from typing import TYPE_CHECKING, Any, Self

import flask
import werkzeug
from werkzeug.wsgi import ClosingIterator, FileWrapper

from ..compat.upstream import can_make_responses_in_one_step, fill_response
from ..crossing.bridge import run_on_loop
from ..crossing.colour import caller_is_async
from ..crossing.coroutines import close_stream
from ..crossing.readahead import iterate_on_loop
from ..crossing.thread_pool import from_loop
from .file_body import FileBody

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


#: The value of `timeout` until it is set, which is Quart's too.
UNSET_TIMEOUT = ...


class Response(flask.Response):
    """A Flask response that may be awaited, and whose body may be an async iterable.

    Awaiting it returns the response itself, so that `await make_response(...)` and `await send_file(...)` work as in
    Quart. `get_data`, `get_json`, `data` and `json` are plain values in `def` code and awaited in `async def` code.
    """

    #: The most seconds that sending a streamed body may take: None for no limit, RESPONSE_TIMEOUT unless set.
    timeout: Any = UNSET_TIMEOUT

    @classmethod
    def of(cls, data: bytes, status_line: str, status_code: int, fields: list[tuple[str, str]]) -> Self:
        """Make a response from parts that need no check or conversion."""
        if not can_make_responses_in_one_step:
            return cls(data, status_code, fields)
        response = cls.__new__(cls)
        fill_response(response, data, status_line, status_code, fields)
        return response

    def __await__(self) -> Generator[Any, None, Self]:
        yield from ()  # makes this a generator function, as __await__ must return an iterator
        return self

    def get_data(self, as_text: bool = False) -> Any:
        """Return the body as bytes, or decoded as UTF-8 if `as_text` is set; await it in `async def` code."""
        if caller_is_async():
            return self._get_data_async(as_text)
        return self._get_data(as_text)

    def _get_data(self, as_text: bool = False) -> Any:
        if self.is_async:
            run_on_loop(self._collect)
        self.direct_passthrough = False  # else Werkzeug refuses to read a file; Quart's responses read it
        return super().get_data(as_text)  # type: ignore[call-overload]  # as_text is not literal

    async def _get_data_async(self, as_text: bool = False) -> Any:
        self.direct_passthrough = False  # as in _get_data
        if self.is_async:
            await self._collect()
        elif not self.is_sequence:
            await from_loop(super().make_sequence)  # in a thread: it may block, or wait for this very loop
        return super().get_data(as_text)  # type: ignore[call-overload]  # as_text is not literal

    async def _collect(self) -> None:
        stream: AsyncIterable[Any] = self.response  # type: ignore[assignment]  # werkzeug knows sync bodies only
        self.response = [chunk async for chunk in encoded(stream)]

    @property
    def data(self) -> Any:
        """The body as bytes: `get_data()`."""
        return self._get_data_async() if caller_is_async() else self._get_data()

    @data.setter
    def data(self, value: bytes | str) -> None:
        self.set_data(value)

    def get_json(self, force: bool = False, silent: bool = False) -> Any:
        """Parse the body as JSON, None if its mimetype is not JSON; await it in `async def` code.

        With `force` any mimetype is parsed; with `silent` a body that cannot be parsed is None, else a ValueError.
        """
        if caller_is_async():
            return self._get_json_async(force, silent)
        return super().get_json(force=force, silent=silent)

    async def _get_json_async(self, force: bool, silent: bool) -> Any:
        await self._get_data_async()
        return super().get_json(force=force, silent=silent)

    @property
    def json(self) -> Any:
        """The body parsed as JSON: `get_json()`."""
        return self._get_json_async(False, False) if caller_is_async() else super().get_json()

    # Methods that are awaited in Quart, not in Flask: they work at once, and return the response, which may be awaited.

    def make_sequence(self) -> Any:
        """Make the body a list of chunks; for an async body, await it in `async def` code."""
        if self.is_async:
            if caller_is_async():
                return self._collect()
            run_on_loop(self._collect)
        super().make_sequence()
        return self

    def freeze(self) -> Any:
        """Make the body a list and set its ETag and length, so that the response can be pickled."""
        super().freeze()
        return self

    def add_etag(self, overwrite: bool = False, weak: bool = False) -> Any:
        """Set the ETag header to a hash of the body."""
        super().add_etag(overwrite, weak)
        return self

    # The body classes that Quart's `send_file` uses.

    io_body_class = FileWrapper
    file_body_class = FileBody

    def iter_encoded(self) -> Iterator[bytes]:
        """Iterate over the chunks of the body as bytes; an async body is iterated on the loop."""
        if self.is_async:
            return iterate_on_loop(encoded(self.response))  # type: ignore[arg-type]  # werkzeug knows sync bodies only
        return super().iter_encoded()

    def get_app_iter(self, environ: WSGIEnvironment) -> Iterable[bytes]:
        if self.is_async and not is_bodiless(self, environ["REQUEST_METHOD"]):
            return ClosingIterator(self.iter_encoded(), self.close)
        return super().get_app_iter(environ)

    @property
    def is_async(self) -> bool:
        """Whether the body is an async iterable."""
        return isinstance(self.response, AsyncIterable)


@cache
def with_ours(cls: type[flask.Response]) -> type[flask.Response]:
    """Return a response class that extends both `cls` and ours."""
    if issubclass(cls, Response):
        return cls
    theirs = quart_response_class()
    if theirs is None or not issubclass(cls, theirs):
        return type(cls.__name__, (cls, Response), {})
    ours = type("Response", (Response, theirs), {})  # overrides of Quart's methods win over ours, Quart's own do not
    return ours if cls is theirs else type(cls.__name__, (cls, ours), {})


def quart_response_class() -> Any:
    """Return Quart's response class, None unless quart is imported."""
    module = sys.modules.get("quart.wrappers.response")
    return None if module is None else module.Response


def is_bodiless(response: werkzeug.Response, method: str) -> bool:
    """Tell whether the answer has no content (RFC 9110 sections 9.3.2, 15.2, 15.3.5 and 15.4.5)."""
    return method == "HEAD" or response.status_code in (204, 304) or 100 <= response.status_code < 200


async def encoded(stream: AsyncIterable[str | bytes]) -> AsyncIterator[bytes]:
    """Iterate over the chunks of an async body as bytes; closing this generator closes the body."""
    async with AsyncExitStack() as stack:
        if isinstance(stream, AbstractAsyncContextManager):  # a body of Quart's
            stream = await stack.enter_async_context(stream)
        chunks = aiter(stream)
        stack.push_async_callback(close_stream, chunks)
        async for chunk in chunks:
            yield chunk.encode() if isinstance(chunk, str) else chunk
