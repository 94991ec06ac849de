"""From a thread to a task that waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context
from functools import partial
from typing import Any


class Handoff:
    """What one task awaits and a thread gives: a future whose task goes on at once, not at the loop's next turn."""

    _asyncio_future_blocking = False  # a task looks whether what it was given is awaited, or only yielded
    _wake: Callable[[], None] | None = None
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
            wake, self._wake = self._wake, None  # it knows what this is
            if wake is not None:
                wake()

    # What a task asks of it.

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def add_done_callback(self, callback: Callable[[Any], None], *, context: Context) -> None:
        self._wake = partial(context.run, callback, self)

    def cancel(self, msg: Any = None) -> bool:
        if self._is_done or self._wake is None:
            return False
        self._is_done, self._error = True, asyncio.CancelledError()
        self._loop.call_soon(self._wake)
        self._wake = None
        return True

    def result(self) -> Any:
        error, self._error = self._error, None  # its traceback knows this frame
        if error is not None:
            raise error
        return self._result
