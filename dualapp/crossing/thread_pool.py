"""Call a sync function from the event loop: it runs in the app's thread pool, or in the request's waiting thread.

By default asgiref's `sync_to_async` would run all sync code of a process in one thread. Only where a thread waits for
the loop is asgiref used: sync code then runs in that very thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from contextvars import Context as Variables
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from asgiref.sync import sync_to_async

from ..compat.upstream import running_loop, thread_state
from .colour import is_async
from .context_variables import bound_to, call_contained, move_thread_bound, outcome, restore
from .handoff import new_handoff, new_lasting_handoff
from .os_threads import Workers
from .thread_wait import BlockingTasks
from .waiting_threads import current_call, unfinished

T = TypeVar("T")


class Threads:
    """The thread pool of one app for its sync code under ASGI: threads start on need, and end with the app."""

    def __init__(self, name: str, size: Callable[[], int], grows: bool = True) -> None:
        """Name the threads `name_1` and so on; `size` and `grows` are as in `Workers`."""
        self._workers = Workers(name, size, grows)

    async def call(self, func: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Call a sync function in one of the threads; if the task is cancelled, the function still runs to its end."""
        variables = copy_context()
        result = await self.run(bound_to(variables, func, args, kwargs))
        restore(variables)
        return result

    async def run(self, call: Callable[[], T], discard: Callable[[T], None] | None = None, begins: bool = False) -> T:
        """Call a function in one of the threads, outside of this context; discard its result if the task was cancelled.

        Errors of `discard` go to the loop's exception handler. If it `begins` a server's request, it may have to wait.
        """
        loop = asyncio.get_running_loop()
        blocking_tasks = BlockingTasks()
        handoff = new_handoff(loop)

        def settle(result: Any, error: BaseException | None) -> None:
            if handoff.is_cancelled and discard is not None and error is None:
                self.start(partial(to_exception_handler, loop), partial(discard, result))
            handoff.settle(result, error)

        self.start(settle, call, blocking_tasks, begins)
        try:
            return await handoff  # type: ignore[no-any-return]  # it is T
        except asyncio.CancelledError:
            blocking_tasks.cancel()  # those of the abandoned thread
            raise

    async def call_within(
        self, variables: Variables, func: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> T:
        """Call a sync function in one of the threads, in the context that the calling code runs in too."""
        try:
            return await self.run_to_end(bound_to(variables, func, args, kwargs))
        finally:
            move_thread_bound(variables)

    async def run_to_end(self, call: Callable[[], T]) -> T:
        """Call a function in one of the threads, outside of this context; a cancelled task waits for its end, too."""
        blocking_tasks = BlockingTasks()

        def start(settle: Callable[[Any, BaseException | None], None]) -> None:
            self.start(settle, call, blocking_tasks)

        return await new_lasting_handoff(asyncio.get_running_loop(), start, blocking_tasks)  # type: ignore[no-any-return]  # it is T

    def start(
        self,
        settle: Callable[[Any, BaseException | None], None],
        call: Callable[[], Any],
        blocking_tasks: BlockingTasks | None = None,
        begins: bool = False,
    ) -> None:
        """Call a function in one of the threads, then `settle` with its result and its error on this loop.

        `blocking_tasks` is filled with the tasks that the thread is blocked on.
        """
        loop = asyncio.get_running_loop()

        def job(done: Callable[[], None]) -> None:
            thread_state.main_event_loop = loop
            thread_state.task_context = [] if blocking_tasks is None else blocking_tasks
            result, error = outcome(call)
            done()
            with suppress(RuntimeError):  # the loop is closed: no task waits any more
                loop.call_soon_threadsafe(settle, result, error)

        self._workers.do(job, begins)


def to_exception_handler(loop: asyncio.AbstractEventLoop, _: Any, error: BaseException | None) -> None:
    """Pass an error that no task awaits to the loop's exception handler."""
    if error is not None:
        loop.call_exception_handler({"message": "Discarding the result of a cancelled call failed", "exception": error})


def to_request_thread(func: Callable[..., T]) -> Callable[..., Awaitable[T]]:
    """Make an async function of a sync one: it runs in the request's thread, which waits for the loop."""
    return sync_to_async(partial(call_contained, func), thread_sensitive=True)


async def from_loop(func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call a function of either colour from the loop; a sync one in the waiting thread if any, else in a pool."""
    if is_async(func):
        return await func(*args, **kwargs)
    if unfinished(current_call.get()) is None:
        return await common_threads.call(func, *args, **kwargs)
    return await to_request_thread(func)(*args, **kwargs)


def awaitable(func: Callable[..., T]) -> Callable[..., Coroutine[Any, Any, T]]:
    """Make an async function of a sync one: it runs in a thread, or in place where no loop runs."""

    async def crossing(*args: Any, **kwargs: Any) -> T:
        # Without a running loop this coroutine is stepped by hand, in a thread already.
        return func(*args, **kwargs) if running_loop() is None else await from_loop(func, *args, **kwargs)

    return crossing


# The pool for sync code where no thread waits for the loop; asgiref would use a single thread.
common_threads = Threads("dualapp", lambda: 40)
