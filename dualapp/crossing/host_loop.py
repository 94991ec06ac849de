"""The one event loop of a process that has none of its own, and what a thread needs to wait for it.

Under a WSGI server the host loop is made on first need, in a daemon thread of the process that needs it: never at
import and never before a fork, and a child starts clean. So a pool or a lock that one request made works in the next.
Where gevent has replaced threads by its own, the loop has a thread of the operating system all the same.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import select
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar

from .lending_loop import LendingLoop

T = TypeVar("T")


class Forgetful(Protocol):
    """What holds something of this process that a child has no use for."""

    def forget(self) -> None:
        """Start clean, in the child, after a fork."""


class HostLoop:
    """The event loop of this process, for threads that have none of their own."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start clean after a fork: the parent's loop has no thread here, and its lock may be held by nobody alive."""
        self._lock = threading.Lock()
        self.current: asyncio.AbstractEventLoop | None = None

    def get(self) -> asyncio.AbstractEventLoop:
        """Return the loop, running; start it in a daemon thread on first need."""
        with self._lock:
            if self.current is None:
                self.current = new_event_loop()
                start_thread(self.current.run_forever, "dualapp-host-loop")
            return self.current


host_loop = HostLoop()
forgetful: weakref.WeakSet[Forgetful] = weakref.WeakSet()


def start_clean() -> None:
    host_loop.forget()
    for holder in forgetful:
        holder.forget()


os.register_at_fork(after_in_child=start_clean)


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


def new_event_loop() -> asyncio.AbstractEventLoop:
    loop = new_green_loop() if is_green() else new_lending_loop()
    # asyncio's own takes no more work when Python exits, which is when some servers let `after_serving` run.
    loop.set_default_executor(SystemExecutor("dualapp-executor", min(32, (os.cpu_count() or 1) + 4)))
    return loop


def new_green_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(unpatched("selectors", "DefaultSelector")())


def new_lending_loop() -> asyncio.AbstractEventLoop:
    """Make asyncio's own loop one that can be borrowed; leave another, which some policy wants, as it is."""
    loop = asyncio.new_event_loop()
    if type(loop) is not asyncio.SelectorEventLoop or not hasattr(select, "epoll"):
        return loop
    loop.close()
    return LendingLoop()


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
        self.forget()
        forgetful.add(self)

    def forget(self) -> None:
        """Start clean after a fork, where the parent's threads do not exist."""
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
        """Take note that a job is done, and its thread free."""
        with self._lock:
            self._open -= 1


def work(jobs: Any) -> None:
    """Do jobs all a thread's life; nothing but the queue is kept alive by it."""
    while (job := jobs.get()) is not None:
        job()
        del job  # and so the request that it was for, while this thread waits for the next
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
    """A queue that any thread may put into, and a greenlet waits on while its hub goes on with others."""

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
