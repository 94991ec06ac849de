"""Choose the thread in which asgiref runs thread-sensitive sync code, and keep it from waiting for itself.

Code runs in the thread that waits for it: that of a WSGI request, or of a `def` view which called async code. Where no
thread waits, asgiref would use one thread for the whole process, in which a request waits for others. Here each request
has a thread of its own, as it has under a WSGI server; so has each background task, and each task outside of a request.

No job waits for a job that is behind it in the same thread. A `Job` is visible, by its context variable, to all that
its function calls: `asyncio.run`, `run_coroutine_threadsafe`, another crossing. Code that is called by a running job
never uses the thread in which that job runs, but

- the thread that waits for this very code, if the job made a crossing and so waits for it;
- otherwise a thread that the job has for what it calls.

Pools of threads (os_threads.py) follow the same rule by numbers: a full pool has a thread more for each thread of the
process that waits in a crossing. If all threads of a pool are blocked, each waits in a crossing itself, or for a thread
that does; so at least as many threads wait as the pool has, and it may start another. A chain of any length ends in a
thread that is free, whoever has started the task that the chain goes through, and wherever. Two waits are not seen: a
thread that blocks on `run_coroutine_threadsafe(...).result()`, and one of many that block on a lock whose holder waits
in a crossing, count as busy, as in any pool.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextvars import ContextVar
from typing import Any, TypeVar

from ..compat.upstream import has_thread_sensitive_context, request_context, running_loop, use_waiting_threads
from .os_threads import SystemExecutor, fork_aware
from .waiting_threads import asgirefs_calls, begin_wait, current_call, shared_loops, unfinished, waits

T = TypeVar("T")

#: The background task or running job that has a thread of its own for the sync code that it calls.
current_owner: ContextVar[Any] = ContextVar("dualapp.current_owner", default=None)


class Owner:
    """A background task: it shares no thread with the request that started it."""

    is_running = True
    outer = None
    call = None
    task = None


class Job(Executor):
    """One sync function that a task awaits; as an executor, it runs that function in the right thread."""

    def __init__(self, call: Any, outer: Any) -> None:
        """Take the call of the thread that waits for the task, if any, and the owner around this job, if any."""
        self.call = call
        self.outer = outer
        self.task = asyncio.current_task()
        self.is_running = False

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run the function in the waiting thread, unless that runs a job of which this is part; else in its owner's."""
        self.is_running = True
        try:
            future = self._thread().submit(fn, *args, **kwargs)
        except (RuntimeError, AttributeError):  # the wait has ended: asgiref's executor, or a closed loop, refuses
            future = self._own_thread().submit(fn, *args, **kwargs)
        future.add_done_callback(self._end)
        return future

    def _thread(self) -> Executor:
        call: Executor | None = unfinished(self.call)
        if call is None or any(job.call is call for job in running_jobs(self.outer)):
            return self._own_thread()
        self.call = call
        return call

    def _own_thread(self) -> Executor:
        self.call = None
        return own_threads.of(self.outer or request_context(None) or asyncio.current_task() or running_loop())

    def run_here(self, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
        """Run the function in this thread, which is the waiting one."""
        self.is_running = True
        before = current_owner.get()
        current_owner.set(self)
        try:
            return fn(*args, **kwargs)
        finally:
            current_owner.set(before)
            self._end()

    def _end(self, _: Future[Any] | None = None) -> None:
        self.is_running = False
        self.call = None  # breaks a reference cycle: the call has a task, whose context variables have this job


def running_jobs(owner: Any) -> Iterator[Any]:
    """Iterate over the owners around some code that are running, the innermost first."""
    while owner is not None:
        if owner.is_running:
            yield owner
        owner = owner.outer


def new_job(call: Any) -> Job:
    """Make a job of the running code, for which `call` waits, if anything does."""
    task = asyncio.current_task()
    # A task goes on before its job has ended if it is cancelled: what it calls then is no part of that job.
    owners = (owner for owner in running_jobs(current_owner.get()) if owner.task is not task or task is None)
    return Job(call, next(owners, None))


#: Most threads that are kept for the next requests, as many as a thread pool has by default.
MOST_IDLE = 40


class OwnThreads:
    """One thread for each request, task or job that asks for one; reused when its owner is gone."""

    def __init__(self) -> None:
        self.reset_after_fork()
        fork_aware.add(self)

    def reset_after_fork(self) -> None:
        """Forget the parent's threads, in the child."""
        self._threads: weakref.WeakKeyDictionary[Any, SystemExecutor] = weakref.WeakKeyDictionary()
        self._idle = deque[SystemExecutor]()

    def of(self, owner: Any) -> SystemExecutor:
        """Return the thread of an owner."""
        if (thread := self._threads.get(owner)) is None:
            try:
                thread = self._idle.pop()
            except IndexError:
                thread = SystemExecutor("dualapp-own", 1, grows=False)
            self._threads[owner] = thread
            weakref.finalize(owner, take_back, self._idle, thread).atexit = False
        return thread


def take_back(idle: deque[SystemExecutor], thread: SystemExecutor) -> None:
    """Keep a thread for the next owner; one that is still busy, or too many, ends when nobody refers to it."""
    if len(idle) < MOST_IDLE and not thread.is_busy():
        idle.append(thread)


own_threads = OwnThreads()


class WaitingThreads:
    """Where asgiref keeps the thread that waits for the running code; in a task it finds a `Job` here."""

    @property
    def current(self) -> Any:
        call, loop = current_call.get(), running_loop()
        if loop is None or (call is None and not gives_threads(loop)):
            return call
        job = new_job(call)
        current_owner.set(job)  # asgiref asks before it copies the context variables, so that the function sees it
        return job

    @current.setter
    def current(self, call: Any) -> None:
        call = call.call if isinstance(call, Job) else call
        before = current_call.get()
        if before in asgirefs_calls and asgirefs_calls[before] is call:  # it has ended
            del asgirefs_calls[before]
            waits.discard(before)
        else:
            asgirefs_calls[call] = before
            begin_wait(call)
        current_call.set(call)


def gives_threads(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether sync code of the running task has a thread of its own where no thread waits for it."""
    is_ours = loop in shared_loops or request_context(None) is not None
    return is_ours and not has_thread_sensitive_context()


use_waiting_threads(WaitingThreads())
