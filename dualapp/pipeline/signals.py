"""Look up the receivers of Flask's signals, and join the signals with Quart's of the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask.signals import (
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    request_finished,
    request_started,
    request_tearing_down,
)

from ..compat.import_hook import after_import

if TYPE_CHECKING:
    import flask
    from blinker import Signal

# The receivers of the signals that are sent for each request: blinker never replaces these dicts.
PUSHED, STARTED, FINISHED, TEARING_DOWN, TEARING_APP_DOWN, POPPED = (
    signal.receivers
    for signal in (
        appcontext_pushed,
        request_started,
        request_finished,
        request_tearing_down,
        appcontext_tearing_down,
        appcontext_popped,
    )
)


def is_heard(signal: Signal, app: flask.Flask) -> bool:
    """Tell whether a signal has receivers for this app."""
    return bool(signal.receivers) and signal.has_receivers_for(app)


def join_quarts_signals() -> None:
    """Make receivers of Quart's signals receive Flask's, and the other way round."""
    from ..compat import quart_signals

    quart_signals.connect_flasks()


after_import("quart", join_quarts_signals)
