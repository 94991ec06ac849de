"""The life of a request's context: a table of its states and of the events that move it from one to the next.

| state | KEEP | ANSWER | START | END |
|---|---|---|---|---|
| OPEN | STREAMING | **CLOSED** | | **CLOSED** |
| AWAITING_START | STREAMING | AWAITING_START | **CLOSED** | **CLOSED** |
| STREAMING | STREAMING | STREAMING | STREAMING | **CLOSED** |
| CLOSED | CLOSED | CLOSED | CLOSED | CLOSED |

- OPEN: the pipeline runs. AWAITING_START: the same, but the context stays open until `start_response` is called,
  because WSGI middleware may read it then, as with Flask. STREAMING: `stream_with_context` keeps the context open until
  the body is sent.
- KEEP: `stream_with_context` was called. ANSWER: the pipeline has a response. START: `start_response` was called.
  END: the response was sent to its end, closed, abandoned, refused by `start_response`, or replaced by an error.
- Where there is middleware, `entries/wsgi.py` makes a context AWAITING_START before the pipeline. After a view without
  teardown functions `answer.py` closes the context itself: for a small request a call of `closes` takes too long.
- The teardown functions run on the move to CLOSED, so they run once, however a request ends. A move that is not in the
  table is a bug in dualapp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .context import Context

OPEN, AWAITING_START, STREAMING, CLOSED = "open", "awaiting the start", "streaming", "closed"
KEEP, ANSWER, START, END = "keep", "answer", "start", "end"

MOVES = {
    OPEN: {KEEP: STREAMING, ANSWER: CLOSED, END: CLOSED},
    AWAITING_START: {KEEP: STREAMING, ANSWER: AWAITING_START, START: CLOSED, END: CLOSED},
    STREAMING: {KEEP: STREAMING, ANSWER: STREAMING, START: STREAMING, END: CLOSED},
    CLOSED: {KEEP: CLOSED, ANSWER: CLOSED, START: CLOSED, END: CLOSED},
}


def keep_open(context: Context) -> None:
    """Keep a context open until the response is sent."""
    context.response_observed = True
    closes(context, KEEP)


def closes(context: Context, event: str) -> bool:
    """Move a context on; tell whether this closes it, so that the caller must tear it down."""
    before = context.state
    context.state = after = MOVES[before][event]
    return after is CLOSED and before is not CLOSED


def note_early_end(context: Context) -> None:
    """Have the teardown functions get GeneratorExit, as in Flask, for a stream that is closed before its end."""
    if context.error is None:
        context.error = GeneratorExit()
