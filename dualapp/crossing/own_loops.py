"""Run a WSGI app whose async code has loops of its own, as it has without dualapp: one for each call, in a thread.

Flask's async views call sync code that waits: for a database, or for the rest of the body, which under an ASGI server
only the server's loop can receive. On the host loop they would stop all other requests, or wait for themselves.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..compat.upstream import thread_state
from .os_threads import Workers, is_green, unpatched
from .waiting_threads import waiting_thread

if TYPE_CHECKING:
    from _typeshed.wsgi import InputStream, StartResponse, WSGIApplication, WSGIEnvironment


class OwnLoops:
    """What asgiref's `async_to_sync` takes for the loop of a thread: each of its coroutines gets a new loop.

    There are as many at once as there are threads that wait for them.
    """

    def __init__(self) -> None:
        self._workers = Workers("dualapp-own-loop", lambda: sys.maxsize)

    def create_task(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine, which does not raise, on a loop in a thread of its own."""

        def job(done: Callable[[], None]) -> None:
            try:
                asyncio.run(coroutine)
            finally:
                done()

        self._workers.do(job)

    def call_soon_threadsafe(self, function: Callable[..., object], *args: Any) -> None:
        """Call a function at once."""
        function(*args)

    def is_running(self) -> bool:
        """Tell dualapp's own code in the app that this is no loop for it."""
        return False


own_loops = OwnLoops()


def with_own_loops(app: WSGIApplication) -> WSGIApplication:
    """Wrap a WSGI app so that asgiref runs each coroutine of its thread on a new loop."""

    def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if is_green():
            environ["wsgi.input"] = GreenInput(environ["wsgi.input"])
        of_thread = vars(thread_state)
        before = {**of_thread}
        of_thread.update(main_event_loop=own_loops, main_event_loop_pid=os.getpid(), task_context=None)
        try:
            return app(environ, start_response)
        finally:
            of_thread.clear()
            of_thread.update(before)

    return call


class GreenInput:
    """The body of a request whose reads wait in the thread of gevent's hub, whichever thread asks for them."""

    def __init__(self, stream: InputStream) -> None:
        self._stream = stream
        self._thread = thread_id()

    def _in_hub(self, read: Callable[..., Any], *args: int) -> Any:
        if thread_id() == self._thread:
            return read(*args)
        return waiting_thread().submit(read, *args).result()

    def read(self, *size: int) -> bytes:
        """Read bytes (PEP 3333)."""
        return self._in_hub(self._stream.read, *size)  # type: ignore[no-any-return]  # it is what the stream reads

    def readline(self, *size: int) -> bytes:
        """Read a line (PEP 3333)."""
        return self._in_hub(self._stream.readline, *size)  # type: ignore[no-any-return]  # as above

    def readlines(self, *hint: int) -> list[bytes]:
        """Read the lines that are left (PEP 3333)."""
        return self._in_hub(self._stream.readlines, *hint)  # type: ignore[no-any-return]  # as above

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def thread_id() -> int:
    """Return the number of this thread of the operating system."""
    number: int = unpatched("_thread", "get_ident")()
    return number
