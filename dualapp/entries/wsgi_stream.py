"""Iterate over a streamed response for a WSGI server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from contextvars import Context as Variables
from typing import TYPE_CHECKING, Any

from ..crossing.coroutines import END, CancelledError
from ..crossing.readahead import iterate_on_loop
from ..exchange.translation import LIMITS_STREAM
from ..pipeline.calls import ERRORS, as_exception
from ..pipeline.context_states import note_early_end
from ..wrappers.response import encoded
from ..wrappers.sending import checked_chunk

if TYPE_CHECKING:
    from ..pipeline.context import Context


class ChunksWithin:
    """Iterates over the chunks of a sync body in the context variables of its request."""

    def __init__(self, variables: Variables, chunks: Iterator[bytes]) -> None:
        self._variables = variables
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk: Any = self._variables.run(next, self._chunks, END)
        if chunk is END:
            raise StopIteration
        return checked_chunk(chunk)

    def close(self) -> None:
        """Close the body and its response."""
        self._variables.run(close, self._chunks)


def chunks_on_loop(response: Any, context: Context) -> Iterator[bytes]:
    """Iterate over the chunks of an async body on the loop, in the context variables of its request."""
    stream, variables = encoded(response.response), context.variables
    if limited := context.exchange.variable(LIMITS_STREAM):  # a test client's
        stream = limited(stream)
    try:
        # With middleware around it, the context moves on when the response starts, in its context variables too.
        with closing(iterate_on_loop(stream, variables, is_held=context.plan.has_middleware)) as chunks:
            for chunk in chunks:
                yield checked_chunk(chunk)
    finally:
        variables.run(response.close)


class WSGIStream:
    """The iterable of a streamed body (PEP 3333)."""

    def __init__(
        self, first: bytes, chunks: Iterator[bytes], deadline: float, context: Context, end: Callable[[Context], None]
    ) -> None:
        # There is always a first chunk, even an empty one: most servers send the headers with it (PEP 3333).
        self._first: bytes | None = first
        self._chunks = chunks
        self._deadline = deadline
        self._context = context
        self._end = end
        self._is_exhausted = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        try:
            chunk = next(self._chunks, None)
        except ERRORS as raised:
            error = self._context.error = as_exception(raised)
            raise error from error.__cause__
        if chunk is None:
            self._is_exhausted = True
            raise StopIteration
        if time.monotonic() > self._deadline:
            raise TimeoutError("The response took longer than its `timeout`, or RESPONSE_TIMEOUT if it has none.")
        return chunk

    def close(self) -> None:
        """Close the body and tear the context down; the server calls this in any case (PEP 3333)."""
        if not self._is_exhausted:
            note_early_end(self._context)
        try:
            close(self._chunks)
        except (CancelledError, GeneratorExit) as error:
            raise as_exception(error) from error
        finally:
            self._end(self._context)


def close(chunks: Iterable[bytes]) -> None:
    """Close an iterable that has `close`; that of a response's chunks closes the response too."""
    if hasattr(chunks, "close"):
        chunks.close()
