"""From a thread to the event loop: an async function runs on the loop while the calling thread waits for it.

The thread runs what the coroutine sends back to it meanwhile, so that what is bound to a thread (an sqlite connection)
keeps working. The rules are asgiref's, and so are the places where it keeps who waits for whom: its `async_to_sync` and
`sync_to_async` find their way through ours, and ours through theirs. The way itself is shorter than asgiref's, which by
itself makes a thread and a loop for every call from a thread. Context variables travel both ways.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Executor, Future
from contextvars import Context, copy_context
from functools import partial, wraps
from typing import Any, TypeVar

from ..compat.upstream import run_handle, running_loop, thread_state, waiting_threads
from .context_variables import restore
from .coroutines import awaiting, step
from .host_loop import host_loop
from .lending_loop import LendingLoop
from .os_threads import GreenQueue, SystemExecutor, fulfil, is_green, new_queue

T = TypeVar("T")

# Where the sync code of tasks runs that no request waits for.
lone_thread = SystemExecutor("dualapp-lone-thread", 1)


def is_loop_thread() -> bool:
    """Tell whether this thread is running an event loop, and so must not wait."""
    return running_loop() is not None


def is_host_loop_thread() -> bool:
    """Tell whether this thread is the one that runs the host loop."""
    running = running_loop()
    return running is not None and running is host_loop.current


class LoopOnNeed:
    """The host loop as asgiref finds it in a thread that has not needed it yet: it is made when it is first used."""

    def __getattr__(self, name: str) -> Any:
        return getattr(host_loop.get(), name)


loop_on_need = LoopOnNeed()


def offer_loop() -> None:
    """Let asgiref's own `async_to_sync` find the host loop from this thread, where requests come in."""
    if not hasattr(thread_state, "main_event_loop"):
        thread_state.main_event_loop, thread_state.main_event_loop_pid = loop_on_need, os.getpid()


def take_offer_back() -> None:
    """Start clean after a fork, in the only thread that the child has."""
    vars(thread_state).pop("main_event_loop", None)


os.register_at_fork(after_in_child=take_offer_back)


def loop_of_thread() -> asyncio.AbstractEventLoop:
    """Return the loop that async code called from this thread belongs on: the one it serves, or else the host loop."""
    offer_loop()
    loop = thread_state.main_event_loop
    if loop is loop_on_need or not loop.is_running():
        loop = thread_state.main_event_loop = host_loop.get()
    return loop  # type: ignore[no-any-return]  # asgiref types nothing of this


class LoopCall(Executor):
    """One call from a thread to the loop; what is submitted while the thread waits runs in that thread."""

    def __init__(self) -> None:
        self.loop = loop_of_thread()
        self._lender = self.loop if isinstance(self.loop, LendingLoop) else None
        self.value: Any = None
        self.error: BaseException | None = None
        self._task: asyncio.Task[Any] | None = None
        # Where asgiref looks for whom to cancel when the task that this thread works for is cancelled.
        family: list[Any] | None = getattr(thread_state, "task_context", None)
        self._family = [] if family is None else family
        self._outer: LoopCall | None = getattr(waiting_threads, "current", None)
        self._is_over = self.has_waited = False
        self._work: Any = GreenQueue() if is_green() else new_queue()

    def start(self, work: Coroutine[Any, Any, Any], variables: Context) -> None:
        """Have the loop's own thread do the work."""
        self.loop.call_soon_threadsafe(start_task, self.loop, work, variables)

    def borrow(self, work: Coroutine[Any, Any, Any], variables: Context) -> bool:
        """Borrow the loop, to do the work in this thread; tell whether it could be had."""
        if self._lender is not None:
            self._task = self._lender.lend(work, variables, self._work.put)
        return self._task is not None

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run a function in the waiting thread, or in the one that waits for that, if this wait is over."""
        if self._is_over:
            # A task that outlives its request has the thread that all such tasks have.
            return (self._outer or lone_thread).submit(fn, *args, **kwargs)
        future: Future[T] = Future()
        self._work.put(partial(self._do, future, fn, args, kwargs))
        return future

    async def run(self, func: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Do on the loop what the thread waits for."""
        waiting_threads.current = self
        self._task = asyncio.current_task()
        self._family.append(self._task)
        try:
            self.value = await func(*args, **kwargs)
        except BaseException as error:
            self.error = error
        finally:
            self._family.remove(self._task)
            waiting_threads.current = self._outer
            self._is_over = True
            if self._lender is not None:
                self._lender.take_back(self._task)
            self._work.put(None)

    def abandon(self) -> None:
        """Give up, on the loop: nobody waits any more."""
        if self._task is None:
            return
        if self._lender is not None and self._lender.take_back(self._task):
            while not self._work.empty():
                if isinstance(handle := self._work.get(), asyncio.Handle):
                    self.loop.call_soon(run_handle, handle)
        self._task.cancel()

    def wait(self) -> None:
        """Do what is submitted, and take the steps of a task of its own, until all is done."""
        while (work := self._work.get()) is not None:
            if isinstance(work, asyncio.Handle) and self._lender is not None:
                self._lender.run_step(work)
                self.has_waited |= not self._is_over
            else:
                work()
        self.free()

    def _do(self, future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if future.set_running_or_notify_cancel():
            fulfil(future, fn, args, kwargs)

    def free(self) -> None:
        """Give back what the wait needed, when it is over."""
        if isinstance(self._work, GreenQueue):
            self._work.close()


class LoopRunner:
    """Run one async function from threads, which may call it often.

    As long as it was never seen to wait for anything, the calling thread runs it itself, on the loop that it borrows;
    after that, the loop's own thread does.
    """

    def __init__(self, waits: bool = False) -> None:
        self._waits = waits

    def run(self, func: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T:
        """Run the function on the loop that this thread belongs to, and wait for it.

        On the loop's own thread waiting would stop everything, so there only a function that does not suspend can run.
        Raises RuntimeError for one that does.
        """
        if is_loop_thread():
            return run_in_place(func, *args, **kwargs)
        call, variables = LoopCall(), copy_context()
        work = call.run(func, args, kwargs)
        if self._waits or not call.borrow(work, variables):
            call.start(work, variables)
        try:
            call.wait()
        except BaseException:  # this thread is made to stop, as by gunicorn's timeout
            call.loop.call_soon_threadsafe(call.abandon)
            raise
        self._waits |= call.has_waited
        restore(variables)
        if call.error is not None:
            raise call.error
        result: T = call.value
        return result


run_on_loop = LoopRunner(waits=True).run


if hasattr(asyncio, "eager_task_factory"):  # Python 3.12

    def start_task(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None], variables: Context) -> None:
        """Start a task on its loop's thread, and run it up to its first wait at once."""
        asyncio.Task(work, loop=loop, context=variables, eager_start=True)  # type: ignore[call-arg]  # mypy reads 3.11

else:

    def start_task(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None], variables: Context) -> None:
        """Start a task on its loop's thread."""
        loop.create_task(work, context=variables)


def run_in_place(func: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T:
    try:
        return step(awaiting(func, *args, **kwargs))
    except RuntimeError as error:
        name = getattr(func, "__qualname__", repr(func))
        error.add_note(
            f"{name} is async and was called from sync code on the event loop: await it, or call it in a thread."
        )
        raise


def to_loop(func: Callable[..., Awaitable[T]]) -> Callable[..., T]:
    """Make a sync function of an async one: it runs on the loop while the calling thread waits."""
    runner = LoopRunner()

    @wraps(func, updated=())  # not its __dict__, where a mark of its colour may be
    def crossing(*args: Any, **kwargs: Any) -> T:
        return runner.run(func, *args, **kwargs)

    return crossing


running: set[asyncio.Task[Any]] = set()


def spawn(func: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> None:
    """Start an async function as a task, on this thread's loop or on the one it belongs to, and do not wait for it."""

    async def detached() -> None:
        waiting_threads.current = lone_thread  # the thread of the request that spawned it will not wait for it
        await func(*args)

    def start() -> None:
        task = loop.create_task(detached(), context=variables)
        running.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(running.discard)

    variables = copy_context()
    if is_loop_thread():
        loop = asyncio.get_running_loop()
        start()
    else:
        loop = loop_of_thread()
        loop.call_soon_threadsafe(start)
