"""A test client's websocket in `def` code: its methods wait for those of the one in `async def` code."""

from __future__ import annotations

from typing import Any, Self

from ..crossing.bridge import run_on_loop


class BlockingWebsocket:
    """The client's end of a websocket; its coroutines run on the host loop."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __enter__(self) -> Self:
        run_on_loop(self._connection.__aenter__)
        return self

    def __exit__(self, *error: Any) -> None:
        run_on_loop(self._connection.__aexit__, *error)

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._connection, name)
        return (lambda *args, **kwargs: run_on_loop(attribute, *args, **kwargs)) if callable(attribute) else attribute
