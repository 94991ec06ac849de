"""Add a note to errors of a missing or an unnecessary `await`, which says where it is."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CoroutineType, TracebackType
from typing import Any

from ..crossing.colour import ASYNC_CODE
from .tracebacks import entries_of, is_plumbing

# Patterns that are compiled when they are first needed: most processes never meet such an error.

#: What Python's own errors say of a coroutine that was used as a value.
MISSING = r"""['"]coroutine['"]|\b(type|not|got) coroutine\b|\bcoroutine found\b|\bnon-iterable coroutine object\b"""

#: What they say of a value that was awaited, or used in `async for` or `async with`.
TOO_MUCH = (
    r"can't be used in 'await' expression|object can't be awaited|requires an object with __aiter__|"
    r"does not support the asynchronous context manager protocol"
)

RULE = "In `def` code call it the Flask way; in `async def` code await it the Quart way."


def add_await_note(error: Exception) -> None:
    """Add a note to an error of which `await` is the reason, unless it has one."""
    if not isinstance(error, TypeError | AttributeError) or RULE in str(getattr(error, "__notes__", "")):
        return
    frames = [entry for entry in entries_of(error.__traceback__) if not is_plumbing(entry)][::-1]
    users = [entry for entry in frames if not is_library(entry.tb_frame.f_code.co_filename)]
    if re.search(MISSING, str(error)):
        error.add_note(f"An `await` is missing: {missing(frames, users)} {RULE}")
    elif users and re.search(TOO_MUCH, str(error)):
        error.add_note(f"Unnecessary `await` or `async` {place_of(users[0])}. {RULE}")


@cache
def libraries() -> tuple[str, ...]:
    """Return the directories of dualapp, of installed packages and of Python's library."""
    import sysconfig  # a fiftieth of what importing dualapp takes beside Flask

    return (str(Path(__file__).parent.parent), *set(sysconfig.get_paths().values()))


def is_library(filename: str) -> bool:
    return filename.startswith(libraries())


def missing(frames: list[TracebackType], users: list[TracebackType]) -> str:
    """Say which coroutine was not awaited, if a variable of the frames, innermost first, holds it, and where it is."""
    coroutine = next(coroutines_in(frames), None)
    if coroutine is not None:
        said = f"{coroutine.__qualname__}{origin_of(coroutine)} is a coroutine until it is awaited."
    elif users:
        said = f"a call {place_of(users[0])} returned a coroutine."
    else:
        said = "a coroutine was used as a value."
    if users and not (code := users[0].tb_frame.f_code).co_flags & ASYNC_CODE:
        said += f" {code.co_name} is not `async def`, so it cannot await it."
    return said


def place_of(entry: TracebackType) -> str:
    code = entry.tb_frame.f_code
    return f"in {code.co_name} ({code.co_filename}, line {entry.tb_lineno})"


def coroutines_in(frames: list[TracebackType]) -> Iterator[CoroutineType[Any, Any, Any]]:
    """Return the coroutines in local variables that nobody has begun to await."""
    for entry in frames:
        for value in entry.tb_frame.f_locals.values():
            if isinstance(value, CoroutineType) and inspect.getcoroutinestate(value) == inspect.CORO_CREATED:
                yield value


def origin_of(coroutine: CoroutineType[Any, Any, Any]) -> str:
    """Say where the user's code made a coroutine, which Python knows in debug mode only."""
    for filename, line, function in coroutine.cr_origin or ():
        if not is_library(filename):
            return f", called in {function} ({filename}, line {line}),"
    return ""
