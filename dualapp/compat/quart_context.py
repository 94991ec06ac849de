"""Adapt contexts to what Quart's globals expect in Quart's context variables.

Quart 0.22 has one variable for the app and one for the request, Quart 0.23 has one for both; `QuartContext` serves as
the value of any of them. No other module tells Quart's versions apart.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Self

import quart.globals

from .upstream import required

VARIABLES: list[ContextVar[Any]] = [required("quart.globals", "_cv_app", "quart")]
if hasattr(quart.globals, "_cv_request"):
    VARIABLES.append(quart.globals._cv_request)
#: Those of a websocket.
OF_WEBSOCKETS = VARIABLES[:1]
if hasattr(quart.globals, "_cv_websocket"):
    OF_WEBSOCKETS.append(quart.globals._cv_websocket)


def bind(context: Any) -> list[Token[Any]]:
    """Make a `dualapp.pipeline.context.Context` the current one for Quart's globals."""
    is_request = context.conversation is None
    adapter = QuartContext(context) if is_request else WebsocketContext(context)
    return [variable.set(adapter) for variable in (VARIABLES if is_request else OF_WEBSOCKETS)]


def bind_app(context: Any) -> list[Token[Any]]:
    """Make a `dualapp.pipeline.context.AppContext` the current one for Quart's globals that need no request."""
    return [VARIABLES[0].set(QuartAppContext(context))]


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


class QuartContext(QuartAppContext):
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
    _request = _request_websocket = request

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

    _flashes = flashes


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
    _websocket = _request_websocket = websocket
