"""Start and find the host loop of a process: the loop of its ASGI server, else one that is started here.

Under a WSGI server the host loop starts on first need, in a daemon thread: never at import, never before a fork, and a
child process starts its own. As all requests share it, a connection pool or lock made in one works in the next. Under
gevent, which replaces threads by greenlets, the loop still runs in a thread of the operating system.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import threading
from concurrent.futures import Executor
from functools import partial
from typing import Any

from ..compat.upstream import (
    ThreadState,
    asyncios_executor,
    can_lend_loops,
    has_executor,
    loops_of_greenlets,
    request_context,
    thread_state,
)
from .lending_loop import LendingLoop
from .os_threads import SystemExecutor, fork_aware, is_green, start_thread
from .waiting_threads import host_loops, shared_loops

logger = logging.getLogger("dualapp")


class HostLoop:
    """The one event loop of this process, for all threads that do not run a loop."""

    def __init__(self) -> None:
        self.reset_after_fork()
        fork_aware.add(self)

    def reset_after_fork(self) -> None:
        """Forget the parent's loop, which has no thread in the child, and the lock, which may have been held."""
        self._lock = threading.Lock()
        self.current: asyncio.AbstractEventLoop | None = None
        self._is_servers = self._is_watched = False

    def get(self) -> asyncio.AbstractEventLoop:
        """Return the running loop; start it in a daemon thread on first need."""
        with self._lock:
            if self.current is None or not self._is_living():
                self._is_servers, self.current = False, new_event_loop()
                self.current.set_debug(self._is_watched or self.current.get_debug())
                host_loops.add(self.current)
                start_thread(partial(run_always, self.current), "dualapp-host-loop")
            return self.current

    def adopt(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make a server's running loop the host loop, unless there is one that lives; sync code gets our threads."""
        self.offer()
        if thread_state.is_in_pool or request_context(None) is not None:
            return  # sync code of a request runs this loop, as for a test client, and waits for its end
        if loop not in shared_loops:
            shared_loops.add(loop)
            made_by_asyncio = asyncios_executor(loop)
            if made_by_asyncio or not has_executor(loop):  # one that somebody has set was a choice
                loop.set_default_executor(new_executor(made_by_asyncio))
        with self._lock:
            if self.current is None or not self._is_living():
                self._is_servers, self.current = True, loop
                host_loops.add(loop)

    def _is_living(self) -> bool:
        return not self._is_servers or self.current.is_running()  # type: ignore[union-attr]  # there is one

    def is_own(self, loop: asyncio.AbstractEventLoop | None) -> bool:
        """Tell whether a loop is one that was started here, which runs as long as the process."""
        return loop is self.current and not self._is_servers

    def watch(self) -> None:
        """Have the loop, once there is one, say what blocks it, as in asyncio's debug mode."""
        self._is_watched = True
        if self.current is not None and not self.current.is_closed():
            self.current.set_debug(True)

    def offer(self) -> None:
        """Make asgiref's own `async_to_sync` use this loop in threads that no loop has started; an app serves now."""
        ThreadState.main_event_loop = lazy_host_loop


class LazyHostLoop:
    """A proxy of the host loop for asgiref: first use starts the loop."""

    def __getattr__(self, name: str) -> Any:
        return getattr(host_loop.get(), name)


host_loop = HostLoop()
lazy_host_loop = LazyHostLoop()


def run_always(loop: asyncio.AbstractEventLoop) -> None:
    """Run the host loop for as long as the process lives.

    asyncio lets SystemExit and KeyboardInterrupt of a task end the loop, and so a main thread and its process. They
    would end this thread alone, and all requests that wait for the loop would hang. So they would after `stop`.
    """
    while True:
        try:
            loop.run_forever()
        except (SystemExit, KeyboardInterrupt) as error:
            logger.error("%s in a task of the host loop, which runs on", type(error).__name__, exc_info=error)


def new_event_loop() -> asyncio.AbstractEventLoop:
    loop = new_green_loop() if is_green() else new_lending_loop()
    loop.set_default_executor(new_executor())
    shared_loops.add(loop)
    return loop


def new_executor(before: Executor | None = None) -> SystemExecutor:
    """Make a default executor of asyncio's size, with a thread more for each one that waits in a crossing.

    asyncio's own also refuses work once the interpreter exits; some servers run `after_serving` only then. The one
    `before` finishes its work.
    """
    return SystemExecutor("dualapp-executor", min(32, (os.cpu_count() or 1) + 4), before=before)


def new_green_loop() -> asyncio.AbstractEventLoop:
    from .green_selector import GreenSelector  # where gevent is

    loop = asyncio.SelectorEventLoop(GreenSelector())
    loops_of_greenlets.add(loop)
    return loop


def new_lending_loop() -> asyncio.AbstractEventLoop:
    """Make a loop that threads can borrow, unless the event loop policy makes another kind of loop (uvloop)."""
    loop = asyncio.new_event_loop()
    if type(loop) is not asyncio.SelectorEventLoop or not (hasattr(select, "epoll") and can_lend_loops):
        return loop
    loop.close()
    return LendingLoop()
