"""Tell which thread waits for the running code, so that no pool is full because its threads wait for it."""

from __future__ import annotations

import asyncio
import weakref
from contextvars import ContextVar
from typing import Any

from ..compat.upstream import running_loop

#: The call of the thread that waits for the running code: a `LoopCall`, or asgiref's executor of the same kind.
current_call: ContextVar[Any] = ContextVar("dualapp.current_call", default=None)

#: The loops that no thread waits for: the host loop, and those of servers. Any other runs in a thread that started it,
#: as `asyncio.run` does, to wait for its end.
shared_loops: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()


def unfinished(call: Any) -> Any:
    """Return the call, or the innermost one around it whose thread still waits; None if none does."""
    while getattr(call, "is_over", False):
        call = call.outer
    return call


def waiting_thread() -> Any:
    """Return the call or loop whose thread is blocked on the running code; None if none is."""
    if (call := unfinished(current_call.get())) is not None:
        return call
    loop = running_loop()
    return None if loop is None or loop in shared_loops else loop


def waiter() -> tuple[Any, Any] | None:
    """Return a hashable identity of the thread that is blocked on the running code; None if none is.

    A thread with a loop of its own inherits the call around it, but is not the thread that made the call.
    """
    thread = waiting_thread()
    return None if thread is None else (thread, running_loop())
