"""Call apps of others as their server: a CancelledError or GeneratorExit that nobody asked for is an exception.

Servers expect exceptions of an app. Another error ends the thread of many a WSGI server, and its request is never
answered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ..crossing.coroutines import CancelledError, is_being_cancelled
from ..crossing.own_loops import IteratorWithOwnLoops
from ..pipeline.calls import as_exception

T = TypeVar("T")


def call_foreign(func: Callable[..., T], /, *args: Any) -> T:
    """Call sync code of another app, which nobody cancels."""
    try:
        return func(*args)
    except (CancelledError, GeneratorExit) as error:
        raise as_exception(error) from error


async def await_foreign(app: Callable[..., Awaitable[None]], /, *args: Any) -> None:
    """Await an ASGI app, and pass a cancellation of this task on."""
    try:
        await app(*args)
    except (CancelledError, GeneratorExit) as error:
        if is_being_cancelled():
            raise
        raise as_exception(error) from error


class ForeignBody(IteratorWithOwnLoops[bytes]):
    """The body of another app, whose async code has loops of its own."""

    def __next__(self) -> bytes:
        return call_foreign(super().__next__)

    def close(self) -> None:
        """End the iteration."""
        call_foreign(super().close)
