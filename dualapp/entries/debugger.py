"""Werkzeug's interactive debugger around an app in debug mode; Flask has it in its development server only.

Its consoles run code in the frames of an error, which only the process has in which the error was raised. So each page
carries the number of its process, and where a console cannot work, the page and the log say why.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.debug import DebuggedApplication
from werkzeug.exceptions import NotFound
from werkzeug.sansio.utils import host_is_trusted
from werkzeug.wrappers import Request, Response

from ..exchange.translation import PRESERVE, SHOWS_ERRORS
from ..pipeline.tracebacks import hide_plumbing

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

#: The environ's key of an error that is to be shown, and of the contexts in which its consoles run.
FAILURE = "dualapp.failure"

#: The depth of coroutine origin tracking in asyncio's debug mode.
ORIGIN_DEPTH = 10

SEVERAL_PROCESSES = (
    "The debugger has no console: this server has several processes, and the frames of an error are in one of them."
    " Start it with one worker for a console."
)
UNTRUSTED_HOST = (
    "The debugger has no console for the host {host!r}: it trusts localhost, 127.0.0.1, and the hosts that"
    " TRUSTED_HOSTS names."
)
OTHER_PROCESS = (
    "This page was made by process {theirs}, and its consoles are there; process {ours} got this request. Start the"
    " server with one worker; if it has started anew since, reload the page."
)


class Debugger(DebuggedApplication):
    """The debugger of one app on one entry, with Werkzeug's PIN for that app and Werkzeug's trusted hosts."""

    def __init__(self, app: flask.Flask) -> None:
        # No path of the app is taken away for a console without a frame.
        super().__init__(app, evalex=True, console_path="")
        self.pin  # noqa: B018 - made of the app's name and module, so that it is the same under each server
        self.app = fail_again
        self.secret = f"{os.getpid()}.{self.secret}"
        self._debugged = app

    def check_host_trust(self, environ: WSGIEnvironment) -> bool:
        """Tell whether consoles work for a request."""
        return self.missing_console(environ) is None

    def missing_console(self, environ: WSGIEnvironment) -> str | None:
        """Return why there is no console for a request; None if there is one."""
        if environ.get("wsgi.multiprocess"):
            return SEVERAL_PROCESSES
        host = environ.get("HTTP_HOST")
        hosts = [*self.trusted_hosts, *(self._debugged.config["TRUSTED_HOSTS"] or ())]
        return None if host_is_trusted(host, hosts) else UNTRUSTED_HOST.format(host=host)

    def failed(self, environ: WSGIEnvironment, error: Exception, contexts: list[Any]) -> WSGIEnvironment:
        """Return the environ for which the debugger shows an error; its consoles run within the contexts.

        Frames of plumbing are hidden, and a note says why there is no console.
        """
        for context in contexts:
            context.end()  # a console enters it anew
        hide_plumbing(error)
        if reason := self.missing_console(environ):
            error.add_note(reason)
        return {**environ, FAILURE: (error, contexts)}

    def answer(self, environ: WSGIEnvironment) -> Response:
        """Return the answer to a request of a page, or the page of the error of an environ that has `failed`."""
        return Response.from_app(self, environ, buffered=True)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request of a page, or show the error of a failed one, as a WSGI application."""
        secret = Request(environ).args.get("s", "")
        if secret != self.secret and (made_by := re.match(r"(\d+)\.", secret)) and FAILURE not in environ:
            said = OTHER_PROCESS.format(theirs=made_by[1], ours=os.getpid())
            self._debugged.logger.warning(said)
            return Response(said)(environ, start_response)
        return super().__call__(environ, start_response)


def fail_again(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Raise the error that has left the app; there is none where a page asks for what the debugger does not have."""
    __traceback_hide__ = True  # Werkzeug's debugger reads it
    if FAILURE not in environ:
        return NotFound()(environ, start_response)
    error, contexts = environ[FAILURE]
    for context in contexts:
        environ[PRESERVE](context)
    raise error


def is_for_debugger(environ: WSGIEnvironment) -> bool:
    """Tell whether a request was made by a page of the debugger."""
    return "__debugger__=yes" in environ.get("QUERY_STRING", "")


def is_shown_elsewhere(variables: Mapping[str, Any]) -> bool:
    """Tell from the environ, or what a scope has of one, whether a test or another debugger awaits the error."""
    return PRESERVE in variables or SHOWS_ERRORS in variables


def is_active(app: flask.Flask) -> bool:
    """Tell whether errors of an app in debug mode are shown, not passed on: to a test, or because a setting says so."""
    return not app.testing and app.config["PROPAGATE_EXCEPTIONS"] is None


def keep_origins() -> None:
    """Track where this thread makes coroutines, for the warning of one that is never awaited."""
    sys.set_coroutine_origin_tracking_depth(ORIGIN_DEPTH)
