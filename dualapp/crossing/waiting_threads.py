"""Know which threads wait in a crossing, so that no pool is full because its threads wait for it.

A thread enters itself before it waits. Who waits for what is not recorded: a task may be started in one crossing and
awaited in a later one, as the reader of a stream does, or by quite another thread. So pools only count (os_threads.py).
"""

from __future__ import annotations

import asyncio
import os
import weakref
from contextvars import ContextVar
from typing import Any, Protocol

from ..compat.upstream import request_context, running_loop

#: The call of the thread that waits for the running code: a `LoopCall`, or asgiref's executor of the same kind.
current_call: ContextVar[Any] = ContextVar("dualapp.current_call", default=None)

#: The loops in which dualapp gives sync code its threads: the host loop, and those of servers.
shared_loops: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()

#: Loops that no thread waits for. Any other runs in a thread that started it, as `asyncio.run` does, to wait for its
#: end. A second server's loop looks the same, and then a full pool may have one thread too many.
host_loops: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()


def unfinished(call: Any) -> Any:
    """Return the call, or the innermost one around it whose thread still waits; None if none does."""
    while getattr(call, "is_over", False):
        call = call.outer
    return call


def is_part_of_other_work() -> bool:
    """Tell whether the running code was called by a request or by a crossing, even by one that has ended."""
    return current_call.get() is not None or request_context(None) is not None


class Pool(Protocol):
    """A pool whose jobs wait for a thread."""

    def start_another(self) -> None:
        """Start another thread if the number of waiting threads allows it."""


#: What threads wait in: a call, or an event.
waits: set[Any] = set()
#: The calls of asgiref's that are in `waits`, with the call around each.
asgirefs_calls: dict[Any, Any] = {}
#: Weak references to loops, other than host loops, that have asked for a thread. Their threads wait while they run.
asking_loops: set[weakref.ref[asyncio.AbstractEventLoop]] = set()
#: The pools that have more jobs than threads.
crowded_pools: set[Pool] = set()


def forget_waits() -> None:
    """Forget the parent's threads, in the child, after a fork."""
    for each in (waits, asgirefs_calls, asking_loops, crowded_pools):
        each.clear()


os.register_at_fork(after_in_child=forget_waits)


def begin_wait(wait: Any) -> None:
    """Note that this thread is about to wait; `waits.discard(wait)` ends it."""
    waits.add(wait)
    if crowded_pools:
        for pool in tuple(crowded_pools):
            pool.start_another()


def note_asking_loop() -> None:
    """Note that the thread of the running loop waits for a job, unless no thread waits for that loop."""
    loop = running_loop()
    if loop is not None and loop not in host_loops:
        asking_loops.add(weakref.ref(loop, asking_loops.discard))


def count_waits() -> int:
    """Return how many threads are waiting in a crossing."""
    loops = (reference() for reference in tuple(asking_loops))
    return len(waits) + sum(loop is not None and loop.is_running() for loop in loops)
