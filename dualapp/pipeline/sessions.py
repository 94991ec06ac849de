"""When and how the session of a request is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..compat.upstream import request_variable
from ..crossing.colour import is_async
from ..shortcuts.signed_sessions import is_flasks

if TYPE_CHECKING:
    import flask


def has_flasks_sessions(app: flask.Flask) -> bool:
    """Tell whether sessions are Flask's own, to which nobody has put anything; they are opened when somebody asks."""
    return is_flasks(app.session_interface)


def opens_async(interface: Any) -> bool:
    """Tell whether an interface opens sessions as Quart's do."""
    return not is_flasks(interface) and is_async(interface.open_session)


def open_current_session() -> None:
    """Open the session of the current request."""
    request_variable.get().open_session()


async def open_current_session_async() -> None:
    """Open the session of the current request, with an interface as Quart has them."""
    await request_variable.get().open_session_async()
