"""The contexts of requests that `with client` and `async with client` keep for the code that has asked.

A fixture and its test may run in two `contextvars.Context`s; under pytest-asyncio they always do, and so do two tasks.
So a context may be let go of where the tokens of its variables are not valid. There it is entered once more for its
teardown functions. The tokens wait until the client is used, or its block ends, in the Context they were made in.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, ExitStack
from typing import Any

from ..compat.quart_binding import Binding
from ..pipeline.app_context import unbind


class KeptContexts:
    """The context of one client's last request; of several that were under way at once, all."""

    def __init__(self) -> None:
        self._contexts: list[Any] = []
        self._bound: list[tuple[Binding, ...]] = []

    def keep(self, contexts: list[Any]) -> None:
        """Make a request's context current in the calling code: the last one's, after redirects."""
        for context in contexts[-1:]:
            context.push()
            self._note(context)

    async def keep_async(self, contexts: list[Any]) -> None:
        """Make the context of a request current in the calling task."""
        for context in contexts[-1:]:
            context.enter()
            self._note(context)
            await context.open_and_match()

    def _note(self, context: Any) -> None:
        self._contexts.append(context)
        self._bound.append(context.detach())

    def let_go(self) -> None:
        """Tear the contexts down, from a thread."""
        with ExitStack() as stack:
            stack.callback(self._unbind)
            for context in self._taken():
                stack.callback(tear_down, context)

    async def let_go_async(self) -> None:
        """Tear the contexts down, from a task."""
        async with AsyncExitStack() as stack:
            stack.callback(self._unbind)
            for context in self._taken():
                stack.push_async_callback(tear_down_async, context)

    def _taken(self) -> list[Any]:
        contexts, self._contexts = self._contexts, []
        return contexts

    def _unbind(self) -> None:
        """Restore the contexts that were current before, if this `contextvars.Context` has kept any."""
        self._bound = [bound for bound in reversed(self._bound) if not unbind(bound)][::-1]


def tear_down(context: Any) -> None:
    context.enter()
    context.pop(None)


async def tear_down_async(context: Any) -> None:
    context.enter()
    await context.pop(None)
