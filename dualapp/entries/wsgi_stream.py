"""The chunks of a streamed response on their way to a WSGI server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextvars import Context as Variables
from typing import Any

from ..crossing.coroutines import END


class WSGIStream:
    """An iterable of chunks as PEP 3333 has it; they are produced with the context variables of their request."""

    def __init__(
        self,
        first: bytes,
        chunks: Iterator[bytes],
        variables: Variables,
        deadline: float,
        end: Callable[[], None],
    ) -> None:
        # There is always a first chunk, if an empty one: a server may wait for it to send the headers (PEP 3333).
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
            raise TimeoutError("The response took longer than RESPONSE_TIMEOUT, or than its own timeout.")
        return chunk  # type: ignore[no-any-return]  # it is not END

    def close(self) -> None:
        """End the response, whether all of it was sent or the server gave up."""
        try:
            self._variables.run(close, self._chunks)
        finally:
            self._variables.run(self._end)


def close(chunks: Iterator[bytes]) -> None:
    """Close chunks that can be closed; those that a response gives close the response too."""
    if hasattr(chunks, "close"):
        chunks.close()
