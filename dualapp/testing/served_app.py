"""Serve an app for a test without a server: what `app.test_app()` gives."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import quart.testing

from ..crossing.bridge import run_on_loop


class ServedApp(quart.testing.TestApp):
    """Runs startup and shutdown around a test: `async with` on the loop of the test, `with` on the host loop."""

    def __enter__(self) -> Self:
        run_on_loop(self.__aenter__)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        run_on_loop(self.__aexit__, exc_type, exc, traceback)
