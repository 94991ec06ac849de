"""Keep a request's context open while its body is streamed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import wraps
from typing import Any

from ..compat.upstream import request_context
from .life import keep_open


def stream_with_context(stream: Any) -> Any:
    """Keep the request context open while a stream is sent.

    Takes an iterator, sync or async, or decorates a function that returns one. The teardown functions run when the
    response is closed instead of before its body is made. Raises RuntimeError outside of a request.
    """
    if hasattr(stream, "__aiter__"):
        return keep_async(stream)
    if hasattr(stream, "__iter__"):
        return keep(iter(stream))

    @wraps(stream)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        return stream_with_context(stream(*args, **kwargs))

    return decorated


def kept_context() -> Any:
    """Keep the current context open until the response is sent, and return it."""
    context = request_context(None)
    if context is None:
        raise RuntimeError(
            "'stream_with_context' can only be used when a request context is active, such as in a view function."
        )
    keep_open(context)
    return context


def keep(stream: Iterator[Any]) -> Iterator[Any]:
    context, end = kept_context(), object()

    def generate() -> Iterator[Any]:
        # Entered anew for each item, because each may be produced in another thread.
        try:
            while True:
                context.enter()
                try:
                    item = next(stream, end)
                finally:
                    context.leave()
                if item is end:
                    return
                yield item
        finally:
            if hasattr(stream, "close"):
                stream.close()

    return generate()


def keep_async(stream: AsyncIterator[Any]) -> AsyncIterator[Any]:
    context, end = kept_context(), object()

    async def generate() -> AsyncIterator[Any]:
        try:
            while True:
                context.enter()
                try:
                    item = await anext(stream, end)
                finally:
                    context.leave()
                if item is end:
                    return
                yield item
        finally:
            if hasattr(stream, "aclose"):
                await stream.aclose()

    return generate()
