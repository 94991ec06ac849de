"""Watch for `http.disconnect` under ASGI, and cancel the task of a client that has left.

A server reports a disconnect only through `receive`, and only after the body messages that have arrived. So once a
request waits, the watch receives the body too, and keeps it for a view that may still read it; whoever reads takes what
was kept first. One party at a time calls `receive`: while a reader awaits it, the watch does not listen.

Most requests that wait do so for a few milliseconds, in which a listening task for each would be a third of the cost.
So they are looked at together, by one timer for all of a loop, and only those that have waited a while get a task.
"""

from __future__ import annotations

import asyncio
from contextvars import Context as Variables
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Protocol

from ..crossing.bounded_queue import BoundedQueue
from ..crossing.readahead import MOST_BYTES
from ..exchange.asgi_exchange import ASGIExchange
from ..exchange.body import Body
from ..exchange.translation import Message
from ..pipeline.context_states import CLOSED

if TYPE_CHECKING:
    from ..pipeline.context import Context

#: Seconds after which a waiting request is listened to; at most twice as many.
PATIENCE = 0.02
#: Seconds to wait for the rest of an unread body, and for the view's answer after a body that broke off.
LINGER = 1
#: The class of tasks that have `get_context()`, from Python 3.12 on.
TASK_WITH_CONTEXT: Any = asyncio.Task if hasattr(asyncio.Task, "get_context") else ()


class Listens(Protocol):
    """What can listen for its client."""

    def listen(self) -> None:
        """Begin to listen, if that is still of use."""


class WaitingRequests:
    """The requests of one loop that have begun to wait; those that wait longer than `PATIENCE` begin to listen."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._is_timed = False
        # Requests that came after the last tick, and before it: none needs a timer of its own.
        # Whatever waits no more is removed at once: the next request reuses its memory while the caches hold it.
        self._recent: set[Listens] = set()
        self._earlier: set[Listens] = set()

    def add(self, watch: Listens) -> None:
        """Have a request begin to listen if it still waits after `PATIENCE`."""
        self._recent.add(watch)
        if not self._is_timed:
            self._is_timed = True
            # The timer outlives the request that sets it, and must not hold that request's context variables.
            self.loop.call_later(PATIENCE, self._tick, context=Variables())

    def remove(self, watch: Listens) -> None:
        """Forget a request that waits no more."""
        self._recent.discard(watch)
        self._earlier.discard(watch)

    def _tick(self) -> None:
        due, self._earlier, self._recent = self._earlier, self._recent, set()
        for watch in due:
            watch.listen()
        self._is_timed = bool(self._earlier or self._recent)
        if self._is_timed:
            self.loop.call_later(PATIENCE, self._tick)


def waiting_on(loop: asyncio.AbstractEventLoop, known: WaitingRequests | None) -> WaitingRequests:
    """Return the waiting requests of a loop: the known ones, unless they are another's, whose timer runs on there."""
    return known if known is not None and known.loop is loop else WaitingRequests(loop)


class DisconnectWatch:
    """Listens for `http.disconnect` while a request waits, then cancels the task that answers it.

    Between the view and the stream the watch pauses and keeps its call of `receive`: cancelling `receive` and calling
    it again makes granian report a disconnect that did not happen.
    """

    _body_end: asyncio.Future[None]

    def __init__(self, waiting: WaitingRequests, exchange: ASGIExchange) -> None:
        self._waiting = waiting
        self._exchange = exchange
        self._body: Body = exchange.body
        # No defaults on the class: CPython writes attributes faster that only the instance has.
        self.saw_disconnect = False
        self._has_cancelled = False
        self._is_paused = False
        self._cancels = True
        self._context: Context | None = None
        self._worker: asyncio.Task[Any] | None = None
        #: The context variables of the request, which middleware around `receive` may need.
        self._variables: Variables | None = None
        self._listener: asyncio.Task[None] | None = None

    def start(self, cancels: bool = True, context: Context | None = None, at_once: bool = False) -> None:
        """Receive while this task waits, and with `cancels` cancel it if the client leaves; or end a pause.

        The task is not cancelled while it tears `context` down.
        """
        self._is_paused, self._cancels, self._context = False, cancels, context
        self._worker = worker = asyncio.current_task()
        # The task's own, not copied before somebody listens.
        self._variables = worker.get_context() if isinstance(worker, TASK_WITH_CONTEXT) else copy_context()
        if self.saw_disconnect:
            self._cancel()
        elif at_once:
            self.listen()
        else:
            self._waiting.add(self)

    def pause(self) -> None:
        """Keep a running listener, but cancel no task until the next `start`."""
        self._is_paused = True

    def discard(self) -> None:
        """Receive the rest of the body from now on and throw it away: nobody may read it any more.

        A server whose queue of body messages is full blocks the whole connection, and the response with it.
        """
        if not self._body.complete:
            self._queue().discard()
            self._listen()

    @property
    def is_discarding(self) -> bool:
        """Whether a body is being discarded that may be worth `linger`."""
        body = self._body
        if self._listener is None or self._body_end.done():
            return False
        return body.ends_soon and not (body.complete or body.has_failed)

    async def linger(self) -> None:
        """Wait for the rest of a short body that is being discarded, for `LINGER` seconds at most."""
        if self.is_discarding:
            await asyncio.wait([self._body_end], timeout=LINGER)

    def uncancel(self) -> bool:
        """Take back the cancellation of this task; False if it was not the watch that cancelled it."""
        if self._has_cancelled:
            asyncio.current_task().uncancel()  # type: ignore[union-attr]  # it was a task that was cancelled
        return self._has_cancelled

    def stop(self) -> None:
        """Stop watching."""
        self._is_paused = True
        self._worker = self._variables = self._context = None
        self._waiting.remove(self)
        if self._listener is not None:
            self._listener.cancel()
            self._listener = None
        if self._body.kept is not None:
            self._body.kept.close()

    def listen(self) -> None:
        """Begin to listen, unless a reader of the body receives: then try again later."""
        if self._is_paused:
            return
        self._body = self._exchange.content  # from now on it may come, though nothing announced it
        if self._body.is_receiving:
            self._waiting.add(self)
        elif self._body.has_failed:
            self.discard()
        else:
            self._listen()

    def _listen(self) -> None:
        body, loop = self._body, self._waiting.loop
        if self._listener is None and not body.is_receiving:
            self._body_end = loop.create_future()
            # Made before the task starts: a reader may come in between, and must not call `receive` as well.
            queue = None if body.complete else self._queue()
            variables = None if self._variables is None else self._variables.copy()
            self._listener = loop.create_task(self._until_disconnect(queue), context=variables)

    def _queue(self) -> BoundedQueue[Message]:
        """Return the queue of the body, from which its readers take from now on."""
        body = self._body
        if body.kept is None:
            body.kept = BoundedQueue(max(body.ahead, MOST_BYTES))
        return body.kept

    async def _until_disconnect(self, queue: BoundedQueue[Message] | None) -> None:
        body = self._body
        try:
            # A reader may have received the disconnect, which not every server reports twice.
            while not body.has_broken_off and (message := await self._exchange.receive())["type"] != "http.disconnect":
                if queue is not None:
                    queue.give(message, len(message.get("body", b"")))
                    if message.get("more_body"):
                        await queue.until_room()
                    else:
                        self._end_body()
        finally:
            self._end_body()
            if queue is not None:
                queue.close()
        while queue is not None and (queue.readers or body.reads):
            await asyncio.sleep(PATIENCE)  # readers get an error of their own
        if body.has_failed:
            await asyncio.sleep(LINGER)  # and answers it
        self.saw_disconnect = True
        if not self._is_paused:
            self._cancel()

    def _end_body(self) -> None:
        if not self._body_end.done():
            self._body_end.set_result(None)

    def _cancel(self) -> None:
        worker, self._worker = self._worker, None  # once: a second time would interrupt what ends the request
        is_closed = self._context is not None and self._context.state is CLOSED
        if self._cancels and worker is not None and not is_closed:  # no task: the caller steps the app's coroutine
            self._has_cancelled = True
            worker.cancel()
