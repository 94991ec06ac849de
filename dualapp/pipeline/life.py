"""The life of a request's context: its states, what moves it from one to the next, and its one end.

| state | KEEP | ANSWER | START | END |
|---|---|---|---|---|
| OPEN | STREAMING | **CLOSED** | | **CLOSED** |
| AWAITING_START | STREAMING | AWAITING_START | **CLOSED** | **CLOSED** |
| STREAMING | STREAMING | STREAMING | STREAMING | **CLOSED** |
| CLOSED | CLOSED | CLOSED | CLOSED | CLOSED |

- OPEN: the pipeline works. AWAITING_START: so it does, and WSGI middleware may look into the context when the response
  is started, as it may with Flask. STREAMING: `stream_with_context` keeps the context for as long as the body is sent.
- KEEP: `stream_with_context` was called. ANSWER: the pipeline has a response. START: `start_response` was called.
  END: the response was sent to its end, or closed, abandoned, refused by `start_response`, or an error took its place.
- The teardown functions run on the move to CLOSED, so they run once, whichever way a request ends. A move that the
  table does not have is an error of dualapp's.
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
    """Keep a context for as long as the response is sent: only the end of that closes it."""
    context.response_observed = True
    closes(context, KEEP)


def closes(context: Context, event: str) -> bool:
    """Move a context on; tell whether this closes it, so that it is to be torn down now."""
    before = context.state
    context.state = after = MOVES[before][event]
    return after is CLOSED and before is not CLOSED
