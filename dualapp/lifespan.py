"""Run the functions registered around serving: before, while and after it.

They run on the host loop, exactly once per process. The startup is triggered by the lifespan messages of an ASGI
server, by a hook of a WSGI server (`dualapp.gunicorn`), or by the first request. It belongs to its loop: if that
is closed, as in tests with a loop each, the next request starts anew.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import threading
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import flask

from .background_tasks import BackgroundTasks
from .crossing.bridge import await_on, run_on_loop
from .crossing.coroutines import END, run_without_loop
from .crossing.host_loop import host_loop
from .crossing.os_threads import fork_aware
from .crossing.thread_pool import Threads, from_loop
from .exchange.translation import Message
from .failure_reports import got_serving_exception, is_failure, name_of, report, reporting
from .pipeline.overrides import is_replaced

ShutdownEvent = asyncio.Event

# The lifespan whose startup the running code is part of.
starting: ContextVar[Lifespan] = ContextVar("dualapp.starting")
# The lifespan on whose behalf the running code calls the app's `startup`.
calling: ContextVar[Lifespan | None] = ContextVar("dualapp.calling", default=None)


class StartupFailed(RuntimeError):
    """A function that runs before serving failed; the process must not serve."""


class ShutdownFailed(RuntimeError):
    """A function that runs after serving failed; the others have run."""


class Lifespan:
    """The startup and the shutdown of one app in this process."""

    def __init__(self, app: flask.Flask, background_threads: Threads) -> None:
        self._app: Any = app
        self._background_threads = background_threads
        self.reset_after_fork()
        fork_aware.add(self)

    def reset_after_fork(self) -> None:
        """Forget the parent's startup and tasks, in the child: they live on the parent's loop."""
        self._lock = threading.Lock()
        self._stops_at_exit = False
        #: The websockets that were taken over from a WSGI server.
        self.connections: set[Any] = set()
        self._streams: list[tuple[object, AsyncIterator[Any]]] = []  # the `while_serving` generators that have begun
        self.tasks = BackgroundTasks(self._app, self._background_threads)
        self._forget_startup()

    def _forget_startup(self) -> None:
        self.has_started = False
        #: The loop of the startup, once it has ended; None under WSGI if there was nothing to start.
        self.startup_loop: asyncio.AbstractEventLoop | None = None
        #: The same, unless it is the process's own host loop, which nobody closes.
        self.closable_loop: asyncio.AbstractEventLoop | None = None
        self._last_loop: asyncio.AbstractEventLoop | None = None  # that of a startup that failed, too
        self._failure: StartupFailed | None = None
        self._starting: asyncio.Task[None] | None = None
        self._shutdown_event, self._is_watched = asyncio.Event(), False

    def _forget_closed_loop(self) -> None:
        """Forget the startup if its loop is closed."""
        if self._last_loop is not None and self._last_loop.is_closed():
            self._forget_startup()
            self.tasks.forget_closed_loops()

    @property
    def shutdown_event(self) -> ShutdownEvent:
        """The event that is set when the shutdown begins; asking for it makes the shutdown run."""
        self._is_watched = True
        return self._shutdown_event

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to start and nothing to stop."""
        app = self._app
        functions = app.before_serving_funcs or app.while_serving_gens or app.after_serving_funcs
        is_overridden = is_replaced(app, "startup") or is_replaced(app, "shutdown")
        return not (functions or self.tasks or self.connections or self._is_watched or is_overridden)

    # From a thread, under WSGI.

    def start(self) -> None:
        """Run the startup once; other threads wait for it meanwhile.

        Raises StartupFailed, in this call and all later ones, if one of the functions fails.
        """
        if starting.get(None) is self:  # a request made during startup must not wait for its end
            return
        with self._lock:
            self._forget_closed_loop()
            if not self.has_started and self._failure is None:
                with contextlib.suppress(StartupFailed):  # _raise_failure raises it in every waiting thread
                    self._start()
        self._raise_failure()

    def _start(self) -> None:
        host_loop.offer()
        if not self.is_idle:
            run_on_loop(self._call_startup)
        self.has_started = True
        if not self._stops_at_exit:  # even if idle: background tasks may be added later
            self._stops_at_exit = True
            atexit.register(stop_if_alive, weakref.ref(self))

    def stop(self) -> None:
        """Run the shutdown once, from a thread."""
        with self._lock:
            if self.has_started and not self.is_idle:
                with contextlib.suppress(ShutdownFailed):  # it is logged
                    run_on_loop(self.call_shutdown)

    # On the loop, under ASGI.

    async def start_async(self) -> None:
        """Run the startup once, from the loop; raises StartupFailed as `start` does."""
        if starting.get(None) is self:
            return
        host_loop.adopt(asyncio.get_running_loop())
        self._forget_closed_loop()
        if not self.has_started and self._failure is None:
            await until_task_ended(self._startup_task())
        if self.has_started and self.startup_loop is None:  # there was nothing to start
            self._last_loop = asyncio.get_running_loop()
            self._note_loop()
        self._raise_failure()

    def _note_loop(self) -> None:
        self.startup_loop = loop = self._last_loop
        self.closable_loop = None if host_loop.is_own(loop) else loop

    def _startup_task(self) -> asyncio.Task[None]:
        """Return the task of the startup that is under way, or begin one."""
        task = self._starting
        if task is None or task.done() or not task.get_loop().is_running():
            task = self._starting = asyncio.create_task(self._start_quietly())
        return task

    async def _start_quietly(self) -> None:
        try:
            if not self.is_idle:
                await self._call_startup()
            self.has_started = True
        except StartupFailed:  # as in start
            pass
        finally:
            self._starting = None  # a task holds the context variables of the request that has begun it

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise StartupFailed(str(self._failure)) from self._failure.__cause__

    # On the loop, for both entries. A subclass of the app may override its `startup` and `shutdown`.

    async def _call_startup(self) -> None:
        """Call the app's `startup`; an override may fail as the registered functions may."""
        token = calling.set(self)
        try:
            await self._app.startup()
        except StartupFailed:
            raise
        except BaseException as error:
            if not is_failure(error):
                raise
            self.has_started, self.startup_loop = False, None
            await self._fail(self._app.startup, error)
            raise self._failure from error  # type: ignore[misc]  # _fail has set it
        finally:
            calling.reset(token)

    async def startup_of_app(self) -> None:
        """Run the startup if an entry has called this, else once."""
        if calling.get() is not self:
            await self.start_async()
            return
        token = calling.set(None)
        try:
            await self.startup()
        finally:
            calling.reset(token)

    async def call_shutdown(self) -> None:
        """Call the app's `shutdown`; an override may fail, too."""
        try:
            await self._app.shutdown()
        except ShutdownFailed:
            raise
        except BaseException as error:
            if not is_failure(error):
                raise
            await self._report("Shutdown", self._app.shutdown, error)
            raise ShutdownFailed(f"{name_of(self._app.shutdown)} failed: {error!r}") from error

    async def startup(self) -> None:
        """Run the functions registered to run before serving, in their order."""
        self._last_loop = asyncio.get_running_loop()
        if self._shutdown_event.is_set():  # by the last life
            self._shutdown_event = asyncio.Event()
        token = starting.set(self)
        try:
            async with self._app.app_context():
                self._drop_streams()
                for func in self._app.before_serving_funcs:
                    await self._attempt(func, from_loop(func))
                for func in self._app.while_serving_gens:
                    await self._attempt(func, self._enter(func))
                # From here on there is something to stop, also if a signal interrupts the thread that waits for this.
                # Unless the app's own startup goes on after this.
                self.has_started = not is_replaced(self._app, "startup")
                self._note_loop()
        except BaseException as error:
            if not is_failure(error):
                raise
            self.has_started, self.startup_loop = False, None
            if self._failure is None:
                await self._fail(self._app.app_context, error)
            raise self._failure from self._failure.__cause__  # type: ignore[union-attr,misc]  # _fail has set it
        finally:
            starting.reset(token)

    async def _attempt(self, func: Any, work: Awaitable[Any]) -> None:
        try:
            await work
        except BaseException as error:
            if not is_failure(error):
                raise
            await self._fail(func, error)
            raise self._failure from error  # type: ignore[misc]  # _fail has set it

    async def _fail(self, func: object, error: BaseException) -> None:
        self._failure = StartupFailed(f"{name_of(func)} failed: {error!r}")
        self._failure.__cause__ = error
        await self._report("Startup", func, error)

    async def _report(self, event: str, func: object, error: BaseException) -> None:
        with reporting(f"{event} failed in %s", name_of(func)):
            await report(self._app, got_serving_exception, error)

    async def _enter(self, func: Any) -> None:
        """Run a `while_serving` generator up to its `yield`."""
        stream = as_async_iterator(func() if callable(func) else func)  # extensions of Quart append generators
        await anext(stream, END)
        self._streams.append((func, stream))

    def _drop_streams(self) -> None:
        """Close the generators of a closed loop, as far as they do not wait for it."""
        while self._streams:
            stream: Any = self._streams.pop()[1]
            try:
                run_without_loop(stream.aclose())
            except BaseException as error:
                if not is_failure(error):
                    raise

    async def shutdown(self) -> None:
        """End the background tasks and the generators, the last first, and run the functions to run after serving.

        Raises ShutdownFailed, when all of them have run, if one fails.
        """
        self._forget_closed_loop()
        is_orphaned = self._last_loop is None
        self.has_started, self.startup_loop, self._starting = False, None, None
        if self.is_idle:
            return
        self._shutdown_event.set()
        await asyncio.gather(*(connection.go_away() for connection in self.connections))
        await self.tasks.end()
        failures: dict[str, BaseException] = {}
        async with self._app.app_context():
            if is_orphaned:
                self._drop_streams()
            while self._streams:
                func, stream = self._streams.pop()
                await self._attempt_end(func, end_generator(stream), failures)
            for func in self._app.after_serving_funcs:
                await self._attempt_end(func, from_loop(func), failures)
        for error in failures.values():
            raise ShutdownFailed("; ".join(failures)) from error

    async def _attempt_end(self, func: object, work: Awaitable[Any], failures: dict[str, BaseException]) -> None:
        """Await one part of the shutdown; log and note its error, so that the other parts run."""
        try:
            await work
        except BaseException as error:
            if not is_failure(error):
                raise
            await self._report("Shutdown", func, error)
            failures[f"{name_of(func)} failed: {error!r}"] = error


def stop_if_alive(reference: weakref.ref[Lifespan]) -> None:
    if (lifespan := reference()) is not None:
        lifespan.stop()


async def until_task_ended(task: asyncio.Task[None]) -> None:
    """Wait for a task of any loop; the end of the wait does not end the task."""
    loop = task.get_loop()
    if loop is asyncio.get_running_loop():
        await asyncio.shield(task)
    else:
        await await_on(loop, until_task_ended, task)


def as_async_iterator(generator: Any) -> AsyncIterator[Any]:
    """Return a generator of either colour as an async iterator."""
    return generator if hasattr(generator, "__anext__") else iterate_from_loop(generator)


async def iterate_from_loop(generator: Any) -> AsyncIterator[Any]:
    try:
        while (item := await from_loop(next, generator, END)) is not END:
            yield item
    finally:
        generator.close()


async def end_generator(stream: AsyncIterator[Any]) -> None:
    """Run a `while_serving` generator to its end; raises RuntimeError if it yields again."""
    if await anext(stream, END) is not END:
        raise RuntimeError("A function given to while_serving must yield once; this one yields more often.")


async def serve(
    lifespan: Lifespan, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Speak the ASGI lifespan protocol until the server shuts down.

    Raises StartupFailed or ShutdownFailed after it has told the server: test clients pass it on to the test.
    """
    await receive()
    await tell_outcome("startup", lifespan.start_async(), send)
    await receive()
    await tell_outcome("shutdown", lifespan.call_shutdown(), send)


async def tell_outcome(event: str, work: Awaitable[None], send: Callable[[Message], Awaitable[None]]) -> None:
    """Tell the server whether the startup or the shutdown has succeeded; raise the failure."""
    failure = await failure_of(work)
    if failure is None:
        await send({"type": f"lifespan.{event}.complete"})
    else:
        await send({"type": f"lifespan.{event}.failed", "message": str(failure)})
        raise failure


async def failure_of(work: Awaitable[None]) -> StartupFailed | ShutdownFailed | None:
    """Return the failure without its cause, which is logged already: granian and hypercorn would log it once more."""
    try:
        await work
    except (StartupFailed, ShutdownFailed) as failure:
        return type(failure)(str(failure))
    return None
