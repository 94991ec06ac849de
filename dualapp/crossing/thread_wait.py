"""Block a thread until another wakes it, or until the task that awaits the thread is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ..compat.upstream import thread_state
from .os_threads import unpatched
from .waiting_threads import begin_wait, waits


class BlockingTasks(list[Any]):
    """The tasks and waits that a thread is blocked on; they are cancelled with the task that waits for the thread."""

    #: Whether that task was cancelled; the thread may have been about to wait.
    was_cancelled = False

    def cancel(self, msg: object = None) -> None:
        """Cancel them, and the waits that the thread has not begun yet."""
        self.was_cancelled = True
        for task in tuple(self):
            task.cancel(msg)


class ThreadWait:
    """One wait, which can be cancelled as a task can."""

    def __init__(self) -> None:
        self._lock = unpatched("_thread", "allocate_lock")()
        self._lock.acquire()
        self._is_cancelled = False

    def wait(self) -> None:
        """Wait for `end`. Raises CancelledError after `cancel`."""
        blocked_on = [] if thread_state.task_context is None else thread_state.task_context
        blocked_on.append(self)
        if getattr(blocked_on, "was_cancelled", False):  # asgiref has plain lists
            self.cancel()
        begin_wait(self)
        self._lock.acquire()
        waits.discard(self)
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
