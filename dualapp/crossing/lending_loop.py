"""An event loop that lends itself: a thread may take the steps of its own task while the loop's thread sleeps.

To wake the loop's thread and to be woken by it again takes longer than most coroutines do. But a loop spends its time
asleep in `select`, and meanwhile a thread that needs a coroutine run may run it itself. The rules:

- The thread that runs code of the loop holds the turn, a lock. The loop's thread releases it only while it sleeps.
- A task is stepped by one thread all its life: a greenlet, or an sqlite connection, must stay where it was made. So the
  steps of a task that a borrowing thread has started are brought to that thread; the loop's thread takes all others.
- A borrower that leaves the loop something to do, a callback or a timer, wakes the loop's thread.
- Nobody starves. The loop's thread gets the turn next when it asks for it; and a borrower whose step finds the loop at
  work queues up with the loop's callbacks, some of which go on until that very step is taken (anyio's cancellation).
"""

from __future__ import annotations

import asyncio
import select
import selectors
import sys
import threading
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVarTuple, Unpack

from ..compat.upstream import run_handle, set_running_loop

Ts = TypeVarTuple("Ts")
Bring = Callable[[asyncio.Handle], None]


class LendingSelector(selectors.DefaultSelector):
    """A selector that releases the turn while it waits; it is made with the turn taken."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = threading.Lock()
        self.turn.acquire()
        self.is_wanted = False
        self._poll = select.poll()
        self._poll.register(self.fileno(), select.POLLIN)  # epoll(7): itself readable when anything in it is ready

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait until a file is ready, then list those that are; borrowers may register files meanwhile."""
        if timeout is None or timeout > 0:
            self.turn.release()
            try:
                self._poll.poll(None if timeout is None else timeout * 1000)
            finally:
                self._reacquire()
        return super().select(0)

    def _reacquire(self) -> None:
        self.is_wanted = True
        self.turn.acquire()
        self.is_wanted = False

    def borrow(self) -> bool:
        """Take the turn, if nobody has it or asks for it."""
        return not self.is_wanted and self.turn.acquire(blocking=False)


class LendingLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, which other threads may borrow."""

    def __init__(self) -> None:
        self._turns = LendingSelector()
        self._lent: dict[asyncio.Task[Any] | None, Bring] = {}
        self._new_borrower: Bring | None = None
        self._is_borrowed = self._has_more_to_do = False
        super().__init__(self._turns)
        self.call_soon(self._note_hooks)

    def _note_hooks(self) -> None:
        """Note what asyncio does with async generators in the loop's thread, for it to be done in a borrower's too."""
        self._asyncgen_hooks = sys.get_asyncgen_hooks()

    def lend(self, work: Coroutine[Any, Any, Any], variables: Context, bring: Bring) -> asyncio.Task[Any] | None:
        """Start a task whose steps are brought to the calling thread, to be taken there; None if the loop is busy."""
        if self.get_debug() or not self._turns.borrow():  # in debug mode asyncio minds the thread
            return None
        try:
            self._new_borrower = bring
            return asyncio.Task(work, loop=self, context=variables)
        finally:
            self._new_borrower = None
            self._turns.turn.release()

    def take_back(self, task: asyncio.Task[Any] | None) -> bool:
        """Bring no more steps of a task to who started it; called by who has the turn. Tell whether any were."""
        return self._lent.pop(task, None) is not None

    def run_step(self, step: asyncio.Handle) -> None:
        """Run a step that was brought to this thread, once this thread has the turn."""
        if self._turns.borrow():
            try:
                self._run_borrowed(step)
                has_more_to_do = self._has_more_to_do
            finally:
                self._turns.turn.release()
            if has_more_to_do:
                self.call_soon_threadsafe(bool)  # which does nothing but wake the loop's thread
        else:
            self._run_step_in_queue(step)

    def _run_step_in_queue(self, step: asyncio.Handle) -> None:
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
        """Run the loop in this thread for the time of one step."""
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
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Call a function at the loop's next turn, or bring it to whose task it is a step of."""
        if self._lent or self._new_borrower:
            task: Any = getattr(callback, "__self__", None)  # asyncio, too, tells by this that a callback is a step
            if isinstance(task, asyncio.Task) and (bring := self._borrower_of(task)):
                step = asyncio.Handle(callback, args, self, context)
                bring(step)
                return step
        self._has_more_to_do |= self._is_borrowed
        return super().call_soon(callback, *args, context=context)

    def _borrower_of(self, task: asyncio.Task[Any]) -> Bring | None:
        if self._new_borrower is not None:  # the first step of a task is scheduled while it is made
            self._lent[task], self._new_borrower = self._new_borrower, None
        return self._lent.get(task)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call a function at a time."""
        self._has_more_to_do |= self._is_borrowed
        return super().call_at(when, callback, *args, context=context)
