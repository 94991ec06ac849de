"""The response class: Flask's, which may also be awaited and may have an async iterable as its body."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable, AsyncIterator, Callable, Generator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal, Self, overload

import flask
import werkzeug
from werkzeug.wsgi import ClosingIterator

from ..compat.import_hook import LazyAttribute, after_import
from ..compat.upstream import can_make_responses_in_one_step, fill_response
from ..crossing.bridge import run_on_loop
from ..crossing.colour import caller_is_async
from ..crossing.coroutines import close_stream
from ..crossing.readahead import iterate_on_loop
from ..crossing.thread_pool import from_loop
from .file_body import FileBody, IOBody, close_file, holds_file
from .response_body import ResponseBody

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from . import dual_types


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

    @property
    def response(self) -> Any:
        """The body: an iterable, as in Flask; in `async def` code it may be used as Quart's bodies are, too."""
        body = stored_body(self)
        if caller_is_async() and not isinstance(body, AbstractAsyncContextManager):  # else it is a body of Quart's
            return ResponseBody(self, body)
        return body

    @response.setter
    def response(self, body: Any) -> None:
        self.__dict__["response"] = body._get_current_object() if type(body) is ResponseBody else body

    @overload
    def get_data(self, as_text: Literal[False] = False) -> dual_types.DualBytes | Any: ...
    @overload
    def get_data(self, as_text: Literal[True]) -> dual_types.DualStr | Any: ...
    @overload
    def get_data(self, as_text: bool) -> Any: ...
    def get_data(self, as_text: bool = False) -> Any:
        """Return the body as bytes, or decoded as UTF-8 if `as_text` is set; await it in `async def` code."""
        if caller_is_async():
            return self._get_data_async(as_text)
        return self._get_data(as_text)

    def _get_data(self, as_text: bool = False) -> Any:
        if self.is_async:
            run_on_loop(self._collect)
        elif self.direct_passthrough:  # Werkzeug refuses to read a file; Quart's responses read it
            self._make_sequence()
        return super().get_data(as_text)  # type: ignore[call-overload]  # as_text is not literal

    async def _get_data_async(self, as_text: bool = False) -> Any:
        if self.is_async:
            await self._collect()
        elif not self.is_sequence:
            await from_loop(self._make_sequence)  # in a thread: it may block, or wait for this very loop
        return super().get_data(as_text)  # type: ignore[call-overload]  # as_text is not literal

    async def _collect(self) -> None:
        self.response = [chunk async for chunk in self.iter_encode()]

    def _make_sequence(self) -> None:
        if holds_file(self, self.response):
            self.read_file(self.response)
        else:
            super().make_sequence()

    def read_file(self, file: Any) -> list[bytes]:
        """Read a body that is a file, and close the file; what was read replaces it as the body."""
        try:
            chunks = list(file)
        finally:
            close_file(file)
        if file is self.response:
            self.response, self.direct_passthrough = chunks, False
        return chunks

    def set_data(self, value: bytes | str) -> None:
        """Set the body to bytes or text, and the Content-Length; a file that it was is closed."""
        replaced = self.__dict__.get("response")  # the constructor sets data before there is a body
        super().set_data(value)
        if replaced is not None and holds_file(self, replaced):
            close_file(replaced)

    @property
    def data(self) -> dual_types.DualBytes | Any:
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

    async def aclose(self) -> None:
        """Close the body, of either colour, and call the functions given to `call_on_close`."""
        if self.is_async:
            await close_stream(self.response)
        await from_loop(self.close)

    # Methods that are awaited in Quart, not in Flask: they work at once, and return the response, which may be awaited.
    # An async body, which Flask has not, must be awaited first: in `async def` code they then return a coroutine.

    def make_sequence(self) -> Any:
        """Make the body a list of chunks; for an async body, await it in `async def` code."""
        return self._once_collected(self._make_sequence)

    def freeze(self) -> Any:
        """Make the body a list and set its ETag and length, so that the response can be pickled."""
        return self._once_collected(self._freeze)

    def _freeze(self) -> None:
        self._make_sequence()
        super().freeze()

    def add_etag(self, overwrite: bool = False, weak: bool = False) -> Any:
        """Set the ETag header to a hash of the body."""
        if overwrite or "etag" not in self.headers:
            return self._once_collected(partial(super().add_etag, overwrite, weak))
        return self

    def make_conditional(
        self, request_or_environ: Any, accept_ranges: bool | str = False, complete_length: int | None = None
    ) -> Any:
        """Answer the conditions and the range of a request, given as a request of either framework or as an environ.

        Raises RequestedRangeNotSatisfiable (416).
        """
        environ = conditions_of(request_or_environ)
        work = partial(super().make_conditional, environ, accept_ranges, complete_length)
        needs_body = self.content_length is None or "HTTP_RANGE" in environ
        return self._once_collected(work) if needs_body and environ["REQUEST_METHOD"] in ("GET", "HEAD") else work()

    def _once_collected(self, work: Callable[[], Any]) -> Any:
        """Do work that needs the body, and return this response; a coroutine that does it if it has to wait."""
        if self.is_async:
            if caller_is_async(depth=2):
                return self._collected(work)
            run_on_loop(self._collect)
        work()
        return self

    async def _collected(self, work: Callable[[], Any]) -> Self:
        await self._collect()
        work()
        return self

    # What only Quart's responses have. The body classes are those that Quart's `send_file` uses, and Quart's own.

    file_body_class = FileBody
    io_body_class = IOBody
    data_body_class = LazyAttribute(lambda: quart_bodies().DataBody)
    iterable_body_class = LazyAttribute(lambda: quart_bodies().IterableBody)

    def iter_encode(self) -> AsyncIterator[bytes]:
        """Iterate in `async def` code over the chunks of the body as bytes."""
        return encoded(self.response if self.is_async else ResponseBody(self, self.response))

    def iter_encoded(self) -> Iterator[bytes]:
        """Iterate over the chunks of the body as bytes; an async body is iterated on the loop."""
        if self.is_async:
            return iterate_on_loop(encoded(self.response))
        return super().iter_encoded()

    def get_app_iter(self, environ: WSGIEnvironment) -> Iterable[bytes]:
        if self.is_async and not is_bodiless(self, environ["REQUEST_METHOD"]):
            return ClosingIterator(self.iter_encoded(), self.close)
        return super().get_app_iter(environ)

    @property
    def is_async(self) -> bool:
        """Whether the body is an async iterable."""
        return isinstance(stored_body(self), AsyncIterable)


@lru_cache(256)  # an extension may make a class for each response
def with_ours(cls: type[werkzeug.Response]) -> type[flask.Response]:
    """Return a response class that extends both `cls`, which may be Quart's or extend it, and ours."""
    if issubclass(cls, Response):
        return cls
    return Response if issubclass(Response, cls) else type(cls.__name__, (cls, Response), {})


def quart_response_class() -> Any:
    """Return Quart's response class, None unless quart is imported."""
    module = sys.modules.get("quart.wrappers.response")
    return None if module is None else module.Response


def stored_body(response: Response) -> Any:
    """Return the body as it is, whatever the caller's colour."""
    attributes = response.__dict__
    if "response" not in attributes:
        response.headers  # noqa: B018 - a lazy redirect makes its parts when one is accessed
    return attributes["response"]


def is_bodiless(response: werkzeug.Response, method: str) -> bool:
    """Tell whether the answer has no content (RFC 9110 sections 9.3.2, 15.2, 15.3.5 and 15.4.5)."""
    return method == "HEAD" or response.status_code in (204, 304) or 100 <= response.status_code < 200


def conditions_of(request_or_environ: Any) -> WSGIEnvironment:
    """Return the environ that Werkzeug looks up conditions in; for a Quart request, its method and headers."""
    environ: Any = getattr(request_or_environ, "environ", request_or_environ)
    if isinstance(environ, dict):
        return environ
    fields = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in environ.headers}
    return {"REQUEST_METHOD": environ.method, **fields}


async def encoded(stream: AsyncIterable[str | bytes]) -> AsyncIterator[bytes]:
    """Iterate over the chunks of an async body as bytes; closing this generator closes the body."""
    async with AsyncExitStack() as stack:
        if isinstance(stream, AbstractAsyncContextManager):  # a body of Quart's
            stream = await stack.enter_async_context(stream)
        chunks = aiter(stream)
        stack.push_async_callback(close_stream, chunks)
        async for chunk in chunks:
            yield chunk.encode() if isinstance(chunk, str) else chunk


def quart_bodies() -> Any:
    """Import the module of Quart's body classes."""
    import quart.wrappers.response

    return quart.wrappers.response


def extend_quarts() -> None:
    """Make Quart's response class a base of ours; its methods come after Flask's and Werkzeug's."""
    from ..compat.quart_response import QuartResponse

    Response.__bases__ = (flask.Response, QuartResponse)


after_import("quart.wrappers.response", extend_quarts)
