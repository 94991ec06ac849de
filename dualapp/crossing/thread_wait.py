"""A wait of a thread for something that another thread does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

from ..compat.upstream import thread_state
from .os_threads import unpatched


class ThreadWait:
    """One wait. It is cancelled as a task on which a thread is blocked: with the task that waits for the thread."""

    def __init__(self) -> None:
        self._lock = unpatched("_thread", "allocate_lock")()
        self._lock.acquire()
        self._is_cancelled = False

    def wait(self) -> None:
        """Wait for `end`. Raises CancelledError after `cancel`."""
        blocked_on = thread_state.task_context
        if blocked_on is None:
            self._lock.acquire()
        else:
            blocked_on.append(self)
            self._lock.acquire()
            blocked_on.remove(self)
        if self._is_cancelled:
            raise asyncio.CancelledError

    def end(self) -> None:
        """End the wait."""
        with suppress(RuntimeError):  # it has ended
            self._lock.release()

    def cancel(self, msg: object = None) -> None:
        """End the wait with an error."""
        self._is_cancelled = True
        self.end()

    def __await__(self) -> Iterator[None]:
        """End at once: asgiref awaits what it has cancelled."""
        return iter(())
