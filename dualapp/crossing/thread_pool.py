"""From the loop to a thread: sync code runs on the app's own threads, many functions at a time.

asgiref's `sync_to_async` would run all sync code of a process in one thread. Where the thread of a request waits for
the loop, sync code goes back to that very thread: that way is asgiref's own.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context, copy_context
from functools import partial, wraps
from typing import Any, TypeVar

from asgiref.sync import sync_to_async

from ..compat.upstream import thread_state, waiting_threads
from .colour import is_async
from .context_variables import call_contained, outcome, restore
from .handoff import new_handoff
from .os_threads import Workers

T = TypeVar("T")


class Threads:
    """The threads in which one app's sync code runs when the app is served from a loop.

    They are started as they are needed, up to a number, and end with the app.
    """

    def __init__(self, name: str, size: Callable[[], int]) -> None:
        """Take the name that the threads will have, and how many there may be, which is asked when one is needed."""
        self._workers = Workers(name, size)

    async def call(self, func: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Call a sync function in one of the threads.

        If the task is cancelled meanwhile, the function is left to end by itself.
        """
        return await self._call(None, func, args, kwargs)

    async def call_or_discard(self, discard: Callable[[T], None], func: Callable[..., T], /, *args: Any) -> T:
        """Call a sync function as `call` does; if nobody waits for its result any more, `discard` gets it, in a thread.

        What `discard` raises goes to the loop's exception handler.
        """
        return await self._call(discard, func, args, {})

    async def _call(
        self,
        discard: Callable[[T], None] | None,
        func: Callable[..., T],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> T:
        loop, variables = asyncio.get_running_loop(), copy_context()
        family: list[asyncio.Task[Any]] = []
        handoff = new_handoff(loop)

        def settle(result: Any, error: BaseException | None) -> None:
            if handoff.is_cancelled and discard is not None and error is None:
                self.start(partial(report, loop), variables, discard, (result,), {})
            handoff.settle(result, error)

        self.start(settle, variables, func, args, kwargs, family)
        try:
            result: T = await handoff
        except asyncio.CancelledError:
            for task in family:  # nobody waits any more for what the thread is blocked on
                task.cancel()
            raise
        restore(variables)
        return result

    def start(
        self,
        settle: Callable[[Any, BaseException | None], None],
        variables: Context,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        family: list[asyncio.Task[Any]] | None = None,
    ) -> None:
        """Have a sync function called in one of the threads, and `settle` with its result and its error on this loop.

        The tasks that the thread is blocked on can be found in `family`.
        """
        loop, workers = asyncio.get_running_loop(), self._workers

        def job() -> None:
            thread_state.main_event_loop, thread_state.main_event_loop_pid = loop, os.getpid()
            thread_state.task_context = [] if family is None else family
            result, error = outcome(variables, func, args, kwargs)
            workers.done()
            with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
                loop.call_soon_threadsafe(settle, result, error)

        workers.do(job)

    def adapt(self, func: Callable[..., T]) -> Callable[..., Awaitable[T]]:
        """Make an async function of a sync one, which runs in one of the threads."""

        @wraps(func, updated=())
        async def crossing(*args: Any, **kwargs: Any) -> T:
            return await self.call(func, *args, **kwargs)

        return crossing


def report(loop: asyncio.AbstractEventLoop, _: Any, error: BaseException | None) -> None:
    """Tell the loop's exception handler of an error that nobody waits for."""
    if error is not None:
        loop.call_exception_handler({"message": "A result that was not needed any more", "exception": error})


def to_request_thread(func: Callable[..., T]) -> Callable[..., Awaitable[T]]:
    """Make an async function of a sync one: it runs in the thread of the request that waits for the loop."""
    return sync_to_async(partial(call_contained, func), thread_sensitive=True)


async def from_loop(func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call a function of either colour from the loop; sync ones in the thread of the request, if it waits."""
    if is_async(func):
        return await func(*args, **kwargs)
    if getattr(waiting_threads, "current", None) is None:
        return await common_threads.call(func, *args, **kwargs)
    return await to_request_thread(func)(*args, **kwargs)


# Where sync code runs that no request waits for; asgiref has one thread for all of it.
common_threads = Threads("dualapp", lambda: 40)
