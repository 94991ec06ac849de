"""Collect the errors of teardown functions: up to Flask 3.1 the first ends the teardown, in 3.2 all run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from ..compat.upstream import runs_all_teardowns


class Errors:
    """Collects the errors of its `with` blocks from Flask 3.2 on; before, an error leaves its block."""

    def __init__(self) -> None:
        self._errors: list[Exception] = []

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if not runs_all_teardowns or not isinstance(exc, Exception):
            return False
        self._errors.append(exc)
        return True

    def raise_all(self, message: str) -> None:
        """Raise the collected errors as one ExceptionGroup, if there are any."""
        if self._errors:
            raise ExceptionGroup(message, self._errors)


async def each_torn_down(call: Callable[..., Any], functions: Iterable[Callable[..., Any]], *args: Any) -> None:
    """Call all functions even if one fails, then raise the errors."""
    errors = Errors()
    for func in functions:
        with errors:
            await call(func, *args)
    errors.raise_all("Errors during teardown")
