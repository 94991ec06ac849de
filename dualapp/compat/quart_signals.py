"""Flask's signals and Quart's are different objects for the same events: who listens to one of them hears both."""

from __future__ import annotations

from typing import Any

import flask
import quart.signals
from blinker import Signal

NAMES = (
    "appcontext_popped",
    "appcontext_pushed",
    "appcontext_tearing_down",
    "before_render_template",
    "got_request_exception",
    "message_flashed",
    "request_finished",
    "request_started",
    "request_tearing_down",
    "template_rendered",
)

# The functions that bring events over, by blinker's ids of receivers.
echoes: dict[Any, Any] = {}


def connect_flasks() -> None:
    """Join each signal of Flask's with Quart's of the same name."""
    for name in NAMES:
        connect(getattr(flask.signals, name), name)


def connect(ours: Signal, name: str) -> None:
    """Join a signal with Quart's of this name, in both directions."""
    theirs = getattr(quart.signals, name)
    echo(ours, theirs)
    echo(theirs, ours)


def echo(source: Signal, target: Signal) -> None:
    """Bring what one signal sends for a DualApp to the receivers of the other.

    It is connected when somebody listens, and not before: a signal with receivers costs each request something.
    """

    def bring(sender: Any, **arguments: Any) -> None:
        if isinstance(sender, flask.Flask) and hasattr(sender, "ensure_async"):  # no app of Flask or Quart itself
            for receiver in target.receivers_for(sender):
                if id(receiver) not in echoes:
                    sender.ensure_sync(receiver)(sender, **arguments)

    def listen(signal: Signal, receiver: Any, sender: Any, **_: Any) -> None:
        if id(receiver) not in echoes:
            source.connect(bring, sender)

    echoes[id(bring)] = bring, listen  # which keeps them: signals hold their receivers weakly
    target.receiver_connected.connect(listen)
    if target.receivers.keys() - echoes.keys():
        source.connect(bring)
