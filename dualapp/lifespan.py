"""Run the functions registered around serving: before, while and after it.

They run on the host loop, exactly once per process. The startup is triggered by the lifespan messages of an ASGI
server, by a hook of a WSGI server (`dualapp.gunicorn`), or by the first request.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import threading
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextvars import ContextVar
from typing import Any

import flask

from .background_tasks import BackgroundTasks
from .crossing.bridge import run_on_loop
from .crossing.coroutines import END
from .crossing.os_threads import fork_aware
from .crossing.thread_pool import Threads, from_loop
from .exchange.translation import Message
from .failures import got_serving_exception, name_of, report

Function = Callable[..., Any]

# The lifespan whose startup the running code is part of.
starting: ContextVar[Lifespan] = ContextVar("dualapp.starting")


class StartupFailed(RuntimeError):
    """A function that runs before serving failed; the process must not serve."""


class Lifespan:
    """The startup and the shutdown of one app in this process."""

    def __init__(self, app: flask.Flask, background_threads: Threads) -> None:
        self.before: list[Function] = []
        self.during: list[Function] = []
        self.after: list[Function] = []
        self._app = app
        self._background_threads = background_threads
        self.reset_after_fork()
        fork_aware.add(self)

    def reset_after_fork(self) -> None:
        """Forget the parent's startup and tasks, in the child: they live on the parent's loop."""
        self.has_started = False
        self._failure: StartupFailed | None = None
        self._lock = threading.Lock()
        self._starting: asyncio.Task[None] | None = None
        self._running: list[AsyncIterator[Any]] = []
        self.tasks = BackgroundTasks(self._app, self._background_threads)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to start and nothing to stop."""
        return not (self.before or self.during or self.after or self.tasks)

    # From a thread, under WSGI.

    def start(self) -> None:
        """Run the startup once; other threads wait for it meanwhile.

        Raises StartupFailed, in this call and all later ones, if one of the functions fails.
        """
        if self.has_started or starting.get(None) is self:  # a request made during startup must not wait for its end
            return
        with self._lock:
            if not self.has_started and self._failure is None:
                with contextlib.suppress(StartupFailed):  # _raise_failure raises it in every waiting thread
                    self._start()
        self._raise_failure()

    def _start(self) -> None:
        if not self.is_idle:
            run_on_loop(self.startup)
        self.has_started = True
        atexit.register(stop_if_alive, weakref.ref(self))  # even if idle: background tasks may be added later

    def stop(self) -> None:
        """Run the shutdown once, from a thread."""
        with self._lock:
            if self.has_started and not self.is_idle:
                run_on_loop(self.shutdown)

    # On the loop, under ASGI.

    async def start_async(self) -> None:
        """Run the startup once, from the loop; raises StartupFailed as `start` does."""
        if self.has_started or starting.get(None) is self:
            return
        if self._starting is None:
            self._starting = asyncio.create_task(self._start_quietly())
        await asyncio.shield(self._starting)
        self._raise_failure()

    async def _start_quietly(self) -> None:
        with contextlib.suppress(StartupFailed):  # as in start
            if not self.is_idle:
                await self.startup()
            self.has_started = True

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise StartupFailed(str(self._failure)) from self._failure.__cause__

    # On the loop, for both entries.

    async def startup(self) -> None:
        """Run the functions registered to run before serving, in their order."""
        token = starting.set(self)
        try:
            async with self._app.app_context():  # type: ignore[attr-defined]  # a DualApp's context is for both colours
                for func in self.before:
                    await self._attempt(func, from_loop(func))
                for func in self.during:
                    stream = as_async_iterator(func())
                    await self._attempt(func, anext(stream, END))
                    self._running.append(stream)
                # From here on there is something to stop, also if a signal interrupts the thread that waits for this.
                self.has_started = True
        except Exception:
            self.has_started = False
            raise
        finally:
            starting.reset(token)

    async def _attempt(self, func: Function, work: Awaitable[Any]) -> None:
        try:
            await work
        except Exception as error:
            await report(self._app, got_serving_exception, "Startup failed in %s", func, error)
            self._failure = StartupFailed(f"{name_of(func)} failed: {error!r}")
            raise self._failure from error

    async def shutdown(self) -> None:
        """End the background tasks, then run the functions registered to run after serving."""
        if self.is_idle:
            return
        self.has_started, self._starting = False, None
        await self.tasks.end()
        async with self._app.app_context():  # type: ignore[attr-defined]  # as in startup
            for func in self.after:
                await self._log_failure(func, from_loop(func))
            for stream in reversed(self._running):
                await self._log_failure(stream, run_to_end(stream))
        self._running.clear()

    async def _log_failure(self, subject: object, work: Awaitable[Any]) -> None:
        """Await one part of the shutdown; log its error, so that the other parts run."""
        try:
            await work
        except Exception as error:
            await report(self._app, got_serving_exception, "Shutdown failed in %s", subject, error)


def stop_if_alive(reference: weakref.ref[Lifespan]) -> None:
    if (lifespan := reference()) is not None:
        lifespan.stop()


def as_async_iterator(generator: Any) -> AsyncIterator[Any]:
    """Return a generator of either colour as an async iterator."""
    return generator if hasattr(generator, "__anext__") else iterate_from_loop(generator)


async def iterate_from_loop(generator: Iterator[Any]) -> AsyncIterator[Any]:
    while (item := await from_loop(next, generator, END)) is not END:
        yield item


async def run_to_end(stream: AsyncIterator[Any]) -> None:
    """Run a `while_serving` generator to its end; raises RuntimeError if it yields again."""
    if await anext(stream, END) is not END:
        raise RuntimeError("A function given to while_serving must yield once; this one yields more often.")


async def serve(
    lifespan: Lifespan, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Speak the ASGI lifespan protocol until the server shuts down."""
    await receive()
    try:
        await lifespan.start_async()
    except StartupFailed as failure:
        await send({"type": "lifespan.startup.failed", "message": str(failure)})
        return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await lifespan.shutdown()
    await send({"type": "lifespan.shutdown.complete"})
