"""Limit how long a test waits for one response: an endless stream fails the test, and does not hang it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any

from werkzeug.wsgi import ClosingIterator

from ..crossing.coroutines import END, close_stream
from ..crossing.thread_pool import from_loop


class TimeLimit:
    """Counts the seconds that code waits for one response, in all blocks together, without the time in between."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = self._left = seconds

    @asynccontextmanager
    async def waiting_async(self) -> AsyncIterator[None]:
        """Cancel the block when the limit is reached, and raise TimeoutError."""
        with self.waiting() as left:
            try:
                async with asyncio.timeout(left) as scope:
                    yield
            except TimeoutError:
                if scope.expired():
                    raise self._error() from None
                raise  # the app's own

    @contextmanager
    def waiting(self) -> Iterator[float | None]:
        """Count the seconds of the block; yield the seconds left."""
        if self._left is None:
            yield None
            return
        self.check()
        begun = time.monotonic()
        try:
            yield self._left
        finally:
            self._left -= time.monotonic() - begun

    def check(self) -> None:
        """Raise TimeoutError if the limit is reached."""
        if self._left is not None and self._left <= 0:
            raise self._error()

    def _error(self) -> TimeoutError:
        return TimeoutError(
            f"The test has waited for this response for {self._seconds:g} seconds. Leave a stream that does not end"
            " (`response.close()`, `await response.aclose()`), or give the client another `timeout`."
        )

    def limited(self, body: Any) -> Any:
        """Limit the iteration over a body that a WSGI app has returned; close it when the limit is reached."""
        return ClosingIterator(self._limited(body), partial(close, body))

    def _limited(self, body: Any) -> Iterator[bytes]:
        chunks = iter(body)
        try:
            while True:
                with self.waiting():
                    chunk = next(chunks, None)
                if chunk is None:
                    return
                self.check()
                yield chunk
        except TimeoutError:
            close(body)
            raise

    async def limited_async(self, body: Any) -> AsyncIterator[bytes]:
        """Limit the iteration of async code over a body that a WSGI app has returned, as `limited` does."""
        chunks = iter(body)
        try:
            while True:
                async with self.waiting_async():
                    chunk = await from_loop(next, chunks, None)
                if chunk is None:
                    return
                yield chunk
        except TimeoutError:
            with suppress(ValueError):  # the generator is running still: the stream that its thread waits for ends now
                await from_loop(close, body)
            raise


async def limited_stream(seconds: float, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Limit how long an async body waits for its chunks, on the loop, for sync code that waits in a thread."""
    limit = TimeLimit(seconds)
    try:
        while True:
            async with limit.waiting_async():
                chunk: Any = await anext(stream, END)
            if chunk is END:
                return
            yield chunk
    finally:
        await close_stream(stream)


def close(body: Any) -> None:
    """Close the body of a WSGI app if it can be closed (PEP 3333)."""
    if hasattr(body, "close"):
        body.close()
