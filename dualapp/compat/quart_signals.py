"""Forward events of a DualApp between Flask's signals and Quart's, so that receivers of either get both."""

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

# The functions that forward events, by blinker's ids of receivers; each with its listener, to keep both alive.
forwarders: dict[Any, Any] = {}


def connect_flasks() -> None:
    """Connect each of Flask's signals with Quart's of the same name."""
    for name in NAMES:
        connect(getattr(flask.signals, name), name)


def connect(ours: Signal, name: str) -> None:
    """Connect a signal with Quart's of this name, in both directions."""
    theirs = getattr(quart.signals, name)
    forward(ours, theirs)
    forward(theirs, ours)


def forward(source: Signal, target: Signal) -> None:
    """Call the receivers of `target` for what `source` sends for a DualApp.

    `source` is connected once `target` has a receiver, not before: a signal with receivers slows each request down.
    """

    def call_receivers(sender: Any, **arguments: Any) -> None:
        if isinstance(sender, flask.Flask) and hasattr(sender, "ensure_async"):  # a DualApp, no Flask or Quart app
            for receiver in target.receivers_for(sender):
                if id(receiver) not in forwarders:
                    sender.ensure_sync(receiver)(sender, **arguments)

    def listen(signal: Signal, receiver: Any, sender: Any, **_: Any) -> None:
        if id(receiver) not in forwarders:
            source.connect(call_receivers, sender)

    forwarders[id(call_receivers)] = call_receivers, listen  # signals hold their receivers weakly
    target.receiver_connected.connect(listen)
    if target.receivers.keys() - forwarders.keys():
        source.connect(call_receivers)
