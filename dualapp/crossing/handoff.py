"""From a thread to a task that waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any

from .lending_loop import LendingLoop


class Handoff:
    """What one task awaits and a thread gives: a future whose task goes on at once, not at the loop's next turn."""

    _asyncio_future_blocking = False  # a task looks whether what it was given is awaited, or only yielded
    _callback: Callable[[Any], None] | None = None
    _error: BaseException | None = None
    _result: Any = None
    _is_done = False

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __await__(self) -> Generator[Any, None, Any]:
        self._asyncio_future_blocking = True
        yield self
        return self._result

    def settle(self, result: Any, error: BaseException | None) -> None:
        """Have the task go on, on the loop, with a result or an error; unless it was cancelled."""
        if not self._is_done:
            self._is_done, self._result, self._error = True, result, error
            self._wake(is_turn=True)

    def _wake(self, is_turn: bool) -> None:
        """Have the task take its next step; at once in a turn of its loop, unless that may have to lend it."""
        callback, self._callback = self._callback, None  # it knows the task, which knows this
        if callback is None:
            return
        if is_turn and not isinstance(self._loop, LendingLoop):
            self._context.run(callback, self)
        else:
            self._loop.call_soon(callback, self, context=self._context)

    # What a task asks of it.

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def add_done_callback(self, callback: Callable[[Any], None], *, context: Context) -> None:
        self._callback, self._context = callback, context

    def cancel(self, msg: Any = None) -> bool:
        if self._is_done or self._callback is None:
            return False
        # Who cancels may know his own cancellation by its message, as anyio does.
        self._is_done, self._error = True, asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg)
        self._wake(is_turn=False)
        return True

    def result(self) -> Any:
        error, self._error = self._error, None  # its traceback knows this frame
        if error is not None:
            raise error
        return self._result
