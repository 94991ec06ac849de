"""The event loop of a process that has none of its own.

Under a WSGI server the host loop is made on first need, in a daemon thread of the process that needs it: never at
import and never before a fork, and a child starts clean. So a pool or a lock that one request made works in the next.
Where gevent has replaced threads by greenlets, the loop still has a thread of the operating system.
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
    """The event loop of this process, for threads that have none of their own."""

    def __init__(self) -> None:
        self.reset_after_fork()
        fork_aware.add(self)

    def reset_after_fork(self) -> None:
        """Forget the parent's loop, which has no thread here, and its lock, which a thread of the parent may hold."""
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


def new_event_loop() -> asyncio.AbstractEventLoop:
    loop = new_green_loop() if is_green() else new_lending_loop()
    # asyncio's own takes no more work when Python exits, which is when some servers let `after_serving` run.
    loop.set_default_executor(SystemExecutor("dualapp-executor", min(32, (os.cpu_count() or 1) + 4)))
    return loop


def new_green_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(unpatched("selectors", "DefaultSelector")())


def new_lending_loop() -> asyncio.AbstractEventLoop:
    """Make a loop that threads can borrow, unless an event loop policy asks for another kind of loop."""
    loop = asyncio.new_event_loop()
    if type(loop) is not asyncio.SelectorEventLoop or not (hasattr(select, "epoll") and can_lend_loops):
        return loop
    loop.close()
    return LendingLoop()
