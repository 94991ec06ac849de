"""Call an async function from a thread: it runs on the event loop while the thread waits.

Sync functions that the coroutine calls meanwhile run in the waiting thread, so that thread-bound resources (an sqlite
connection) keep working. The rules are those of asgiref's `async_to_sync`, and so are the variables that record which
thread waits for which task, so that asgiref's functions and these can be nested in each other. asgiref alone would make
a thread and a loop for every call. Context variables travel both ways.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Executor, Future
from contextvars import Context as Variables
from contextvars import copy_context
from functools import partial, wraps
from typing import Any, TypeVar

from ..compat.upstream import request_variable, run_handle, running_loop, thread_state
from .context_variables import await_within, bound_to, call_contained, move_thread_bound, outcome, restore
from .coroutines import awaiting, run_without_loop
from .handoff import new_lasting_handoff
from .host_loop import host_loop
from .lending_loop import LendingLoop
from .os_threads import GreenQueue, fulfil_unless_cancelled, is_green, new_queue, start_thread
from .thread_sensitive import Owner, current_owner, new_job
from .thread_wait import BlockingTasks
from .waiting_threads import begin_wait, current_call, unfinished, waits

T = TypeVar("T")


def is_loop_thread() -> bool:
    """Tell whether this thread is running an event loop, and so must not block."""
    return running_loop() is not None


def is_host_loop_thread() -> bool:
    """Tell whether this thread is running the host loop."""
    running = running_loop()
    return running is not None and running is host_loop.current


def forget_loop() -> None:
    """Forget the parent's loop after a fork, in the only thread that the child has."""
    vars(thread_state).clear()


os.register_at_fork(after_in_child=forget_loop)


def loop_of_thread() -> asyncio.AbstractEventLoop:
    """Return the loop for async code called from this thread: the loop that started the thread, else the host loop."""
    loop: asyncio.AbstractEventLoop | None = vars(thread_state).get("main_event_loop")
    return host_loop.get() if loop is None or not loop.is_running() else loop


class LoopCall(Executor):
    """One call from a thread to the loop; as an executor, it runs submitted functions in the waiting thread.

    A call that is made by such a function shares the queue of the call around it: while the thread waits for the inner
    one, it still runs what the outer one's tasks need.
    """

    #: How often this call has put itself into the queue, and its thread has not gone on yet.
    _notices = 0

    def __init__(self) -> None:
        self.loop = loop_of_thread()
        self._lender = self.loop if isinstance(self.loop, LendingLoop) else None
        self.value: Any = None
        self.error: BaseException | None = None
        self._task: asyncio.Task[Any] | None = None
        # The tasks that this thread is blocked on: asgiref cancels them when the task that called the thread is.
        blocking_tasks = thread_state.task_context
        self._blocking_tasks = [] if blocking_tasks is None else blocking_tasks
        self.is_over = self.has_suspended = False
        self.outer: Any = unfinished(current_call.get())
        self._thread = threading.get_ident()
        self._is_inner = isinstance(self.outer, LoopCall) and self.outer._thread == self._thread
        self._work, self._steps_of = self._shared_or_new()

    def _shared_or_new(self) -> tuple[Any, LendingLoop | None]:
        """Return the queue of this thread, and the loop whose steps may be in it."""
        if self._is_inner:
            return self.outer._work, self._lender or self.outer._steps_of
        return GreenQueue() if is_green() else new_queue(), self._lender

    def start(
        self, work: Coroutine[Any, Any, Any], variables: Variables, func: object, within: Variables | None
    ) -> None:
        """Run the coroutine as a task in the loop's own thread; in debug mode its name tells the function's."""
        if self.loop.get_debug():
            name = name_of_task(func, variables if within is None else within)
            self.loop.call_soon_threadsafe(partial(self.loop.create_task, work, context=variables, name=name))
        else:
            self.loop.call_soon_threadsafe(start_task, self.loop, work, variables)

    def borrow(self, work: Coroutine[Any, Any, Any], variables: Variables) -> bool:
        """Run the coroutine in this thread, on the borrowed loop; False if the loop is busy or does not lend itself."""
        if self._lender is not None:
            self._task = self._lender.lend(work, variables, self._work.put)
        return self._task is not None

    def result(self) -> Any:
        """Return the result of the call, or raise its error."""
        if self.error is not None:
            raise self.error
        return self.value

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run a function in the waiting thread, or in a new one if the wait has ended."""
        future: Future[T] = Future()
        job = partial(fulfil_unless_cancelled, future, fn, args, kwargs)
        if running_loop() is self.loop:
            self.put(job)
        else:  # only this call's loop knows whether the wait goes on
            self.loop.call_soon_threadsafe(self.put, job)
        return future

    def put(self, job: Callable[[], None]) -> None:
        """Run a job, which must not raise, as `submit` does; called on the loop."""
        if self.is_over:
            start_thread(job, "dualapp-late")
        else:
            self._work.put(job)

    async def run(
        self,
        func: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        within: Variables | None,
    ) -> None:
        """Await the function on the loop, and end the thread's wait.

        `within` is a context for the function's steps. It is not the task's own, because the loop would still be in it
        when the thread goes on.
        """
        self._task = asyncio.current_task()
        self._blocking_tasks.append(self._task)
        try:
            if within is None:
                self.value = await self._awaited(func, args, kwargs)
            else:
                self.value = await await_within(within, self._awaited, func, args, kwargs)
        except BaseException as error:
            self.error = error
        finally:
            self.release()

    def release(self) -> None:
        """End the thread's wait, on the loop; the function goes on without the thread."""
        if not self.is_over:
            self._blocking_tasks.remove(self._task)
            self.is_over = True
            if self._lender is not None:
                self._lender.take_back(self._task)
            self._work.put(self)

    async def _awaited(self, func: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        before = current_call.get()
        current_call.set(self)
        try:
            return await func(*args, **kwargs)
        finally:
            current_call.set(before)

    def abandon(self) -> None:
        """Cancel the task, from the loop, after the thread has stopped waiting."""
        if self._task is None:
            return
        if self._lender is not None and self._lender.take_back(self._task):
            for _ in range(self._work.qsize()):
                if isinstance(work := self._work.get(), asyncio.Handle):
                    self.loop.call_soon(run_handle, work)
                else:
                    self._work.put(work)
        self._task.cancel()

    def wait(self) -> None:
        """Run submitted functions, and the steps of tasks on the borrowed loop, until the call has ended."""
        self.work_until_notice()
        self.free()

    def work_until_notice(self) -> None:
        """Run submitted functions, and steps, until the call has put itself into the queue."""
        begin_wait(self)
        try:
            while not self._notices:
                work = self._work.get()
                if isinstance(work, LoopCall):  # another call's is kept: this thread may come to wait for it meanwhile
                    work._notices += 1
                elif isinstance(work, asyncio.Handle) and self._steps_of is not None:
                    self._steps_of.run_step(work)
                    self.has_suspended |= not self.is_over
                else:
                    run_for_other_loop(work)
            self._notices -= 1
        finally:
            waits.discard(self)

    def free(self) -> None:
        """Release the queue after the wait, unless it is that of the outer call."""
        if isinstance(self._work, GreenQueue) and not self._is_inner:
            self._work.close()


def run_for_other_loop(job: Callable[[], None]) -> None:
    """Run a job that was submitted to this thread, which afterwards works for the same loop as before.

    asgiref sets the loop that has submitted it: perhaps one of `asyncio.run`, which is about to end.
    """
    of_thread = vars(thread_state)
    before = of_thread.copy()
    try:
        job()
    finally:
        of_thread.clear()
        of_thread |= before


class LoopRunner:
    """Run one async function from threads, and remember whether it suspends.

    Until a call suspends, the calling thread runs the coroutine itself, on the borrowed loop. From then on every call
    runs in the loop's own thread.
    """

    def __init__(self, suspends: bool = False) -> None:
        self._suspends = suspends

    def run(self, func: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T:
        """Run the function on this thread's loop, wait for it, and return its result.

        In the loop's own thread blocking would stop the loop: there a function that suspends raises RuntimeError.
        """
        if is_loop_thread():
            return run_in_place(func, *args, **kwargs)
        variables = copy_context()
        call = self._waited_for(func, args, kwargs, variables, None)
        restore(variables)
        return call.result()  # type: ignore[no-any-return]  # it is T

    def run_within(self, variables: Variables, func: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T:
        """Run the function as `run` does, but in a context that this thread is not in, instead of a copy."""
        if is_loop_thread():
            return variables.run(run_in_place, func, *args, **kwargs)
        return self._waited_for(func, args, kwargs, copy_context(), variables).result()  # type: ignore[no-any-return]  # it is T

    def _waited_for(
        self,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        variables: Variables,
        within: Variables | None,
    ) -> LoopCall:
        call = LoopCall()
        work = call.run(func, args, kwargs, within)
        if self._suspends or not call.borrow(work, variables):
            call.start(work, variables, func, within)
        try:
            call.wait()
        except BaseException:  # raised from outside while the thread waits, as by gunicorn's timeout
            call.loop.call_soon_threadsafe(call.abandon)
            raise
        self._suspends |= call.has_suspended
        return call


run_on_loop = LoopRunner(suspends=True).run


def name_of_task(func: object, variables: Variables) -> str:
    """Name a task after its function and the request that it is for, for asyncio to tell which one blocks the loop."""
    name, request = getattr(func, "__qualname__", repr(func)), variables.get(request_variable)
    return name if request is None else f"{name} for {request!r}"


if hasattr(asyncio, "eager_task_factory"):  # Python 3.12

    def start_task(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None], variables: Variables) -> None:
        """Start a task in its loop's thread, and run it up to its first suspension at once."""
        asyncio.Task(work, loop=loop, context=variables, eager_start=True)  # type: ignore[call-arg]  # mypy reads 3.11

else:

    def start_task(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None], variables: Variables) -> None:
        """Start a task in its loop's thread."""
        loop.create_task(work, context=variables)


def run_in_place(func: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T:
    try:
        return run_without_loop(awaiting(func, *args, **kwargs))
    except RuntimeError as error:
        name = getattr(func, "__qualname__", repr(func))
        error.add_note(
            f"{name} is async and was called from sync code on the event loop: await it, or call it from a thread."
        )
        raise


async def call_in_waiting_thread(
    variables: Variables, func: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> T:
    """Call a sync function in the thread that waits for this task, in the context that the calling code runs in too."""
    call = unfinished(current_call.get())
    if not isinstance(call, LoopCall):  # the loop's own thread waits: `run_in_place`
        return call_contained(func, *args, **kwargs)
    job = new_job(call)
    blocking_tasks = BlockingTasks()

    def start(settle: Callable[[Any, BaseException | None], None]) -> None:
        call.put(partial(work, settle))

    def work(settle: Callable[[Any, BaseException | None], None]) -> None:
        before, thread_state.task_context = thread_state.task_context, blocking_tasks
        result, error = outcome(bound_to(variables, job.run_here, (func, args, kwargs), {}))
        thread_state.task_context = before
        call.loop.call_soon_threadsafe(settle, result, error)

    try:
        return await new_lasting_handoff(call.loop, start, blocking_tasks)  # type: ignore[no-any-return]  # it is T
    finally:
        move_thread_bound(variables)


def to_loop(func: Callable[..., Awaitable[T]]) -> Callable[..., T]:
    """Make a sync function of an async one: it runs on the loop while the calling thread waits."""
    runner = LoopRunner()

    @wraps(func, updated=())  # not its __dict__, where markcoroutinefunction may have marked it as async
    def crossing(*args: Any, **kwargs: Any) -> T:
        return runner.run(func, *args, **kwargs)

    return crossing


async def await_on(loop: asyncio.AbstractEventLoop, func: Callable[..., Coroutine[Any, Any, T]], /, *args: Any) -> T:
    """Await an async function on a loop that runs in another thread."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(func(*args), loop))


def wait_on(loop: asyncio.AbstractEventLoop, func: Callable[..., Coroutine[Any, Any, T]], /, *args: Any) -> T:
    """Block this thread until an async function has run on a loop in another thread."""
    return asyncio.run_coroutine_threadsafe(func(*args), loop).result()


running: set[asyncio.Task[Any]] = set()


def spawn(func: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> None:
    """Start an async function as a task, and do not wait for it: on the running loop, else on this thread's loop."""

    async def detached() -> None:
        current_call.set(None)  # the thread of the spawning request will not wait for this task
        owner = Owner()
        current_owner.set(owner)
        await func(*args)

    def start() -> None:
        task = loop.create_task(detached(), context=variables)
        running.add(task)  # a loop keeps only weak references to its tasks
        task.add_done_callback(running.discard)

    variables = copy_context()
    if is_loop_thread():
        loop = asyncio.get_running_loop()
        start()
    else:
        loop = loop_of_thread()
        loop.call_soon_threadsafe(start)
