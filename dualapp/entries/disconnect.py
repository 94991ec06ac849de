"""The client that leaves, under ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from ..exchange.body import Body


class DisconnectWatch:
    """Notices that the client of a request leaves, and cancels the task that works for it.

    A server says so only to who asks with `receive`. The watch asks once the work waits for something, and not
    before the body has arrived, since until then whoever reads the body is the one to be told. Between the view and the
    stream it only pauses: to ask, to give up, and to ask again makes granian say that a client has left who has not.
    """

    saw_it_leave = False
    _is_paused = False
    _handle: asyncio.Handle | None = None
    _listener: asyncio.Task[None] | None = None

    def __init__(self, body: Body, receive: Callable[[], Awaitable[Any]]) -> None:
        self._body = body
        self._receive = receive

    def start(self) -> None:
        """Start to watch at the loop's next turn, which never comes for work that does not wait; or go on."""
        self._is_paused = False
        loop = asyncio.get_running_loop()
        worker = asyncio.current_task(loop)
        if self.saw_it_leave:
            self._cancel(worker)
        elif self._handle is None and self._listener is None:
            self._handle = loop.call_soon(self._listen_when_arrived, worker)

    def pause(self) -> None:
        """Cancel nobody until the next `start`."""
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
        self.saw_it_leave = True
        if not self._is_paused:
            self._cancel(worker)

    def _cancel(self, worker: asyncio.Task[Any] | None) -> None:
        if worker is not None:  # there is no task where something steps the app by hand
            worker.cancel()
