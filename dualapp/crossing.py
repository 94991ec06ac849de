"""Between threads and the event loop: the only module that knows both.

A process has one host loop, where all async code of the app runs. Under an ASGI server that is the server's loop.
Under a WSGI server it is made on first need, in a daemon thread of the process that needs it: never at import and never
before a fork, and a child starts clean. So a pool or a lock that one request made works in the next.

Two crossings exist, both asgiref's:

- from a thread to the loop, `run_on_loop`. asgiref would start a new loop for every call unless it finds the loop that
  belongs to the thread; `bind_thread` tells it the host loop.
- from the loop to a thread: `Threads` runs sync code on the app's own threads, as many at a time as there are threads
  (asgiref's default is one for the whole process); `to_request_thread` goes back to the very thread that is waiting for
  the loop, so that what is bound to a thread (an sqlite connection) keeps working.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import selectors
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial, wraps
from typing import Any, Protocol, TypeVar

from asgiref.sync import AsyncToSync, SyncToAsync, sync_to_async

from .colour import is_async

T = TypeVar("T")

END = object()


class HostLoop:
    """The event loop of this process, for threads that have none of their own."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start clean after a fork: the parent's loop has no thread here, and its lock may be held by nobody alive."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def get(self) -> asyncio.AbstractEventLoop:
        """Return the loop, running; start it in a daemon thread on first need."""
        with self._lock:
            if self._loop is None:
                self._loop = new_event_loop()
                start_thread(self._loop.run_forever)
            return self._loop


class Forgetful(Protocol):
    """What holds something of this process that a child has no use for."""

    def forget(self) -> None:
        """Start clean, in the child, after a fork."""


class Threads:
    """The threads in which one app's sync code runs when the app is served from a loop."""

    def __init__(self, name: str, size: Callable[[], int]) -> None:
        """Take the name that the threads will have, and how many there may be, which is asked at the first need."""
        self._name = name
        self._size = size
        self.forget()
        forgetful.add(self)

    def forget(self) -> None:
        """Start clean after a fork, where the parent's threads do not exist."""
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None

    @property
    def executor(self) -> ThreadPoolExecutor:
        """The threads as asgiref wants them."""
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(self._size(), thread_name_prefix=self._name)
            return self._executor

    async def call(self, func: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call a sync function in one of the threads."""
        return await sync_to_async(contained(func), thread_sensitive=False, executor=self.executor)(*args, **kwargs)

    def adapt(self, func: Callable[..., T]) -> Callable[..., Awaitable[T]]:
        """Make an async function of a sync one, which runs in one of the threads."""

        @wraps(func, updated=())
        async def crossing(*args: Any, **kwargs: Any) -> T:
            return await self.call(func, *args, **kwargs)

        return crossing

    async def iterate(self, iterable: Iterator[T]) -> AsyncIterator[T]:
        """Iterate over a sync iterator, one item at a time, as it is made.

        All steps see one set of context variables, as they would in one thread.
        """
        advance = sync_to_async(
            partial(next, iterable, END), thread_sensitive=False, executor=self.executor, context=copy_context()
        )
        while (item := await undisturbed(advance())) is not END:
            yield item


def unpatched(module: str, name: str) -> Any:
    """Return something of the standard library as it was before gevent put its own in place.

    All of gevent's threads are one thread of the operating system, where a running loop would stop the others.
    """
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched(module):
        return getattr(importlib.import_module(module), name)
    return monkey.get_original(module, name)


def new_event_loop() -> asyncio.AbstractEventLoop:
    if unpatched("selectors", "DefaultSelector") is selectors.DefaultSelector:
        return asyncio.new_event_loop()
    return asyncio.SelectorEventLoop(unpatched("selectors", "DefaultSelector")())


def start_thread(run: Callable[[], None]) -> None:
    """Run a function in a daemon thread of the operating system."""
    if unpatched("threading", "Thread") is threading.Thread:
        threading.Thread(target=run, name="dualapp-host-loop", daemon=True).start()
    else:
        unpatched("_thread", "start_new_thread")(run, ())


host_loop = HostLoop()
forgetful: weakref.WeakSet[Forgetful] = weakref.WeakSet()


def start_clean() -> None:
    host_loop.forget()
    for holder in forgetful:
        holder.forget()


os.register_at_fork(after_in_child=start_clean)


def step(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends to its end, without a loop.

    Raises RuntimeError when it does suspend: there is nothing here that could wake it, and what is left of it would be
    lost without a word.
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    coroutine.close()
    raise RuntimeError(f"{coroutine!r} waited for something where there is no event loop to wake it.")


def bind_thread() -> None:
    """Tell asgiref that this thread's async code belongs on the host loop, unless it has a loop to go back to."""
    local = SyncToAsync.threadlocal
    bound = getattr(local, "main_event_loop", None)
    if bound is None or local.main_event_loop_pid != os.getpid() or not bound.is_running():
        local.main_event_loop = host_loop.get()
        local.main_event_loop_pid = os.getpid()


def on_loop_thread() -> bool:
    """Tell whether this thread is running an event loop, and so must not wait."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def run_on_loop(func: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:
    """Run an async function on the loop that this thread belongs to, and wait for it.

    On the loop's own thread waiting would stop everything, so there only a function that does not suspend can run.
    Raises RuntimeError for one that does.
    """
    if on_loop_thread():
        return run_in_place(func, *args, **kwargs)
    bind_thread()
    result: T = AsyncToSync(func)(*args, **kwargs)
    return result


def run_in_place(func: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:
    async def awaited() -> T:
        return await func(*args, **kwargs)

    try:
        return step(awaited())
    except RuntimeError as error:
        name = getattr(func, "__qualname__", repr(func))
        error.add_note(
            f"{name} is async and was called from sync code on the event loop: await it, or call it in a thread."
        )
        raise


def spawn(func: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> None:
    """Start an async function as a task, on this thread's loop or on the one it belongs to, and do not wait for it."""

    async def detached() -> None:
        # The thread of the request that spawned it, which asgiref would go back to, will not wait for it.
        AsyncToSync.executors.current = None
        await func(*args)

    def start() -> None:
        task = loop.create_task(detached())
        running.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(running.discard)

    if on_loop_thread():
        loop = asyncio.get_running_loop()
        start()
    else:
        bind_thread()
        loop = SyncToAsync.threadlocal.main_event_loop
        loop.call_soon_threadsafe(start, context=copy_context())


running: set[asyncio.Task[Any]] = set()


def to_loop(func: Callable[..., Awaitable[T]]) -> Callable[..., T]:
    """Make a sync function of an async one: it runs on the loop while the calling thread waits."""

    @wraps(func, updated=())  # not its __dict__, where a mark of its colour may be
    def crossing(*args: Any, **kwargs: Any) -> T:
        return run_on_loop(func, *args, **kwargs)

    return crossing


def to_request_thread(func: Callable[..., T]) -> Callable[..., Awaitable[T]]:
    """Make an async function of a sync one: it runs in the thread of the request that waits for the loop."""
    return sync_to_async(contained(func), thread_sensitive=True)


def contained(func: Callable[..., T]) -> Callable[..., T]:
    """Keep StopIteration inside: no future can carry it, and on Python 3.11 who awaits that future waits forever."""

    @wraps(func, updated=())
    def call(*args: Any, **kwargs: Any) -> T:
        try:
            return func(*args, **kwargs)
        except StopIteration as stop:
            raise RuntimeError(f"{getattr(func, '__qualname__', func)} raised StopIteration") from stop

    return call


async def direct(func: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call a sync function: the `call` of a pipeline that is stepped in a thread."""
    return func(*args, **kwargs)


async def awaiting(func: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:
    """Await an async function: the `call` of a pipeline that runs on a loop."""
    return await func(*args, **kwargs)


async def awaiting_value(value: Awaitable[T]) -> T:
    """Await what an async function has returned already."""
    return await value


async def from_loop(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function of either colour from the loop; sync ones run where asgiref finds the caller's thread."""
    if is_async(func):
        return await func(*args, **kwargs)
    return await to_request_thread(func)(*args, **kwargs)


def iterate_on_loop(stream: AsyncIterator[T]) -> Iterator[T]:
    """Iterate over an async iterator from a thread, one item at a time, as it is made.

    Closing the iterator closes the stream, on the loop.
    """

    async def advance() -> Any:
        return await anext(stream, END)

    try:
        while (item := run_on_loop(advance)) is not END:
            yield item
    finally:
        run_on_loop(close_stream, stream)


async def within(seconds: float | None, work: Awaitable[T]) -> T:
    """Await `work` for so many seconds at most; TimeoutError after that, None is for ever."""
    async with asyncio.timeout(seconds):
        return await work


async def undisturbed(work: Coroutine[Any, Any, T]) -> T:
    """Await `work`; if this task is cancelled meanwhile, wait for its end all the same before saying so.

    A thread cannot be cancelled, and what it uses must not be closed under its hands.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def close_stream(stream: AsyncIterator[Any]) -> None:
    """Close an async iterator if it can be closed."""
    if (aclose := getattr(stream, "aclose", None)) is not None:
        await aclose()
