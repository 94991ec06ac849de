"""Tell views that talk through `websocket` from those that take the socket of a WSGI server.

Both have rules with `websocket=True`. Those of Flask-Sock, and of other extensions of Flask, are `def` views that were
registered with `route`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
from flask.sansio.app import App

from ..crossing.colour import is_async

#: The attribute of `def` views that talk through `websocket`.
MARK = "dualapp_websocket_view"


def mark_websocket_view(view: Callable[..., Any]) -> None:
    """Note that a view talks through `websocket`; a method has the attributes of its function."""
    if not is_async(view):
        setattr(getattr(view, "__func__", view), MARK, True)


def is_websocket_view(app: App, endpoint: str) -> bool:
    """Tell whether the view of a websocket rule talks through `websocket`, as all on blueprints of Quart do."""
    view = app.view_functions.get(endpoint)
    if view is None:
        return False
    blueprint = app.blueprints.get(endpoint.rpartition(".")[0])
    is_quarts = blueprint is not None and not isinstance(blueprint, flask.Blueprint)
    return is_async(view) or is_quarts or getattr(view, MARK, False)
