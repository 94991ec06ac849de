"""Threads, queues and executors of the operating system, also where gevent has replaced them by greenlets."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class ForkAware(Protocol):
    """What holds threads, loops or locks of this process, which a child process does not have."""

    def reset_after_fork(self) -> None:
        """Start clean, in the child, after a fork."""


fork_aware: weakref.WeakSet[ForkAware] = weakref.WeakSet()


def reset_all_after_fork() -> None:
    for holder in fork_aware:
        holder.reset_after_fork()


os.register_at_fork(after_in_child=reset_all_after_fork)


def unpatched(module: str, name: str) -> Any:
    """Return something of the standard library as it was before gevent put its own in place.

    All of gevent's threads are one thread of the operating system, where a running loop would stop the others.
    """
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched(module):
        return getattr(importlib.import_module(module), name)
    return monkey.get_original(module, name)


def is_green() -> bool:
    """Tell whether gevent has replaced threads by its own."""
    return unpatched("threading", "Thread") is not threading.Thread


def start_thread(run: Callable[[], None], name: str) -> None:
    """Run a function in a daemon thread of the operating system."""
    if is_green():
        unpatched("_thread", "start_new_thread")(run, ())
    else:
        threading.Thread(target=run, name=name, daemon=True).start()


def new_queue() -> Any:
    """Make a queue for threads of the operating system."""
    return unpatched("queue", "SimpleQueue")()


class Workers:
    """Threads of the operating system that do jobs; they are started as they are needed, up to a number."""

    def __init__(self, name: str, size: Callable[[], int]) -> None:
        """Take the name that the threads will have, and how many there may be, which is asked when one is needed."""
        self._name = name
        self._size = size
        self.reset_after_fork()
        fork_aware.add(self)

    def reset_after_fork(self) -> None:
        """Forget the parent's threads, which do not exist in the child."""
        self._lock = unpatched("_thread", "allocate_lock")()
        self._jobs = new_queue()
        self._open = self._started = 0
        weakref.finalize(self, self._jobs.put, None)

    def do(self, job: Callable[[], None]) -> None:
        """Have a job done, which must not raise, by the next thread that is free."""
        with self._lock:
            self._open += 1
            if self._open > self._started < self._size():
                self._started += 1
                start_thread(partial(work, self._jobs), f"{self._name}_{self._started}")
        self._jobs.put(job)

    def done(self) -> None:
        """Count a job as done, and its thread as free."""
        with self._lock:
            self._open -= 1


def work(jobs: Any) -> None:
    """Do jobs for as long as the thread lives; it keeps nothing but the queue alive."""
    while (job := jobs.get()) is not None:
        job()
        del job  # lets go of its request while this thread waits for the next job
    jobs.put(None)  # for the other threads


class SystemExecutor(ThreadPoolExecutor):
    """An executor whose threads are the operating system's, for a loop to use where gevent has replaced threads."""

    def __init__(self, name: str, size: int) -> None:
        super().__init__(1)
        self._workers = Workers(name, lambda: size)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call a function in one of the threads."""
        future: Future[T] = Future()

        def job() -> None:
            if future.set_running_or_notify_cancel():
                fulfil(future, fn, args, kwargs)
            self._workers.done()

        self._workers.do(job)
        return future


def fulfil(future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Call a function, and give a future what comes of it."""
    try:
        result = fn(*args, **kwargs)
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)


class GreenQueue:
    """A queue that any thread may put into; a greenlet waits on it while its hub runs other greenlets."""

    def __init__(self) -> None:
        from gevent import get_hub
        from gevent.event import Event

        self._items: deque[Any] = deque()
        self._event = Event()
        self._watcher = get_hub().loop.async_()  # the one of gevent's watchers that other threads may trigger
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

    def close(self) -> None:
        """Give the watcher back to the hub."""
        self._watcher.stop()
        self._watcher.close()
