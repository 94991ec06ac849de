"""The result of a thread, on its way to the task that awaits it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any

from ..compat.upstream import can_hand_off
from .lending_loop import LendingLoop


class Handoff:
    """A future for one task, which goes on in the turn of the loop in which the result arrives, and not in the next."""

    _asyncio_future_blocking = False  # a task looks whether what it was given is awaited, or only yielded
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
        """Continue the task with a result or an error, unless it was cancelled; to be called on the loop."""
        if not self._is_done:
            self._is_done, self._result, self._error = True, result, error
            self._wake(is_turn=True)

    def _wake(self, is_turn: bool) -> None:
        """Have the task take its next step: at once in a turn of its loop, unless a borrower has to take that step."""
        callback, self._callback = self._callback, None  # it knows the task, which knows this
        if callback is None:
            return
        if is_turn and not isinstance(self._loop, LendingLoop):
            self._context.run(callback, self)
        else:
            self._loop.call_soon(callback, self, context=self._context)

    # What asyncio's tasks call.

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def add_done_callback(self, callback: Callable[[Any], None], *, context: Context) -> None:
        self._callback, self._context = callback, context

    def cancel(self, msg: Any = None) -> bool:
        if self._is_done or self._callback is None:
            return False
        # Who cancels may know his own cancellation by its message, as anyio does.
        self._is_done = self.is_cancelled = True
        self._error = asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg)
        self._wake(is_turn=False)
        return True

    def result(self) -> Any:
        error, self._error = self._error, None  # its traceback knows this frame
        if error is not None:
            raise error
        return self._result


class FutureHandoff:
    """The same as a plain future, for an asyncio whose tasks do not wait for anything else."""

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


new_handoff: type[Handoff | FutureHandoff] = Handoff if can_hand_off else FutureHandoff
