"""`dualapp.websocket`: Quart's proxy of the current websocket, with a short way to `receive` and `send`.

Werkzeug's proxies take as long to look a method up as a message takes to be parsed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import quart
from werkzeug.local import LocalProxy

from .compat.upstream import request_context
from .pipeline.context import Context

if TYPE_CHECKING:
    from .wrappers import dual_types


def current_websocket() -> Any:
    """Return the current websocket. Raises RuntimeError outside of one."""
    context: Any = request_context(None)
    proxy: Any = quart.websocket  # Quart types a proxy as what it stands for
    return context.websocket if type(context) is Context else proxy._get_current_object()


class WebsocketProxy(LocalProxy[Any]):
    """A proxy of the current websocket."""

    __slots__ = ()

    def receive(self) -> Any:
        """Wait for the next message."""
        context: Any = request_context(None)
        return (context.websocket if type(context) is Context else current_websocket()).receive()

    def send(self, data: Any) -> Any:
        """Send a message."""
        context: Any = request_context(None)
        return (context.websocket if type(context) is Context else current_websocket()).send(data)


websocket: dual_types.DualWebsocket = cast("dual_types.DualWebsocket", WebsocketProxy(current_websocket))
