"""Run functions in the background, and end them before the process ends.

At the end of serving, a task gets `BACKGROUND_TASK_SHUTDOWN_TIMEOUT` seconds to end, is cancelled, and gets as many
seconds again. A task that still runs then is named in the log and left behind, since a server waits for all tasks of
its loop: a coroutine is not resumed any more, and a thread ends with the process.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Generator
from functools import partial
from typing import Any, Self

from .compat.upstream import request_context, thread_state
from .crossing.bridge import spawn
from .crossing.colour import is_async
from .crossing.os_threads import new_queue, start_thread
from .crossing.thread_pool import Threads, from_loop
from .failure_reports import got_background_exception, is_failure, name_of, report, reporting
from .pipeline.overrides import step_of

Function = Callable[..., Any]


class Abandonable(Generator[Any, Any, Any]):
    """Await `work`, which may swallow its cancellation; once abandoned, it is not resumed any more.

    The task steps through this object. After `abandon`, the next cancellation of the task closes the awaitable and ends
    the task, where before it was passed on.
    """

    def __init__(self, work: Awaitable[Any]) -> None:
        self._steps: Any = work.__await__()
        self._is_abandoned = False

    def __await__(self) -> Self:
        return self

    def abandon(self) -> None:
        """Pass no further exception on."""
        self._is_abandoned = True

    def send(self, value: Any) -> Any:
        return self._steps.send(value)

    def throw(self, error: Any, *rest: Any) -> Any:
        if not self._is_abandoned:
            return self._steps.throw(error, *rest)
        try:
            self._steps.close()
        except RuntimeError:  # it swallows GeneratorExit too
            keep_forever(self._steps)
        except Exception:
            pass
        raise error


def keep_forever(steps: object) -> None:
    """Hold a reference to a coroutine that cannot be closed, in a thread that never ends.

    Collecting it would close it again: without a loop, one that swallows all exceptions would never stop.
    """
    start_thread(partial(hold, steps), "dualapp-left-behind")


def hold(steps: object) -> None:
    new_queue().get()  # nobody puts anything in


class BackgroundTask:
    """One call of a function in the background."""

    def __init__(self, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.func = func
        self._args, self._kwargs = args, kwargs
        self._task: asyncio.Task[Any] | None = None
        self._work: Abandonable | None = None
        self._is_in_thread = False
        self._blocking_tasks: list[Any] | None = None
        self._task_ended, self._thread_returned = asyncio.Event(), asyncio.Event()

    @property
    def can_end(self) -> bool:
        """Whether the task has begun, on a loop that is not closed."""
        return self._task is not None and not self._task.get_loop().is_closed()

    @property
    def is_on_closed_loop(self) -> bool:
        """Whether the task has begun on a loop that is closed by now."""
        return self._task is not None and self._task.get_loop().is_closed()

    @property
    def has_ended(self) -> bool:
        """Whether the task has ended, and its thread, which goes on if the task is cancelled."""
        return self._task_ended.is_set() and (not self._is_in_thread or self._thread_returned.is_set())

    def note_task(self) -> None:
        """Keep the task, which is the running one."""
        self._task = asyncio.current_task()

    async def run(self, threads: Threads) -> None:
        """Call the function: an async one on this loop, a sync one in one of the threads."""
        if is_async(self.func):
            self._work = Abandonable(self.func(*self._args, **self._kwargs))
            await self._work
        else:
            await threads.call(self._call_in_thread, asyncio.get_running_loop())

    def _call_in_thread(self, loop: asyncio.AbstractEventLoop) -> Any:
        if self._task_ended.is_set():  # cancelled before there was a free thread
            return None
        self._is_in_thread = True
        self._blocking_tasks = thread_state.task_context  # those that this thread is blocked on
        try:
            return self.func(*self._args, **self._kwargs)
        finally:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._thread_returned.set)

    def end(self) -> None:
        """Note the end of the task."""
        self._task_ended.set()

    async def until_ended(self) -> None:
        """Wait until the task has ended, and its thread."""
        await self._task_ended.wait()
        if self._is_in_thread:
            await self._thread_returned.wait()

    def cancel(self) -> None:
        """Cancel the task, from any thread."""
        if self._task is not None:
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)

    def abandon(self) -> None:
        """End the task, whose coroutine has swallowed a cancellation, without its coroutine."""
        if self._work is not None:
            self._work.abandon()
        self.cancel()
        for task in list(self._blocking_tasks or ()):
            if isinstance(task, asyncio.Task) and task.get_loop() is asyncio.get_running_loop():
                end_by_force(task)


def end_by_force(task: asyncio.Task[Any]) -> None:
    """End a task of this loop that swallows its cancellation: close its coroutine, so that the next step fails."""
    coroutine: Any = task.get_coro()
    try:
        coroutine.close()
    except RuntimeError:  # as in Abandonable.throw
        keep_forever(coroutine)
    task.add_done_callback(lambda task: task.cancelled() or task.exception())  # or asyncio logs it
    task.cancel()


class BackgroundTasks:
    """The background tasks of one app in this process."""

    def __init__(self, app: Any, threads: Threads) -> None:
        self._app = app
        self._threads = threads
        self._tasks: set[BackgroundTask] = set()

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def add(self, func: Function, /, *args: Any, **kwargs: Any) -> None:
        """Start an async function on the host loop, or a sync one in a thread, without waiting for it.

        Raises TypeError if `func` is not a function that can run in the background.
        """
        require_function(func, "add_background_task")
        if (context := request_context(None)) is not None:
            context.has_background_tasks = True
        task = BackgroundTask(func, args, kwargs)
        self._tasks.add(task)  # at once: the process may end before the loop begins the task
        spawn(self._run_task, task)

    async def _run_task(self, task: BackgroundTask) -> None:
        task.note_task()
        try:
            await self._run_reported(task)
        finally:
            self._tasks.discard(task)
            task.end()

    async def _run_reported(self, task: BackgroundTask) -> None:
        """Run a task in an app context; have its error handled there, and passed to the teardown functions."""
        handled, about_task = None, partial(reporting, "Exception in background task %s", name_of(task.func))
        try:
            async with self._app.app_context() as context:
                try:
                    await task.run(self._threads)
                except BaseException as error:
                    if is_failure(error):
                        handled = error
                        with about_task():
                            await from_loop(step_of(self._app, "handle_background_exception"), context, error)
                    raise
        except BaseException as error:
            if not is_failure(error):
                raise
            if error is not handled:  # of a teardown function, or of the handler itself
                with about_task():
                    await report(self._app, got_background_exception, error)

    def forget_closed_loops(self) -> None:
        """Forget the tasks of closed loops, which never end."""
        self._tasks -= {task for task in set(self._tasks) if task.is_on_closed_loop}

    async def end(self) -> None:
        """Give the tasks time to end, then cancel them, then leave behind those that go on."""
        await asyncio.sleep(0)  # tasks that were added a moment ago begin
        tasks, self._tasks = self._tasks, set()
        late = await self._late([task for task in tasks if task.can_end])
        for task in late:
            task.cancel()
        for task in await self._late(late):
            self._app.logger.warning(
                "Background task %s goes on after it was cancelled: it is left behind", name_of(task.func)
            )
            task.abandon()

    async def _late(self, tasks: list[BackgroundTask]) -> list[BackgroundTask]:
        """Wait for tasks to end, and return those that have not ended in time."""
        ends = [asyncio.ensure_future(task.until_ended()) for task in tasks]
        if ends:
            _, late = await asyncio.wait(ends, timeout=self._app.config["BACKGROUND_TASK_SHUTDOWN_TIMEOUT"])
            for end in late:
                end.cancel()
        return [task for task in tasks if not task.has_ended]


def require_function(func: Any, caller: str) -> None:
    """Raise a TypeError that says what to do if the caller was not given a function, but what calling it returns."""
    if isinstance(func, Coroutine):
        name = getattr(func, "__name__", "the function")
        func.close()  # or Python warns that it was never awaited
        raise TypeError(f"{caller}() takes a function, not its coroutine: pass {name}, not {name}(...).")
    if not callable(func):
        raise TypeError(
            f"{caller}() takes a function, sync or async, not {func!r}: pass the function without calling it."
        )
