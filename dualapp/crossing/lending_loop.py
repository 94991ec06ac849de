"""An event loop that lends itself: a thread runs the steps of its own task while the loop's thread sleeps in `select`.

Waking the loop's thread and being woken by it takes longer than most coroutines run. So while the loop's thread
sleeps, a thread that calls a coroutine runs it itself. The rules:

- The turn is a lock, held by the thread that runs code of the loop. The loop's thread releases it only while it sleeps.
- One thread runs all steps of a task, because greenlets and sqlite connections are bound to a thread: a task started by
  a borrowing thread has its steps queued for that thread; the loop's thread runs those of all other tasks.
- A borrower that schedules a callback or a timer on the loop wakes the loop's thread.
- No thread starves. The loop's thread is next to get the turn once it waits for it. A borrower that finds the loop busy
  runs its step as one of the loop's callbacks: others may repeat themselves until it has run (anyio's cancellation).
"""

from __future__ import annotations

import asyncio
import selectors
import sys
import threading
from collections.abc import Callable, Coroutine
from contextvars import Context as Variables
from typing import Any, TypeVarTuple, Unpack

from ..compat.upstream import run_handle, set_running_loop

Ts = TypeVarTuple("Ts")
#: Queues a step of a task for the borrowing thread that started the task.
QueueStep = Callable[[asyncio.Handle], None]
Events = list[tuple[selectors.SelectorKey, int]]
#: Most file events in one iteration of the loop, so that a request waits for some busy websockets, not for all. The
#: remaining events follow in the next iterations, before the next poll.
MOST_EVENTS = 64


class LendingSelector(selectors.DefaultSelector):
    """A selector that holds the turn except while it waits for files."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = threading.Lock()
        self.turn.acquire()
        self.loop_wants_turn = False
        self._has_changed = False
        self._rest: Events = []

    def select(self, timeout: float | None = None) -> Events:
        """Wait until a file is ready, then list those that are, a few at a time: see `MOST_EVENTS`."""
        if not self._rest:
            ready = self._ready(timeout)
            self._rest = ready[MOST_EVENTS:]
            return ready[:MOST_EVENTS] if self._rest else ready
        few, self._rest = self._rest[:MOST_EVENTS], self._rest[MOST_EVENTS:]
        registered = self.get_map()  # skip files unregistered or replaced since the poll
        return [(key, events) for key, events in few if registered.get(key.fd) is key]

    def _ready(self, timeout: float | None) -> Events:
        """Wait until a file is ready, then list all that are; borrowers may register files meanwhile."""
        if timeout is not None and timeout <= 0:
            return super().select(timeout)
        self._has_changed = False
        self.turn.release()
        try:
            ready = super().select(timeout)
        finally:
            self._reacquire()
        # What was ready may have been closed by a borrower, and its number may be another file's now.
        return super().select(0) if self._has_changed else ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch a file; epoll(7) lets borrowers do so while the loop's thread waits."""
        self._has_changed = True
        return super().register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Stop watching a file."""
        self._has_changed = True
        return super().unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch a file for something else."""
        self._has_changed = True
        return super().modify(fileobj, events, data)

    def _reacquire(self) -> None:
        self.loop_wants_turn = True
        self.turn.acquire()
        self.loop_wants_turn = False

    def borrow(self) -> bool:
        """Take the turn if it is free and the loop's thread does not wait for it; tell whether it was taken."""
        return not self.loop_wants_turn and self.turn.acquire(blocking=False)


class LendingLoop(asyncio.SelectorEventLoop):
    """asyncio's selector loop, which other threads may borrow."""

    def __init__(self) -> None:
        self._lending_selector = LendingSelector()
        self._borrowed_tasks: dict[asyncio.Task[Any] | None, QueueStep] = {}
        self._new_borrower: QueueStep | None = None
        self._is_borrowed = self._has_more_to_do = False
        super().__init__(self._lending_selector)
        self.call_soon(self._note_hooks)

    def _note_hooks(self) -> None:
        """Keep the async generator hooks that asyncio set in the loop's thread, to set them in a borrower's."""
        self._asyncgen_hooks = sys.get_asyncgen_hooks()

    def lend(
        self, work: Coroutine[Any, Any, Any], variables: Variables, queue_step: QueueStep
    ) -> asyncio.Task[Any] | None:
        """Start a task whose steps are queued for the calling thread; None if the loop is busy."""
        # In debug mode asyncio refuses calls from other threads.
        if self.get_debug() or not self._lending_selector.borrow():
            return None
        try:
            self._new_borrower = queue_step
            return asyncio.Task(work, loop=self, context=variables)
        finally:
            self._new_borrower = None
            self._lending_selector.turn.release()

    def take_back(self, task: asyncio.Task[Any] | None) -> bool:
        """Queue no more steps of a task for the thread that started it; False if none were. Needs the turn."""
        return self._borrowed_tasks.pop(task, None) is not None

    def run_step(self, step: asyncio.Handle) -> None:
        """Run a step that was queued for this thread: at once if the turn is free, else as a callback of the loop."""
        if not self._run_at_once(step):
            self._run_step_in_queue(step)

    def call_here(self, callback: Callable[[Unpack[Ts]], object], *args: *Ts) -> bool:
        """Call a callback of the loop in this thread; tell whether it was called: the loop may be busy."""
        return not self.get_debug() and self._run_at_once(asyncio.Handle(callback, args, self))

    def _run_at_once(self, step: asyncio.Handle) -> bool:
        if not self._lending_selector.borrow():
            return False
        try:
            self._run_borrowed(step)
        finally:  # also after SystemExit and KeyboardInterrupt, which leave the step
            has_more_to_do = self._has_more_to_do
            self._lending_selector.turn.release()
            if has_more_to_do:
                self.call_soon_threadsafe(bool)  # does nothing, but wakes the loop's thread
        return True

    def _run_step_in_queue(self, step: asyncio.Handle) -> None:
        """Run a step in this thread while a callback holds the loop's thread."""
        is_due, is_done = threading.Event(), threading.Event()

        def hand_over() -> None:
            is_due.set()
            is_done.wait()

        self.call_soon_threadsafe(hand_over)
        try:
            is_due.wait()
            self._run_borrowed(step)
        finally:
            is_done.set()

    def _run_borrowed(self, step: asyncio.Handle) -> None:
        """Make this the running loop of this thread for one step."""
        self._is_borrowed, self._has_more_to_do = True, False
        set_running_loop(self)
        sys.set_asyncgen_hooks(*self._asyncgen_hooks)
        try:
            run_handle(step)
        finally:
            sys.set_asyncgen_hooks(None, None)
            set_running_loop(None)
            self._is_borrowed = False

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Variables | None = None
    ) -> asyncio.Handle:
        """Call a function in the loop's next iteration; queue a step of a borrowed task for its thread."""
        if self._borrowed_tasks or self._new_borrower:
            task: Any = getattr(callback, "__self__", None)  # a step is a bound method of its task
            if isinstance(task, asyncio.Task) and (queue_step := self._borrower_of(task)):
                step = asyncio.Handle(callback, args, self, context)
                queue_step(step)
                return step
        self._has_more_to_do |= self._is_borrowed
        return super().call_soon(callback, *args, context=context)

    def is_borrowers_step(self, step: Callable[..., object]) -> bool:
        """Tell whether a step of a task belongs to a borrowing thread."""
        return getattr(step, "__self__", None) in self._borrowed_tasks

    def _borrower_of(self, task: asyncio.Task[Any]) -> QueueStep | None:
        if self._new_borrower is not None:  # asyncio.Task schedules the first step in its constructor
            self._borrowed_tasks[task], self._new_borrower = self._new_borrower, None
        return self._borrowed_tasks.get(task)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Variables | None = None
    ) -> asyncio.TimerHandle:
        """Call a function at a time of the loop's clock, in seconds."""
        self._has_more_to_do |= self._is_borrowed
        return super().call_at(when, callback, *args, context=context)
