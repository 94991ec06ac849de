"""Flask's signals: who listens, and how Quart's signals of the same names hear them too."""

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

# The receivers of the signals that are sent for each request: dicts that blinker keeps as long as the signals.
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
    """Tell whether somebody receives a signal of this app."""
    return bool(signal.receivers) and signal.has_receivers_for(app)


def join_quarts_signals() -> None:
    """Have the receivers of Quart's signals hear Flask's, and the other way round."""
    from ..compat import quart_signals

    quart_signals.connect_flasks()


after_import("quart", join_quarts_signals)
