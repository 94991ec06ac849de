"""An app that sets a context variable on one side of a crossing and reads it on the other, in both directions."""

import asyncio
import threading
from contextvars import ContextVar
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async

from dualapp import DualApp, copy_current_request_context, request

app = DualApp(__name__)
TRACE: ContextVar[tuple[str, ...]] = ContextVar("TRACE", default=())


def mark(place: str) -> None:
    TRACE.set((*TRACE.get(), place))


async def mark_async(place: str) -> None:
    await asyncio.sleep(0.001)
    mark(place)


async def both_ways(place: str) -> None:
    await mark_async(f"{place}, async")
    await sync_to_async(mark)(f"{place}, sync")
    await app.ensure_async(mark)(f"{place}, sync again")


@app.before_request
async def begin() -> None:
    mark("hook, async")


@app.before_request
def begin_sync() -> None:
    mark("hook, sync")


@app.get("/def/<name>")
def plain(name: str) -> dict[str, Any]:
    async_to_sync(both_ways)(name)
    app.async_to_sync(mark_async)("ours")
    return {"trace": TRACE.get()}


@app.get("/async/<name>")
async def coroutine(name: str) -> dict[str, Any]:
    await both_ways(name)
    await sync_to_async(app.async_to_sync(mark_async))("ours")
    return {"trace": TRACE.get()}


@app.get("/copied/def/<name>")
def copied(name: str) -> dict[str, Any]:
    """Flask's way: another thread works for this request."""
    said = []

    @copy_current_request_context
    def work() -> None:
        said.append(request.path)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return {"said": said}


@app.get("/copied/async/<name>")
async def copied_later(name: str) -> dict[str, Any]:
    """Quart's way: a task does."""

    @copy_current_request_context
    async def work() -> str:
        await asyncio.sleep(0.001)
        return request.path

    return {"said": [await asyncio.create_task(work())]}
