"""Report failures outside of requests: log them with the function's name, and send Quart's two signals."""

from __future__ import annotations

from contextvars import Context, copy_context
from typing import Any

from blinker import Signal

from .compat.import_hook import after_import
from .compat.upstream import request_variable
from .crossing.coroutines import CancelledError, is_being_cancelled

got_background_exception = Signal("An exception ended a background task.")
got_serving_exception = Signal("A function that runs before, while or after serving failed.")


def join_quarts_signals() -> None:
    """Join the two signals with Quart's of the same names."""
    from .compat import quart_signals

    quart_signals.connect(got_background_exception, "got_background_exception")
    quart_signals.connect(got_serving_exception, "got_serving_exception")


after_import("quart", join_quarts_signals)


async def report(app: Any, signal: Signal, text: str, func: object, error: BaseException) -> None:
    """Log an error with its traceback, and send it; `text` has a place for the function's name."""
    log_error(app, text, name_of(func), error)
    try:
        await signal.send_async(app, _sync_wrapper=app.ensure_async, exception=error)
    except Exception as failure:
        log_error(app, "A receiver of a signal failed: %s", signal.__doc__, failure)


def log_error(app: Any, text: str, name: str | None, error: BaseException) -> None:
    """Log an error in the name of the module that reports it."""
    variables_without_request().run(app.logger.error, text, name, exc_info=error, stacklevel=3)


def name_of(func: object) -> str:
    """Return the full name of a function or generator."""
    return f"{getattr(func, '__module__', '?')}.{getattr(func, '__qualname__', repr(func))}"


def variables_without_request() -> Context:
    """Copy the context variables except the request's: Flask's logger would write to the ended request's errors."""
    variables = Context()
    for variable, value in copy_context().items():
        if variable is not request_variable:
            variables.run(variable.set, value)
    return variables


def is_cancellation(error: BaseException) -> bool:
    """Tell whether somebody has cancelled the running task; else a CancelledError comes of something it awaited."""
    return isinstance(error, CancelledError) and is_being_cancelled()
