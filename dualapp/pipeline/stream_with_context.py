"""Keep a request's context open while its body is streamed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar, overload

from ..compat.upstream import request_context
from ..crossing.coroutines import close_stream
from .context_states import keep_open

P = ParamSpec("P")
T = TypeVar("T")


@overload
def stream_with_context(stream: AsyncIterator[T]) -> AsyncIterator[T]: ...
@overload
def stream_with_context(stream: Iterable[T]) -> Iterator[T]: ...
@overload
def stream_with_context(stream: Callable[P, AsyncIterator[T]]) -> Callable[P, AsyncIterator[T]]: ...
@overload
def stream_with_context(stream: Callable[P, Iterable[T]]) -> Callable[P, Iterator[T]]: ...
def stream_with_context(stream: Any) -> Any:
    """Keep the request context open while a stream is sent.

    Takes an iterator, sync or async, or decorates a function that returns one. The teardown functions run when the
    response is closed instead of before its body is made. Raises RuntimeError outside of a request.
    """
    if hasattr(stream, "__aiter__"):
        return keep_async(aiter(stream))
    if hasattr(stream, "__iter__"):
        return keep(iter(stream))

    @wraps(stream)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        return stream_with_context(stream(*args, **kwargs))

    return decorated


def keep_body(response: Any) -> None:
    """Keep the current context open while the body of a response is sent."""
    response.response = stream_with_context(response.response)


def kept_context() -> Any:
    """Keep the current context open until the response is sent, and return it."""
    context = request_context(None)
    if context is None:
        raise RuntimeError(
            "'stream_with_context' can only be used when a request context is active, such as in a view function."
        )
    keep_open(context)
    return context


@contextmanager
def entered(context: Any) -> Iterator[None]:
    context.enter()
    try:
        yield
    finally:
        context.leave()


def keep(stream: Iterator[Any]) -> Iterator[Any]:
    context, end = kept_context(), object()

    def generate() -> Iterator[Any]:
        # Entered anew for each item: between two of them, code of the server may run in this thread.
        try:
            while True:
                with entered(context):
                    item = next(stream, end)
                if item is end:
                    return
                yield item
        finally:
            if hasattr(stream, "close"):
                with entered(context):
                    stream.close()

    return generate()


def keep_async(stream: AsyncIterator[Any]) -> AsyncIterator[Any]:
    context, end = kept_context(), object()

    async def generate() -> AsyncIterator[Any]:
        try:
            while True:
                with entered(context):
                    item = await anext(stream, end)
                if item is end:
                    return
                yield item
        finally:
            with entered(context):
                await close_stream(stream)

    return generate()
