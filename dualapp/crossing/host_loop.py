"""Start and find the host loop of a process whose server runs no event loop.

Under a WSGI server the host loop starts on first need, in a daemon thread: never at import, never before a fork, and a
child process starts its own. As all requests share it, a connection pool or lock made in one works in the next. Under
gevent, which replaces threads by greenlets, the loop still runs in a thread of the operating system.
"""

from __future__ import annotations

import asyncio
import os
import select
import threading

from ..compat.upstream import can_lend_loops
from .lending_loop import LendingLoop
from .os_threads import SystemExecutor, fork_aware, is_green, start_thread, unpatched


class HostLoop:
    """The one event loop of this process, for all threads that do not run a loop."""

    def __init__(self) -> None:
        self.reset_after_fork()
        fork_aware.add(self)

    def reset_after_fork(self) -> None:
        """Forget the parent's loop, which has no thread in the child, and the lock, which may have been held."""
        self._lock = threading.Lock()
        self.current: asyncio.AbstractEventLoop | None = None

    def get(self) -> asyncio.AbstractEventLoop:
        """Return the running loop; start it in a daemon thread on first need."""
        with self._lock:
            if self.current is None:
                self.current = new_event_loop()
                start_thread(self.current.run_forever, "dualapp-host-loop")
            return self.current


host_loop = HostLoop()


def new_event_loop() -> asyncio.AbstractEventLoop:
    loop = new_green_loop() if is_green() else new_lending_loop()
    # asyncio's default executor refuses work once the interpreter exits; some servers run `after_serving` only then.
    loop.set_default_executor(SystemExecutor("dualapp-executor", min(32, (os.cpu_count() or 1) + 4)))
    return loop


def new_green_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(unpatched("selectors", "DefaultSelector")())


def new_lending_loop() -> asyncio.AbstractEventLoop:
    """Make a loop that threads can borrow, unless the event loop policy makes another kind of loop (uvloop)."""
    loop = asyncio.new_event_loop()
    if type(loop) is not asyncio.SelectorEventLoop or not (hasattr(select, "epoll") and can_lend_loops):
        return loop
    loop.close()
    return LendingLoop()
