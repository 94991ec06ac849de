"""The debugger at the WSGI entry: it shows an error that leaves the app before the response has started."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.wsgi import ClosingIterator

from ..crossing.host_loop import host_loop
from ..exchange.translation import PRESERVE
from ..pipeline.tracebacks import hide_plumbing
from .debugger import Debugger, is_active, is_for_debugger, is_shown_elsewhere, keep_origins
from .wsgi_stream import close

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: What Werkzeug's development server puts into the environ. Its own option says whether errors are shown.
DEVELOPMENT_SERVER = "werkzeug.socket"


class WSGIDebugger:
    """The WSGI entry of an app in debug mode."""

    def __init__(self, app: flask.Flask, answer: WSGIApplication) -> None:
        """Show the errors that `answer` raises, which answers the requests of the app."""
        self._app = app
        self._app_answer = answer
        self._debugger = Debugger(app)

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, one of a page of the debugger too."""
        __traceback_hide__ = True  # Werkzeug's debugger reads it
        is_developed, is_shown = DEVELOPMENT_SERVER in environ, is_shown_elsewhere(environ)
        if is_developed or not is_shown:
            keep_origins()
            host_loop.watch()
        if is_active(self._app) and not is_developed and not is_shown:
            page = self._debugger.answer(environ) if is_for_debugger(environ) else self._shown
            return page(environ, start_response)
        try:
            return self._app_answer(environ, start_response)
        except Exception as error:
            hide_plumbing(error)
            raise

    def _shown(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Have the app answer, or show the error that leaves it."""
        has_started = False

        def start(*args: Any) -> Any:
            nonlocal has_started
            has_started = True
            return start_response(*args)

        contexts: list[Any] = []
        body: Iterable[bytes] = ()
        try:
            body = self._app_answer({**environ, PRESERVE: contexts.append}, start)
            return body if has_started else begun(body)
        except Exception as error:
            close(body)
            if has_started:
                hide_plumbing(error)
                raise
            return self._debugger.answer(self._debugger.failed(environ, error, contexts))(environ, start_response)


def begun(body: Iterable[bytes]) -> Iterable[bytes]:
    """Begin to iterate over a body whose response starts only then, as that of middleware which is a generator."""
    chunks = iter(body)
    first = next(chunks, b"")
    return ClosingIterator(chain([first], chunks), partial(close, body))
