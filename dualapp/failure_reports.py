"""Report failures outside of requests: log them with the function's name, and send Quart's two signals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context as Variables
from contextvars import ContextVar, copy_context
from typing import Any

from blinker import Signal

from .compat.import_hook import after_import
from .compat.upstream import request_variable
from .crossing.coroutines import CancelledError, is_being_cancelled
from .crossing.thread_pool import from_loop
from .pipeline.overrides import is_replaced

got_background_exception = Signal("An exception ended a background task.")
got_serving_exception = Signal("A function that runs before, while or after serving failed.")

#: The failure that is being reported: a text with a place for a name, and the name.
reported: ContextVar[tuple[str, str | None] | None] = ContextVar("dualapp.reported", default=None)


def join_quarts_signals() -> None:
    """Join the two signals with Quart's of the same names."""
    from .compat import quart_signals

    quart_signals.connect(got_background_exception, "got_background_exception")
    quart_signals.connect(got_serving_exception, "got_serving_exception")


after_import("quart", join_quarts_signals)


@contextmanager
def reporting(text: str, name: str | None) -> Iterator[None]:
    """Say what has failed to whatever logs it within; `text` has a place for a name."""
    token = reported.set((text, name))
    try:
        yield
    finally:
        reported.reset(token)


async def report(app: Any, signal: Signal, error: BaseException) -> None:
    """Send the error that is being reported, and log it, by the app's own `log_exception` if it has one."""
    try:
        await signal.send_async(app, _sync_wrapper=app.ensure_async, exception=error)
    except BaseException as failure:
        if not is_failure(failure):
            raise
        with reporting("A receiver of a signal failed: %s", signal.__doc__):
            log_reported(app, failure)
    if is_replaced(app, "log_exception"):
        await from_loop(app.log_exception, (type(error), error, error.__traceback__))
    else:
        log_reported(app, error)


def log_reported(app: Any, error: BaseException | None) -> None:
    """Log an error with what is said of it, in the name of the module that reports it."""
    text, name = reported.get() or ("Exception in %s", app.name)
    variables_without_request().run(app.logger.error, text, name, exc_info=error, stacklevel=3)


def name_of(func: object) -> str:
    """Return the full name of a function or generator."""
    return f"{getattr(func, '__module__', '?')}.{getattr(func, '__qualname__', repr(func))}"


def variables_without_request() -> Variables:
    """Copy the context variables except the request's: Flask's logger would write to the ended request's errors."""
    variables = Variables()
    for variable, value in copy_context().items():
        if variable is not request_variable:
            variables.run(variable.set, value)
    return variables


def is_failure(error: BaseException) -> bool:
    """Tell whether code of the app has failed: the process is not to end, and nobody has cancelled the running task.

    Else a CancelledError comes of something that the code has awaited.
    """
    is_cancellation = isinstance(error, CancelledError | GeneratorExit) and is_being_cancelled()
    return not is_cancellation and not isinstance(error, SystemExit | KeyboardInterrupt)
