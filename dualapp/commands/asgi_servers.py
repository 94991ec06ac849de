"""The ASGI servers of `dualapp run --asgi`: uvicorn, or hypercorn where that is installed.

Both serve in the main thread, where they end at a signal, or in another, where `stop` ends them.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, Protocol

import click

from ..app import DualApp

#: Seconds that open connections get at the end: an event stream that a page holds open must not hold up a reload.
GRACE = 1


class Server(Protocol):
    """A server that has been given the app."""

    def run(self) -> None:
        """Serve until a signal comes, in the main thread, or `stop` is called; raise SystemExit if it cannot start."""

    def stop(self) -> None:
        """End `run` in another thread."""


class Uvicorn:
    def __init__(self, app: DualApp, host: str, port: int, certificate: tuple[str, str] | None) -> None:
        import uvicorn

        certfile, keyfile = certificate or (None, None)
        config = uvicorn.Config(
            app.asgi,
            host=host,
            port=port,
            ssl_certfile=certfile,
            ssl_keyfile=keyfile,
            lifespan="on",
            timeout_graceful_shutdown=GRACE,
        )
        self._server = uvicorn.Server(config)

    def run(self) -> None:
        # uvicorn raises the signal that has ended it once more; SystemExit is how it says that it cannot start.
        with suppress(KeyboardInterrupt, SystemExit):
            self._server.run()
        if not self._server.started:
            sys.exit(1)

    def stop(self) -> None:
        self._server.should_exit = True


class Hypercorn:
    def __init__(self, app: DualApp, host: str, port: int, certificate: tuple[str, str] | None) -> None:
        from hypercorn import Config

        self._app: Any = app.asgi  # hypercorn has a class for each kind of scope and message
        self._config = Config()
        self._config.bind = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
        self._config.certfile, self._config.keyfile = certificate or (None, None)
        self._config.graceful_timeout = GRACE
        self._config.accesslog = "-"
        self._is_stopped = False

    def run(self) -> None:
        from hypercorn.utils import LifespanFailureError

        try:
            asyncio.run(self._serve())
        except (LifespanFailureError, OSError) as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(1)

    async def _serve(self) -> None:
        from hypercorn.asyncio import serve

        # Without a trigger hypercorn listens for signals, which only the main thread may.
        is_main = threading.current_thread() is threading.main_thread()
        await serve(self._app, self._config, shutdown_trigger=None if is_main else self._until_stopped, mode="asgi")

    async def _until_stopped(self) -> None:
        while not self._is_stopped:
            await asyncio.sleep(0.05)

    def stop(self) -> None:
        self._is_stopped = True


SERVERS: dict[str, type[Uvicorn | Hypercorn]] = {"uvicorn": Uvicorn, "hypercorn": Hypercorn}


def asgi_server(app: DualApp, host: str, port: int, certificate: tuple[str, str] | None) -> Server:
    """Return the first server that is installed; raise UsageError that names the extra if none is."""
    for name, server in SERVERS.items():
        if find_spec(name) is not None:
            return server(app, host, port, certificate)
    raise click.UsageError("'--asgi' needs an ASGI server: pip install 'dualapp[uvicorn]', or 'dualapp[hypercorn]'.")
