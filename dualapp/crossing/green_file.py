"""A file of gevent's hub that any thread may read: a greenlet of that hub reads, and the thread waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from .context_variables import outcome
from .os_threads import new_queue, unpatched


class GreenFile:
    """A file whose methods run in the thread that made this object, whichever thread calls them."""

    def __init__(self, file: Any) -> None:
        from gevent import get_hub  # there is one, where this class is used

        self._file = file
        self._thread, self._hub = thread_id(), get_hub()

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._file, name)
        return partial(self._in_hub, attribute) if callable(attribute) else attribute

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _in_hub(self, method: Callable[..., Any], *args: Any) -> Any:
        if thread_id() == self._thread:
            return method(*args)
        from gevent import spawn

        outcomes = new_queue()
        self._hub.loop.run_callback_threadsafe(spawn, lambda: outcomes.put(outcome(partial(method, *args))))
        result, error = outcomes.get()
        if error is not None:
            raise error
        return result


def thread_id() -> int:
    """Return the number of this thread of the operating system."""
    number: int = unpatched("_thread", "get_ident")()
    return number
