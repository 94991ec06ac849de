"""Wait for the host loop's files, under gevent, in the hub of the loop's thread.

gevent makes greenlets of the threads that async code starts: `threading.Thread`, an executor's, those of anyio. They
belong to the thread of the loop, and run while its hub runs: while the loop waits.
"""

from __future__ import annotations

import selectors
from functools import cached_property
from typing import Any

from gevent import get_hub, sleep
from gevent.event import Event

from ..compat.upstream import running_loop_of_thread, set_running_loop
from .os_threads import unpatched

SystemSelector: Any = unpatched("selectors", "DefaultSelector")
#: What a watcher waits for: that its file, here the selector, has something to read.
READ = 1


class GreenSelector(SystemSelector):  # type: ignore[misc]  # it is the system's: epoll, kqueue
    """A selector that waits in the hub of its thread, where meanwhile no loop runs as greenlets see it."""

    @cached_property
    def _watcher(self) -> Any:
        hub = get_hub()
        hub.SYSTEM_ERROR = ()  # sys.exit() in a thread ends that thread; gevent would raise it in the loop
        return hub.loop.io(self.fileno(), READ)

    @cached_property
    def _is_ready(self) -> Any:
        return Event()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait until a file is ready, then list those that are."""
        loop = running_loop_of_thread()
        set_running_loop(None)
        try:
            self._wait(timeout)
        finally:
            set_running_loop(loop)
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        return ready

    def _wait(self, timeout: float | None) -> None:
        watcher = self._watcher
        if timeout is not None and timeout <= 0:
            sleep(0)
            return
        watcher.start(self._is_ready.set)
        self._is_ready.wait(timeout)
        watcher.stop()
        self._is_ready.clear()
