"""Hand the result of a thread over to the task that awaits it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context as Variables
from typing import Any

from ..compat.upstream import can_hand_off
from .coroutines import until_done
from .lending_loop import LendingLoop
from .thread_wait import BlockingTasks


class Handoff:
    """A future for one task that resumes in the loop iteration in which the result arrives, not in the next one."""

    _asyncio_future_blocking = False  # asyncio.Task reads it to tell `await future` from `yield future`
    _callback: Callable[[Any], None] | None = None
    _error: BaseException | None = None
    _result: Any = None
    _is_done = False
    is_cancelled = False

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __await__(self) -> Generator[Any, None, Any]:
        self._asyncio_future_blocking = True
        yield self
        return self._result

    def settle(self, result: Any, error: BaseException | None) -> None:
        """Resume the task with a result or an error, unless it was cancelled; called on the loop."""
        if not self._is_done:
            self._is_done, self._result, self._error = True, result, error
            self._wake(in_callback=True)

    def _wake(self, in_callback: bool) -> None:
        """Resume the task: at once from a callback of its loop, unless its next step belongs to a borrowing thread."""
        callback, self._callback = self._callback, None  # breaks a reference cycle: task, this future, callback
        if callback is None:
            return
        if in_callback and not (isinstance(self._loop, LendingLoop) and self._loop.is_borrowers_step(callback)):
            self._context.run(callback, self)
        else:
            self._loop.call_soon(callback, self, context=self._context)

    # The part of the interface of asyncio.Future that asyncio.Task calls.

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def add_done_callback(self, callback: Callable[[Any], None], *, context: Variables) -> None:
        self._callback, self._context = callback, context

    def cancel(self, msg: Any = None) -> bool:
        if self._is_done or self._callback is None:
            return False
        # Keep the message: anyio recognises its own cancellations by it.
        self._is_done = self.is_cancelled = True
        self._error = asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg)
        self._wake(in_callback=False)
        return True

    def result(self) -> Any:
        error, self._error = self._error, None  # breaks a reference cycle: its traceback holds this frame
        if error is not None:
            raise error
        return self._result


class FutureHandoff:
    """A handoff by a plain future, for an asyncio whose tasks wait for nothing else."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._future: asyncio.Future[Any] = loop.create_future()

    def __await__(self) -> Generator[Any, None, Any]:
        return self._future.__await__()

    @property
    def is_cancelled(self) -> bool:
        return self._future.cancelled()

    def settle(self, result: Any, error: BaseException | None) -> None:
        """Continue the task with a result or an error, unless it was cancelled; to be called on the loop."""
        if self._future.done():
            return
        if error is None:
            self._future.set_result(result)
        else:
            self._future.set_exception(error)


#: Starts a thread's work; the thread calls `settle(result, error)` at its end.
Start = Callable[[Callable[[Any, BaseException | None], None]], None]


class LastingHandoff(Handoff):
    """A handoff whose task resumes only once the thread has ended, even if the task is cancelled.

    Task and thread run in one `contextvars.Context`, which only one of them can enter at a time. So the thread starts
    when the task has suspended: asyncio.Task then adds its callback.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, start: Start, blocking_tasks: BlockingTasks) -> None:
        super().__init__(loop)
        self._start = start
        self._blocking_tasks = blocking_tasks

    def add_done_callback(self, callback: Callable[[Any], None], *, context: Variables) -> None:
        super().add_done_callback(callback, context=context)
        self._start(self.settle)

    def cancel(self, msg: Any = None) -> bool:
        """Cancel the tasks that the thread is blocked on; the waiting task is cancelled when it resumes."""
        self._blocking_tasks.cancel(msg)
        return False


class LastingFutureHandoff(FutureHandoff):
    """A lasting `FutureHandoff`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, start: Start, blocking_tasks: BlockingTasks) -> None:
        super().__init__(loop)
        loop.call_soon(start, self.settle)  # the loop calls it when this task has suspended
        self._blocking_tasks = blocking_tasks

    def __await__(self) -> Generator[Any, None, Any]:
        yield from until_done(self._future, self._blocking_tasks.cancel).__await__()
        return self._future.result()


new_handoff: type[Handoff | FutureHandoff] = Handoff if can_hand_off else FutureHandoff
new_lasting_handoff: type[LastingHandoff | LastingFutureHandoff] = (
    LastingHandoff if can_hand_off else LastingFutureHandoff
)
