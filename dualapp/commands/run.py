"""The command `dualapp run`: serve an app for development on either entry, with the options of `flask run`."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click
import flask.cli
from flask.cli import ScriptInfo
from flask.helpers import get_debug_flag
from werkzeug.serving import is_running_from_reloader, make_ssl_devcert

from ..app import DualApp
from ..compat.upstream import run_with_reloader
from ..lifespan import StartupFailed
from .app_argument import app_argument, require_dual_app
from .asgi_servers import Server, asgi_server

#: Seconds that the serving process gets to end after Ctrl-C.
ENDING = 30

Certificate = Any  # what `--cert` and `--key` make: (certificate, key), "adhoc", an ssl.SSLContext, or None


@click.pass_context
def run(ctx: click.Context, /, asgi: bool, reload: bool | None, **options: Any) -> None:
    """Serve an app for development, on the WSGI entry or on the ASGI entry.

    The app starts before the server listens, and stops when it ends, by Ctrl-C as by SIGTERM. The reloader is on by
    default if debug is enabled, and so is the debugger under WSGI. Do not serve in production with this command.
    """
    signal.signal(signal.SIGTERM, exit_python)
    reload = get_debug_flag() if reload is None else reload
    if reload and not is_running_from_reloader() and hasattr(os, "waitid"):
        signal.signal(signal.SIGINT, wait_for_the_child)
    if asgi:
        run_asgi(ctx.ensure_object(ScriptInfo), reload, **options)
    else:
        run_wsgi(ctx, reload, **options)


def exit_python(signum: int, frame: FrameType | None) -> NoReturn:
    """End Python with its exit functions, in which the app stops under WSGI."""
    sys.exit(0)


def wait_for_the_child(signum: int, frame: FrameType | None) -> NoReturn:
    """Let the process that serves end: Ctrl-C has reached it too, and the reloader would kill it soon after."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    ends = time.monotonic() + ENDING
    with suppress(ChildProcessError):
        while os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None and time.monotonic() < ends:
            time.sleep(0.05)
    raise KeyboardInterrupt


# Under WSGI.


def run_wsgi(ctx: click.Context, reload: bool, **options: Any) -> None:
    """Serve with Werkzeug's server, as `flask run` does."""
    info = ctx.ensure_object(ScriptInfo)
    if reload and is_running_from_reloader():
        with suppress(Exception):  # Flask's command shows why the app cannot be loaded, and each request why it fails
            start(info.load_app())
    else:
        app = info.load_app()  # the error of an app that cannot be loaded has this command's name, not that of Flask's
        if not reload:
            start(app)
    ctx.invoke(flask.cli.run_command, reload=reload, **options)


def start(app: flask.Flask) -> None:
    """Start an app before its first request, as ASGI servers do; it stops when Python exits."""
    if isinstance(app, DualApp):
        try:
            app._lifespan.start()
        except StartupFailed as failure:  # it is logged with its traceback
            raise click.ClickException(f"The app did not start: {failure}") from None


# Under ASGI.


def run_asgi(
    info: ScriptInfo,
    reload: bool,
    *,
    host: str,
    port: int,
    cert: Certificate,
    with_threads: bool,
    extra_files: list[str] | None,
    exclude_patterns: list[str] | None,
    **options: Any,
) -> None:
    """Serve with an ASGI server; Werkzeug's reloader watches the files as under WSGI."""
    if not with_threads:
        raise click.UsageError("'--without-threads' is for '--wsgi': ASGI has THREAD_POOL_SIZE threads.")
    flask.cli.show_server_banner(get_debug_flag(), info.app_import_path)
    with certificate_files(cert, host) as files:
        server = server_of(info, host, port, files)
        if reload:
            serve_and_reload(server, extra_files=extra_files, exclude_patterns=exclude_patterns)
        elif server is not None:
            server.run()


def server_of(info: ScriptInfo, host: str, port: int, files: tuple[str, str] | None) -> Server | None:
    """Return a server of the app; None, and the error shown, if a changed file is broken."""
    try:
        app = require_dual_app(info.load_app(), "it has no ASGI entry, so leave '--asgi' out")
        return asgi_server(app, host, port, files)
    except Exception:
        if not is_running_from_reloader():
            raise
        traceback.print_exc()
        return None


def serve_and_reload(server: Server | None, **watched: Any) -> None:
    """Serve in a thread of another process, which is started anew whenever a file changes."""
    threads = []

    def serve() -> None:
        threads.append(threading.current_thread())
        if server is not None:
            server.run()

    try:
        run_with_reloader(serve, **watched)
    finally:
        for thread in threads:  # in the process that serves; the app stops there
            if server is not None:
                server.stop()
            thread.join()


@contextmanager
def certificate_files(cert: Certificate, host: str) -> Iterator[tuple[str, str] | None]:
    """Give the files of a certificate and its key; for "adhoc" they are made for as long as the block lasts."""
    if cert is None or isinstance(cert, tuple):
        yield cert
    elif cert == "adhoc":
        with tempfile.TemporaryDirectory() as folder:
            yield make_ssl_devcert(str(Path(folder, "adhoc")), host)
    else:
        raise click.UsageError("'--cert' takes a file or 'adhoc' with '--asgi': ASGI servers take no SSLContext.")


entry_option = click.Option(
    ["--asgi/--wsgi"],
    default=False,
    help="The entry: WSGI with Werkzeug's server, the default; ASGI with uvicorn, or hypercorn if that is installed.",
)
#: Flask's own command has the other options.
run_command = click.Command(
    "run",
    params=[app_argument, entry_option, *flask.cli.run_command.params],
    short_help="Run a development server on either entry.",
    help=run.__doc__,
    callback=run,
)
