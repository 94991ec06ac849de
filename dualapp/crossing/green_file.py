"""A file of gevent's hub that any thread may read: that thread waits while the hub's thread reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from .os_threads import unpatched
from .waiting_threads import waiting_thread


class GreenFile:
    """A file whose methods run in the thread that made this object, whichever thread calls them."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._thread = thread_id()

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._file, name)
        return partial(self._in_hub, attribute) if callable(attribute) else attribute

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _in_hub(self, method: Callable[..., Any], *args: Any) -> Any:
        if thread_id() == self._thread:
            return method(*args)
        return waiting_thread().submit(method, *args).result()


def thread_id() -> int:
    """Return the number of this thread of the operating system."""
    number: int = unpatched("_thread", "get_ident")()
    return number
