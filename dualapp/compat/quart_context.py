"""Adapt contexts to what Quart's globals expect in Quart's context variables.

Quart 0.22 has one variable for the app and one for the request, Quart 0.23 has one for both; `QuartContext` serves as
the value of any of them.
"""

from __future__ import annotations

from contextvars import Token
from types import TracebackType
from typing import Any, Self

from .upstream import ShownMessages, quarts_request_variables, quarts_variables, quarts_websocket_variables

OF_APPS, OF_REQUESTS, OF_WEBSOCKETS = quarts_variables(), quarts_request_variables(), quarts_websocket_variables()


def bind(context: Any) -> list[Token[Any]]:
    """Make a `dualapp.pipeline.context.Context` the current one for Quart's globals."""
    is_request = context.conversation is None
    adapter = QuartContext(context) if is_request else WebsocketContext(context)
    return [variable.set(adapter) for variable in (OF_REQUESTS if is_request else OF_WEBSOCKETS)]


def bind_app(context: Any) -> list[Token[Any]]:
    """Make a `dualapp.pipeline.context.AppContext` the current one for Quart's globals that need no request."""
    return [variable.set(QuartAppContext(context)) for variable in OF_APPS]


class QuartAppContext:
    """A context without a request, with the attributes that `quart.current_app` and `quart.g` read."""

    has_request = has_websocket = False

    def __init__(self, context: Any) -> None:
        self.context = context

    def __getattr__(self, name: str) -> Any:
        if name in ("request", "session", "websocket"):
            raise RuntimeError(f"There is no {name} in this context.")
        return getattr(self.context, name)

    def copy(self) -> Self:
        """Copy this context for another task."""
        return type(self)(self.context.copy())

    async def __aenter__(self) -> Self:
        await self.context.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.context.__aexit__(exc_type, exc, traceback)


class QuartContext(ShownMessages, QuartAppContext):
    """A context of a request, with the attributes that `quart.request`, `quart.g` and the other globals read."""

    has_request = True

    def copy(self) -> Self:
        """Copy this context for another task, or for Quart's `stream_with_context`; the copy shares `g`."""
        context = self.context.copy()
        context.g = self.context.g
        return type(self)(context)

    @property
    def request(self) -> Any:
        return self.context.async_request

    request_websocket = request

    @property
    def session(self) -> Any:
        return self.context.session

    @property
    def flashes(self) -> list[tuple[str, str]] | None:
        flashes: list[tuple[str, str]] | None = self.context.flashes
        return flashes

    @flashes.setter
    def flashes(self, flashes: list[tuple[str, str]] | None) -> None:
        self.context.flashes = flashes


class WebsocketContext(QuartContext):
    """A context of a websocket, with the attributes that `quart.websocket` and the other globals read."""

    has_request, has_websocket = False, True

    @property
    def websocket(self) -> Any:
        return self.context.websocket

    @property
    def request(self) -> Any:
        raise RuntimeError("There is no request in the context of a websocket.")

    request_websocket = websocket
