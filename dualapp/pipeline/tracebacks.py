"""Shorten the tracebacks that debug mode shows: between the server and the user's code are many frames of our own."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

#: The packages that pass a call on from one place to the next.
PLUMBING = frozenset({"asgiref", "concurrent", "dualapp"})


def hide_plumbing(error: BaseException) -> None:
    """Take the frames that only pass calls on out of the tracebacks of an error and of those it came from.

    Werkzeug's `__traceback_hide__` hides frames too, but it is a local variable, which each request would have to set.
    """
    for each in errors_behind(error, set()):
        each.__traceback__ = without_plumbing(each.__traceback__)


def errors_behind(error: BaseException | None, seen: set[int]) -> Iterator[BaseException]:
    """Return an error, its causes and contexts, and the members of groups among them."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield error
    members = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for other in (error.__cause__, error.__context__, *members):
        yield from errors_behind(other, seen)


def without_plumbing(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of plumbing, except the last, in which the error was raised."""
    entries = list(entries_of(traceback))
    shown = None
    for entry in reversed(entries):
        if entry is entries[-1] or not is_plumbing(entry):
            shown = TracebackType(shown, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return shown


def entries_of(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def is_plumbing(entry: TracebackType) -> bool:
    module: str = entry.tb_frame.f_globals.get("__name__") or ""
    return module.partition(".")[0] in PLUMBING
