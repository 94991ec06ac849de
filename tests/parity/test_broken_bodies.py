"""A client that leaves in the middle of its body: the view that waits afterwards is cancelled, whoever noticed it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from werkzeug.exceptions import ClientDisconnected

from dualapp import DualApp, request

from ..support.entry_driver import AsgiExchange, Ask

#: Read before the view is called, and not.
LENGTHS = (10, 1_000_000)


async def unread() -> None:
    pass


async def data() -> None:
    await request.get_data()


async def form() -> None:
    await request.form


async def chunks() -> None:
    async for _ in request.body:
        pass


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("read", [unread, data, form, chunks])
@pytest.mark.parametrize("kind", ["application/octet-stream", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("entry", ["asgi"])  # no WSGI server tells that its client left
def test_a_view_that_waits_is_cancelled(entry: str, read: Any, length: int, kind: str) -> None:
    app, seen = DualApp("broken"), []

    @app.post("/")
    async def index() -> None:
        with suppress(ClientDisconnected):
            await read()
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("cancelled")

    @app.teardown_request
    def teardown(error: BaseException | None) -> None:
        seen.append("torn down")

    ask = Ask("POST", "/", [("Content-Type", kind)], (b"some",), length=length, truncated=True)
    asyncio.run(AsgiExchange(ask).run(app.asgi))
    assert seen == ["cancelled", "torn down"]
