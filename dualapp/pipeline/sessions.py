"""Open the session of a request, with interfaces of either colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..compat.upstream import request_variable
from ..crossing.colour import is_async
from ..shortcuts.signed_sessions import is_flasks

if TYPE_CHECKING:
    import flask


def has_flasks_sessions(app: flask.Flask) -> bool:
    """Tell whether the session interface is Flask's own, unmodified: such a session is opened on first access."""
    return is_flasks(app.session_interface)


def opens_async(interface: Any) -> bool:
    """Tell whether an interface opens sessions with an async function, as Quart's do."""
    return not is_flasks(interface) and is_async(interface.open_session)


def open_current_session() -> None:
    """Open the session of the current request."""
    request_variable.get().open_session()


async def open_current_session_async() -> None:
    """Open the session of the current request, with an interface whose functions are async."""
    await request_variable.get().open_session_async()
