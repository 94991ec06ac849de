"""Threads, queues and executors of the operating system, even where gevent has replaced threads by greenlets."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for_futures
from functools import partial
from typing import Any, Protocol, TypeVar

from ..compat.upstream import thread_state
from .waiting_threads import count_waits, crowded_pools, is_part_of_other_work, note_asking_loop

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


#: What `work` takes for a job: the first ends all threads of a pool, the second one of them.
END_OF_POOL, END_OF_THREAD = None, False


class Workers:
    """A pool of threads of the operating system, started as they are needed, up to a number.

    A job may be blocked until a task has ended that itself needs a thread of this pool. So a pool that is full has one
    thread more for each thread of the process that waits in a crossing, whoever asks for it, and ends it afterwards:
    then the pool's threads cannot all be blocked. A job that `begins` what a server asks for is needed by nobody: so
    many at once as the pool has regular threads may be under way, and the others wait.
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
        #: How many of the open jobs do not begin anything.
        self._continuing = 0
        #: The jobs that may not begin yet.
        self._beginning = deque[Job]()
        #: Whether there is more to do at the end of a job than to count it.
        self._is_crowded = False
        weakref.finalize(self, self._jobs.put, END_OF_POOL)

    def do(self, job: Job, begins: bool = False) -> None:
        """Run a job, which must not raise, in the next free thread; `begins`: for a request of a server."""
        with self._lock:
            if begins and self._open >= self._started and self._is_to_wait():
                self._beginning.append(job)
                self._is_crowded = True
                return
            self._open += 1
            if not begins:
                self._continuing += 1
            number = self._new_thread() if self._open > self._started else 0
        if number:
            self._start(number)
        self._jobs.put(partial(job, self._done if begins else self._done_continuing))

    def _is_to_wait(self) -> bool:
        """Tell whether a job that begins must wait for another to be done; called with the lock."""
        return self._open - self._continuing >= self._size() and not is_part_of_other_work()

    def _new_thread(self) -> int:
        """Count a thread that there may be for a job without one, and return its number; called with the lock."""
        most = self._size()
        if self._started >= most:
            self._is_crowded = True
            if self._grows:
                note_asking_loop()
                crowded_pools.add(self)  # before the waiting threads are counted: another may begin to wait now
                most += count_waits()
        if self._started >= most:
            return 0
        self._started += 1
        return self._started

    def start_another(self) -> None:
        """Start another thread if there are jobs without one, as one more thread waits."""
        with self._lock:
            number = self._new_thread() if self._open > self._started else 0
        if number:
            self._start(number)

    def _start(self, number: int) -> None:
        start_thread(partial(work, self._jobs), f"{self._name}_{number}")

    def _done(self) -> None:
        with self._lock:
            self._open -= 1
            if self._is_crowded:
                self._start_next()

    def _done_continuing(self) -> None:
        with self._lock:
            self._continuing -= 1
            self._open -= 1
            if self._is_crowded:
                self._start_next()

    def _start_next(self) -> None:
        """At the end of a job, have the next one begin, or end a thread that is beyond the number."""
        size = self._size()
        if self._beginning and self._open - self._continuing < size:
            self._open += 1
            self._jobs.put(partial(self._beginning.popleft(), self._done))
        has_jobs = self._open >= self._started
        if self._started > size + (count_waits() if has_jobs else 0):
            self._started -= 1
            self._jobs.put(END_OF_THREAD)
        if self._open <= self._started:
            crowded_pools.discard(self)
        self._is_crowded = bool(self._beginning) or self._started > size or self._open > self._started


def work(jobs: Any) -> None:
    """Run jobs until this thread is to end. This function holds only the queue, so that `Workers` can be collected."""
    thread_state.is_in_pool = True
    while job := jobs.get():
        job()
        del job  # frees its request while this thread waits for the next job
    if job is END_OF_POOL:
        jobs.put(END_OF_POOL)  # ends the next thread


class SystemExecutor(ThreadPoolExecutor):
    """An executor with threads of the operating system, even where gevent has replaced threads by greenlets."""

    def __init__(self, name: str, size: int, grows: bool = True, before: Executor | None = None) -> None:
        """Take the place of an executor `before`, which finishes its work; the others are as in `Workers`."""
        super().__init__(1)
        self._before = before
        if before is not None:
            before.shutdown(wait=False)
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
        if self._before is not None:
            self._before.shutdown(wait, cancel_futures=cancel_futures)

    def is_busy(self) -> bool:
        """Tell whether a submitted function has not ended."""
        return bool(self._running)


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
