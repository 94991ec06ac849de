"""The app context outside of a request, for code of both colours and for the globals of both frameworks."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from flask.signals import appcontext_popped

from ..compat import quart_binding, upstream
from ..compat.quart_binding import Binding
from ..compat.upstream import step_arguments
from ..crossing.colour import caller_is_async
from ..crossing.thread_pool import from_loop

if TYPE_CHECKING:
    import flask

#: The default of `pop`: tear the context down with the exception that is being handled.
NOT_GIVEN = object()


def unbind(bound: Iterable[Binding]) -> bool:
    """Reset context variables to their former values; return False if they were set in another `contextvars.Context`.

    A token is valid only in the Context that it was made in: values set in another thread, or in another step of a
    stream, cannot be reset here.
    """
    try:
        for token in bound:  # each has a variable of its own, so the order does not matter
            token.var.reset(token)
    except ValueError:
        return False
    return True


class AppContext(upstream.AppContext):
    """The app context outside of a request, for `with` and for `async with`; Quart's globals find it too."""

    def __init__(self, app: flask.Flask) -> None:
        super().__init__(app)
        self._bound_for_quart: list[list[Binding]] = []

    def copy(self) -> Self:
        """Make a context with the same `g`, for another thread or task."""
        context = type(self)(self.app)
        context.g = self.g
        return context

    def push(self) -> Any:
        """Make this the current app context; await it in `async def` code."""
        return self.__aenter__() if caller_is_async() else self._push()

    def _push(self) -> None:
        self._bound_for_quart.append([])
        self.bind_for_quart()
        super().push()

    def bind_for_quart(self) -> None:
        """Make this the current context for Quart's globals too, if quart is imported."""
        if quart_binding.module is not None:
            self._bound_for_quart[-1] += quart_binding.module.bind_app(self)

    def pop(self, exc: Any = NOT_GIVEN) -> Any:
        """Run the teardown functions and make the previous context the current one; await it in `async def` code."""
        error = sys.exc_info()[1] if exc is NOT_GIVEN else exc
        if caller_is_async():
            return self.__aexit__(None, error, None)
        try:
            super().pop(error)
        finally:
            unbind(self._bound_for_quart.pop())
        return None

    async def __aenter__(self) -> Self:
        self._push()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self.is_outermost:
                await from_loop(self.app.do_teardown_appcontext, *step_arguments(self, exc))
        finally:
            is_left = self.leave_variable()
            unbind(self._bound_for_quart.pop())
        if is_left:
            appcontext_popped.send(self.app, _async_wrapper=self.app.ensure_sync)
