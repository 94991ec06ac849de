"""Watch for `http.disconnect` under ASGI, and cancel the task of a client that has left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from ..exchange.body import Body


class DisconnectWatch:
    """Awaits `http.disconnect`, then cancels the task that answers the request.

    A server reports a disconnect only from `receive`. The watch calls it once the task has suspended and the body has
    arrived: until then the code that reads the body calls `receive`. Between the view and the stream the watch pauses
    and keeps its call: cancelling `receive` and calling it again makes granian report a disconnect that did not happen.
    """

    saw_disconnect = False
    _is_paused = False
    _handle: asyncio.Handle | None = None
    _listener: asyncio.Task[None] | None = None

    def __init__(self, body: Body, receive: Callable[[], Awaitable[Any]]) -> None:
        self._body = body
        self._receive = receive

    def start(self) -> None:
        """Watch from the loop's next turn on, which work that never suspends does not reach; or end a pause."""
        self._is_paused = False
        loop = asyncio.get_running_loop()
        worker = asyncio.current_task(loop)
        if self.saw_disconnect:
            self._cancel(worker)
        elif self._handle is None and self._listener is None:
            self._handle = loop.call_soon(self._listen_when_arrived, worker)

    def pause(self) -> None:
        """Keep listening, but cancel no task until the next `start`."""
        self._is_paused = True

    def stop(self) -> None:
        """Stop watching."""
        if self._handle is not None:
            self._handle.cancel()
            self._body.on_complete = None
        if self._listener is not None:
            self._listener.cancel()
        self._handle = self._listener = None

    def _listen_when_arrived(self, worker: asyncio.Task[Any] | None) -> None:
        body = self._body
        if body.complete:
            self._handle = body.on_complete = None
            self._listener = asyncio.create_task(self._listen(worker))
        else:
            body.on_complete = partial(self._listen_when_arrived, worker)

    async def _listen(self, worker: asyncio.Task[Any] | None) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.saw_disconnect = True
        if not self._is_paused:
            self._cancel(worker)

    def _cancel(self, worker: asyncio.Task[Any] | None) -> None:
        if worker is not None:  # None if the caller steps the app's coroutine without a task
            worker.cancel()
