"""Give async code that asgiref runs for a thread loops of its own: a new one for each call, in another thread."""

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
    """What asgiref's `async_to_sync` takes for the loop of a thread: each of its coroutines gets a new loop.

    There are as many at once as there are threads that wait for them.
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
        """Tell dualapp's own code in the thread that this is no loop for it."""
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
    """An iterator whose code, and that of its end, is called with own loops."""

    def __init__(self, iterator: Iterator[T]) -> None:
        self._iterator = iterator

    def __next__(self) -> T:
        item: T = call_with_own_loops(next, self._iterator)
        return item

    def close(self) -> None:
        """End the iteration."""
        if (close := getattr(self._iterator, "close", None)) is not None:
            call_with_own_loops(close)
