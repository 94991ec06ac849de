"""Iterate over a streamed response for a WSGI server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextvars import Context as Variables
from typing import Any

from ..crossing.coroutines import END


class WSGIStream:
    """The iterable of a streamed body (PEP 3333); its chunks are produced in the context of their request."""

    def __init__(
        self,
        first: bytes,
        chunks: Iterator[bytes],
        variables: Variables,
        deadline: float,
        end: Callable[[], None],
    ) -> None:
        # There is always a first chunk, even an empty one: servers send the headers with it (PEP 3333).
        self._first: bytes | None = first
        self._chunks = chunks
        self._variables = variables
        self._deadline = deadline
        self._end = end

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        chunk: Any = self._variables.run(next, self._chunks, END)
        if chunk is END:
            raise StopIteration
        if time.monotonic() > self._deadline:
            raise TimeoutError("The response took longer than its `timeout`, or RESPONSE_TIMEOUT if it has none.")
        return chunk  # type: ignore[no-any-return]  # it is not END

    def close(self) -> None:
        """Close the body and tear the context down; the server calls this in any case (PEP 3333)."""
        try:
            self._variables.run(close, self._chunks)
        finally:
            self._variables.run(self._end)


def close(chunks: Iterator[bytes]) -> None:
    """Close an iterator that has `close`; that of a response's chunks closes the response too."""
    if hasattr(chunks, "close"):
        chunks.close()
