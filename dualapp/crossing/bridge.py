"""Between threads and the event loop: the two crossings, and how a pipeline is driven on either side.

- From a thread to the loop: `run_on_loop`. The thread waits, and meanwhile runs the sync code that the coroutine sends
  back to it, so that what is bound to a thread (an sqlite connection) keeps working.
- From the loop to a thread: `Threads.call` runs sync code on the app's own threads, many at a time; `to_request_thread`
  goes back to the thread that waits.

The rules are asgiref's, and so are the places where it keeps who waits for whom: its `async_to_sync` and
`sync_to_async` find their way through ours, and ours through theirs. The way itself is shorter than asgiref's, which by
itself makes a thread and a loop for every call from a thread, and runs all sync code of a process in one thread.
Context variables travel both ways.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Executor, Future
from contextlib import suppress
from contextvars import Context, copy_context
from functools import partial, wraps
from typing import Any, TypeVar

import asgiref.local
from asgiref.sync import AsyncToSync, SyncToAsync, _restore_context, sync_to_async

from .colour import is_async
from .coroutines import END, awaiting, rest_of, step
from .handoff import Handoff
from .host_loop import GreenQueue, SystemExecutor, Workers, fulfil, host_loop, is_green, new_queue
from .lending_loop import LendingLoop

T = TypeVar("T")
# How asgiref marks a variable's value as a thread's own; it began to in 3.12.
Storage = getattr(asgiref.local, "_Storage", None)

waiting_threads = AsyncToSync.executors
thread_state = SyncToAsync.threadlocal


def on_loop_thread() -> bool:
    """Tell whether this thread is running an event loop, and so must not wait."""
    return asyncio._get_running_loop() is not None


def on_host_loop() -> bool:
    """Tell whether this thread is the one that runs the host loop."""
    running = asyncio._get_running_loop()
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


class Visit(Executor):
    """One wait of a thread for the loop; what is submitted meanwhile runs in that thread."""

    def __init__(self) -> None:
        self.loop = loop_of_thread()
        self._lender = self.loop if isinstance(self.loop, LendingLoop) else None
        self.value: Any = None
        self.error: BaseException | None = None
        self._task: asyncio.Task[Any] | None = None
        # Where asgiref looks for whom to cancel when the task that this thread works for is cancelled.
        family: list[Any] | None = getattr(thread_state, "task_context", None)
        self._family = [] if family is None else family
        self._outer: Visit | None = getattr(waiting_threads, "current", None)
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
                if isinstance(step := self._work.get(), asyncio.Handle):
                    self.loop.call_soon(step._run)
        self._task.cancel()

    def wait(self) -> None:
        """Do what is submitted, and take the steps of a task of its own, until all is done."""
        while (work := self._work.get()) is not None:
            if isinstance(work, asyncio.Handle) and self._lender is not None:
                self._lender.take(work)
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


class Habit:
    """How threads have one async function run, which may be called often.

    As long as it was never seen to wait for anything, the thread runs it itself, on the loop that it borrows.
    """

    def __init__(self, waits: bool = False) -> None:
        self._waits = waits

    def run(self, func: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T:
        """Run the function on the loop that this thread belongs to, and wait for it.

        On the loop's own thread waiting would stop everything, so there only a function that does not suspend can run.
        Raises RuntimeError for one that does.
        """
        if on_loop_thread():
            return run_in_place(func, *args, **kwargs)
        visit, variables = Visit(), copy_context()
        work = visit.run(func, args, kwargs)
        if self._waits or not visit.borrow(work, variables):
            visit.start(work, variables)
        try:
            visit.wait()
        except BaseException:  # this thread is made to stop, as by gunicorn's timeout
            visit.loop.call_soon_threadsafe(visit.abandon)
            raise
        self._waits |= visit.has_waited
        restore(variables)
        if visit.error is not None:
            raise visit.error
        result: T = visit.value
        return result


run_on_loop = Habit(waits=True).run


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
    habit = Habit()

    @wraps(func, updated=())  # not its __dict__, where a mark of its colour may be
    def crossing(*args: Any, **kwargs: Any) -> T:
        return habit.run(func, *args, **kwargs)

    return crossing


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
    if on_loop_thread():
        loop = asyncio.get_running_loop()
        start()
    else:
        loop = loop_of_thread()
        loop.call_soon_threadsafe(start)


running: set[asyncio.Task[Any]] = set()
lone_thread = SystemExecutor("dualapp-lone-thread", 1)


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
        variables = copy_context()
        family: list[asyncio.Task[Any]] = []
        handoff = Handoff(asyncio.get_running_loop())
        self.start(handoff.settle, variables, func, args, kwargs, family)
        try:
            result: T = await handoff
        except asyncio.CancelledError:
            for task in family:  # the tasks that the thread waits for, for which nobody waits any more
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

        The tasks that the thread is waiting for can be found in `family`.
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


def restore(variables: Context) -> None:
    """Give the running code the values that code on the other side has set; asgiref's own move to this thread."""
    for variable, value in variables.items():
        if type(value) is Storage:
            _restore_context(variables)
            return
        if variable.get(END) is not value:
            variable.set(value)


def outcome(
    variables: Context, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, BaseException | None]:
    """Call a function with a set of context variables; return its result and its error."""
    try:
        return variables.run(arrived, variables, func, args, kwargs), None
    except BaseException as error:
        return None, error


def arrived(variables: Context, func: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
    for value in variables.values():
        if type(value) is Storage:  # what asgiref binds to a thread moves to this one
            _restore_context(variables)
            break
    return contained(func, *args, **kwargs)


def to_request_thread(func: Callable[..., T]) -> Callable[..., Awaitable[T]]:
    """Make an async function of a sync one: it runs in the thread of the request that waits for the loop."""
    return sync_to_async(partial(contained, func), thread_sensitive=True)


def contained(func: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """Call a function and keep StopIteration inside, as PEP 479 has it for generators.

    No future can carry it: on Python 3.11 who awaits that future waits forever.
    """
    try:
        return func(*args, **kwargs)
    except StopIteration as stop:
        raise RuntimeError(f"{getattr(func, '__qualname__', func)} raised StopIteration") from stop


async def from_loop(func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call a function of either colour from the loop; sync ones in the thread of the request, if it waits."""
    if is_async(func):
        return await func(*args, **kwargs)
    if getattr(waiting_threads, "current", None) is None:
        return await common_threads.call(func, *args, **kwargs)
    return await to_request_thread(func)(*args, **kwargs)


# Where sync code runs that no request waits for; asgiref has one thread for all of it.
common_threads = Threads("dualapp", lambda: 40)


async def within(seconds: float | None, work: Awaitable[None]) -> None:
    """Await `work` for so many seconds at most; TimeoutError after that, None is for ever."""
    steps = work.__await__()
    waits_for = next(steps, END)
    if waits_for is not END:  # what is there already needs no clock
        async with asyncio.timeout(seconds):
            await rest_of(steps, waits_for)
