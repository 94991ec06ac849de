"""Threads, queues and executors of the operating system, even where gevent has replaced threads by greenlets."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for_futures
from functools import partial
from typing import Any, Protocol, TypeVar

from ..compat.upstream import thread_state
from .waiting_threads import waiter

T = TypeVar("T")


class ForkAware(Protocol):
    """An object that holds threads, loops or locks, which a child process must not use."""

    def reset_after_fork(self) -> None:
        """Replace what belongs to the parent process, in the child, after a fork."""


fork_aware: weakref.WeakSet[ForkAware] = weakref.WeakSet()


def reset_all_after_fork() -> None:
    for holder in fork_aware:
        holder.reset_after_fork()


os.register_at_fork(after_in_child=reset_all_after_fork)


def unpatched(module: str, name: str) -> Any:
    """Return a name of the standard library as it was before gevent patched it.

    gevent's threads all run in one thread of the operating system, where a running loop would block the others.
    """
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched(module):
        return getattr(sys.modules.get(module) or importlib.import_module(module), name)
    return monkey.get_original(module, name)


def is_green() -> bool:
    """Tell whether gevent has replaced threads by greenlets."""
    return "gevent.monkey" in sys.modules and unpatched("threading", "Thread") is not threading.Thread


def start_thread(run: Callable[[], None], name: str) -> None:
    """Run a function in a daemon thread of the operating system.

    The thread inherits coroutine origin tracking (of debug mode) from the starting one.
    """
    if depth := sys.get_coroutine_origin_tracking_depth():
        run = partial(run_with_origins, depth, run)
    if is_green():
        unpatched("_thread", "start_new_thread")(run, ())
    else:
        threading.Thread(target=run, name=name, daemon=True).start()


def run_with_origins(depth: int, run: Callable[[], None]) -> None:
    """Run a function in this thread with coroutine origin tracking of this depth."""
    sys.set_coroutine_origin_tracking_depth(depth)
    run()


def new_queue() -> Any:
    """Make a queue for threads of the operating system."""
    return unpatched("queue", "SimpleQueue")()


#: Runs in a thread of a pool, and calls its argument once the thread can take the next job.
Job = Callable[[Callable[[], None]], None]


class Workers:
    """A pool of threads of the operating system, started as they are needed, up to a number.

    A thread may be blocked until a task has ended that itself needs a thread. So a full pool starts a thread beyond its
    number for the job of a task that a thread waits for: one at a time for each thread that waits.
    """

    def __init__(self, name: str, size: Callable[[], int], grows: bool = True) -> None:
        """Name the threads `name_1` and so on; `size` returns how many there may be, asked before one is started.

        Unless it `grows`, it starts no thread beyond that number.
        """
        self._name = name
        self._size = size
        self._grows = grows
        self.reset_after_fork()
        fork_aware.add(self)

    def reset_after_fork(self) -> None:
        """Forget the parent's threads, which do not exist in the child."""
        self._lock = unpatched("_thread", "allocate_lock")()
        self._jobs = new_queue()
        self._open = self._started = 0
        self._helped: set[Any] = set()
        weakref.finalize(self, self._jobs.put, None)

    def do(self, job: Job) -> None:
        """Run a job, which must not raise, in the next free thread."""
        waiting = waiter() if self._grows else None
        with self._lock:
            is_full = self._open >= self._started >= self._size()
            if is_beyond := is_full and waiting is not None and waiting not in self._helped:
                self._helped.add(waiting)
            else:
                self._open += 1
            if is_starting := not is_beyond and not is_full and self._open > self._started:
                self._started += 1
        if is_beyond:
            start_thread(partial(work_once, job, partial(self._helped.discard, waiting)), f"{self._name}_beyond")
            return
        if is_starting:
            start_thread(partial(work, self._jobs), f"{self._name}_{self._started}")
        self._jobs.put(partial(job, self._done))

    def _done(self) -> None:
        with self._lock:
            self._open -= 1


def work_once(job: Job, done: Callable[[], None]) -> None:
    """Run one job."""
    thread_state.is_in_pool = True
    job(done)


def work(jobs: Any) -> None:
    """Run jobs until None comes. This function holds only the queue, so that `Workers` can be collected."""
    thread_state.is_in_pool = True
    while (job := jobs.get()) is not None:
        job()
        del job  # frees its request while this thread waits for the next job
    jobs.put(None)  # ends the next thread


class SystemExecutor(ThreadPoolExecutor):
    """An executor with threads of the operating system, even where gevent has replaced threads by greenlets."""

    def __init__(self, name: str, size: int, grows: bool = True) -> None:
        super().__init__(1)
        self._workers = Workers(name, lambda: size, grows)
        self._running: set[Future[Any]] = set()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call a function in one of the threads; return the future of its result."""
        future: Future[T] = Future()
        self._running.add(future)
        future.add_done_callback(self._running.discard)

        self._workers.do(partial(fulfil_unless_cancelled, future, fn, args, kwargs))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for the submitted functions, as a loop does at its end; the threads end with this executor."""
        submitted = list(self._running)
        for future in submitted if cancel_futures else ():
            future.cancel()
        if wait:
            wait_for_futures(submitted)


def fulfil_unless_cancelled(
    future: Future[Any],
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    done: Callable[[], None] = lambda: None,
) -> None:
    """Call a function unless its future was cancelled, then `done`; set the result or error on the future."""
    if not future.set_running_or_notify_cancel():
        done()
        return
    result = error = None
    try:
        result = fn(*args, **kwargs)
    except BaseException as raised:
        error = raised
    done()
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


class GreenQueue:
    """A queue that any thread may put into; while a greenlet waits in `get`, its hub runs other greenlets."""

    def __init__(self) -> None:
        from gevent import get_hub
        from gevent.event import Event

        self._items: deque[Any] = deque()
        self._event = Event()
        self._watcher = get_hub().loop.async_()  # the only kind of watcher that other threads may trigger
        self._watcher.start(self._event.set)

    def put(self, item: Any) -> None:
        self._items.append(item)
        self._watcher.send()

    def get(self) -> Any:
        while not self._items:
            self._event.clear()
            if not self._items:
                self._event.wait()
        return self._items.popleft()

    def qsize(self) -> int:
        return len(self._items)

    def close(self) -> None:
        """Give the watcher back to the hub."""
        self._watcher.stop()
        self._watcher.close()
