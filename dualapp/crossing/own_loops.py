"""Run each coroutine that asgiref runs for a thread on a new loop, in another thread."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any, TypeVar

from ..compat.upstream import thread_state
from .os_threads import Workers, new_queue

T = TypeVar("T")


class OwnLoops:
    """A stand-in for a thread's loop in asgiref's `async_to_sync`: each coroutine gets a new loop.

    There is one new loop at a time for each waiting thread.
    """

    def __init__(self) -> None:
        self._workers = Workers("dualapp-own-loop", lambda: sys.maxsize)

    def create_task(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine, which does not raise, on a new loop in a thread. Raises what making the loop raises."""
        made = new_queue()
        self._workers.do(partial(run_on_new_loop, coroutine, made.put))
        if (error := made.get()) is not None:
            coroutine.close()
            raise error

    def call_soon_threadsafe(self, function: Callable[..., object], *args: Any) -> None:
        """Call a function at once."""
        function(*args)

    def is_running(self) -> bool:
        """Return False: dualapp's own code must not use this as a loop."""
        return False


def run_on_new_loop(
    coroutine: Coroutine[Any, Any, None], tell: Callable[[BaseException | None], None], done: Callable[[], None]
) -> None:
    """Run a coroutine in this thread; call `tell(None)` when there is a loop, `tell(error)` if none can be made."""
    try:
        with asyncio.Runner() as runner:
            runner.get_loop()
            tell(None)
            runner.run(coroutine)
    except BaseException as error:  # no descriptor is left; after the coroutine nobody waits for an error
        tell(error)
    finally:
        done()


own_loops = OwnLoops()


def call_with_own_loops(func: Callable[..., T], *args: Any) -> T:
    """Call a function; asgiref runs each coroutine that it waits for on a new loop."""
    of_thread = vars(thread_state)
    before = of_thread.copy()
    of_thread["main_event_loop"], of_thread["task_context"] = own_loops, None
    try:
        return func(*args)
    finally:
        of_thread.clear()
        of_thread |= before


class IteratorWithOwnLoops(Iterator[T]):
    """An iterator whose `__next__` and `close` are called with own loops."""

    def __init__(self, iterator: Iterator[T]) -> None:
        self._iterator = iterator

    def __next__(self) -> T:
        item: T = call_with_own_loops(next, self._iterator)
        return item

    def close(self) -> None:
        """End the iteration."""
        if (close := getattr(self._iterator, "close", None)) is not None:
            call_with_own_loops(close)
