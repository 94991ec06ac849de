"""Run the lifespan of an ASGI app (ASGI spec, "Lifespan Protocol") in the place of its server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextvars import Context as Variables
from typing import Any

from ..exchange.translation import Message

logger = logging.getLogger("dualapp")

#: The tasks of all lifespans: asyncio logs an error for a task that is collected while it waits, here with its app.
tasks: set[asyncio.Task[None]] = set()


class LifespanFailed(RuntimeError):
    """A mounted app says that its startup or its shutdown has failed."""


class ForeignLifespan:
    """The lifespan of one app: a task that waits between startup and shutdown."""

    def __init__(
        self, app: object, call: Callable[[Any, Any, Any], Coroutine[Any, Any, None]], state: dict[str, Any]
    ) -> None:
        """`app` is named in errors, `call` invokes it, and it fills `state` for its requests."""
        self._app = app
        self._call = call
        self._state = state

    async def run(self) -> AsyncIterator[None]:
        """Start the app, yield, and stop it: for `while_serving`."""
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._reply: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._state.clear()
        call = self._call(self._scope(), self._events.get, self._take_reply)
        variables = Variables()  # those of the startup would hold the app around this one
        task = asyncio.create_task(call, context=variables)
        tasks.add(task)
        task.add_done_callback(tasks.discard, context=variables)
        try:
            if not await self._step("startup", task):
                yield
                return
            yield
            await self._step("shutdown", task)
            await task
        finally:
            task.cancel()  # if the app around this one is collected as garbage, and asyncio closes this generator

    def _scope(self) -> dict[str, Any]:
        return {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}

    async def _take_reply(self, message: Message) -> None:
        if not message["type"].startswith("lifespan."):  # the app takes each call for a request
            raise RuntimeError(f"{self._app!r} sent {message['type']!r} in its lifespan.")
        self._reply.set_result(message)

    async def _step(self, event: str, task: asyncio.Task[None]) -> bool:
        """Send the app an event and wait for its reply; False if it ends without one, as if without a lifespan.

        Raises LifespanFailed if the app says so.
        """
        self._events.put_nowait({"type": f"lifespan.{event}"})
        replied: set[asyncio.Future[Any]] = {self._reply, task}
        await asyncio.wait(replied, return_when=asyncio.FIRST_COMPLETED)
        if not self._reply.done():
            self._note_end(event, error_of(task))
            return False
        reply, self._reply = self._reply.result(), asyncio.get_running_loop().create_future()
        if reply["type"] == f"lifespan.{event}.failed":
            task.cancel()
            await asyncio.wait([task])
            error_of(task)  # asyncio would log one that nobody retrieves: the app's reply tells it
            raise LifespanFailed(f"The {event} of {self._app!r} failed: {reply.get('message', '')}")
        return True

    def _note_end(self, event: str, error: BaseException | None) -> None:
        """Log an end without a reply; as an error if the app had taken the message, and so knows the protocol."""
        if error is None or not self._events.empty():
            logger.info("%r has no lifespan, it seems: at lifespan.%s it ended: %r", self._app, event, error)
        else:
            text = "%r raised an error at lifespan.%s, and is served without a lifespan"
            logger.error(text, self._app, event, exc_info=error)


def error_of(task: asyncio.Task[None]) -> BaseException | None:
    return None if task.cancelled() else task.exception()
