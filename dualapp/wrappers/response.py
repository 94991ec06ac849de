"""The response class: Flask's, which may be awaited and whose body async code may make."""

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
from .file_body import FileBody

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


#: What a response has for `timeout` until somebody sets it; Quart uses the same value for the same thing.
NO_LIMIT_OF_ITS_OWN = ...


class Response(flask.Response):
    """A Flask response that may be awaited, and whose body may be an async iterable.

    Awaiting it gives the response itself, so that `await make_response(...)` and `await send_file(...)` read the same
    as in Quart. `get_data`, `get_json`, `data` and `json` are plain in `def` code and to be awaited in `async def`.
    """

    #: How many seconds sending the body may take when it is streamed; None for ever, RESPONSE_TIMEOUT unless set.
    timeout: Any = NO_LIMIT_OF_ITS_OWN

    @classmethod
    def of(cls, data: bytes, status_line: str, status_code: int, fields: list[tuple[str, str]]) -> Self:
        """Make a response of parts that need no looking at."""
        if not can_make_responses_in_one_step:
            return cls(data, status_code, fields)
        response = cls.__new__(cls)
        fill_response(response, data, status_line, status_code, fields)
        return response

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


async def encoded(stream: AsyncIterable[str | bytes]) -> AsyncIterator[bytes]:
    """Iterate over the chunks of an async body as bytes; ending early ends the body too."""
    async with AsyncExitStack() as stack:
        if isinstance(stream, AbstractAsyncContextManager):  # as Quart's bodies are
            stream = await stack.enter_async_context(stream)
        chunks = aiter(stream)
        stack.push_async_callback(close_stream, chunks)
        async for chunk in chunks:
            yield chunk.encode() if isinstance(chunk, str) else chunk
