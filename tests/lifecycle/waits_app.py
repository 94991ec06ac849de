"""An app in which threads wait for code that itself needs threads, each in a way in which they could wait for ever."""

from __future__ import annotations

import _thread
import asyncio
import contextvars
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any
from urllib.request import urlopen

from asgiref.sync import async_to_sync, sync_to_async

from dualapp import DualApp, request
from tests.support.waiting import LIMIT

app = DualApp(__name__)
is_held, is_released = threading.Event(), threading.Event()
barriers = {parties: threading.Barrier(parties) for parties in (2, 4, 6)}


# A loop of its own, in each hook.


async def load() -> str:
    return str(await sync_to_async(str)("ada"))


def run_on_new_loop(func: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(func())
    finally:
        loop.close()


async def read_body() -> int:
    return len(await request.get_data())


def asked_for(hook: str) -> bool:
    return request.args.get("hook") == hook


def check() -> None:
    assert asyncio.run(load()) == "ada"


async def until_released() -> None:
    is_held.set()
    async with asyncio.timeout(LIMIT):
        while not is_released.is_set():
            await asyncio.sleep(0.005)


@app.before_request
def before() -> None:
    if asked_for("hold"):
        asyncio.run(until_released())
    if asked_for("before"):
        check()
    if asked_for("new loop"):
        assert run_on_new_loop(load) == "ada"
    if asked_for("body"):
        assert asyncio.run(read_body()) == 100_000


@app.after_request
def after(response: Any) -> Any:
    if asked_for("after"):
        check()
    return response


@app.teardown_request
def teardown(_: BaseException | None) -> None:
    if asked_for("teardown"):
        check()


@app.errorhandler(ZeroDivisionError)
def handler(_: ZeroDivisionError) -> str:
    check()
    return "done"


@app.route("/async", methods=["GET", "POST"])
async def async_view() -> str:
    if asked_for("error"):
        raise ZeroDivisionError
    if asked_for("inner"):
        await sync_to_async(check)()
    await asyncio.sleep(0)
    return "done"


@app.route("/def", methods=["GET", "POST"])
def sync_view() -> str:
    if asked_for("error"):
        raise ZeroDivisionError
    if asked_for("inner"):
        async_to_sync(async_check)()
    return "done"


async def async_check() -> None:
    await sync_to_async(check)()


@app.get("/is-held")
def tell_whether_held() -> str:
    return str(is_held.is_set())


@app.get("/release")
def release() -> str:
    is_released.set()
    return "done"


@app.get("/ensured")
def ensured() -> str:
    assert app.ensure_sync(resolve)()
    return "done"


@app.get("/streamed")
async def streamed() -> Any:
    async def words() -> AsyncIterator[str]:
        yield "do"
        await asyncio.sleep(0.005)
        yield "ne"

    return words()


# Pools whose threads wait for what needs their pool.


async def resolve() -> int:
    return len(await asyncio.get_running_loop().getaddrinfo("localhost", 80))


@app.get("/legacy")
async def legacy() -> str:
    assert await asyncio.to_thread(app.ensure_sync(resolve))
    return "done"


@app.get("/deep")
def deep() -> str:
    async def below(depth: int) -> None:
        def further() -> None:
            if depth:
                async_to_sync(below)(depth - 1)

        await sync_to_async(further, thread_sensitive=False)()

    async_to_sync(below)(3)
    return "done"


# Threads that do not wait for other requests.


@app.get("/together/<int:parties>")
async def together(parties: int) -> str:
    await sync_to_async(barriers[parties].wait)(LIMIT)
    return "done"


@app.get("/visit/<int:port>")
async def visit(port: int) -> str:
    def fetch() -> str:
        with urlopen(f"http://127.0.0.1:{port}/hello", timeout=LIMIT) as answer:
            text: str = answer.read().decode()
        return text

    return str(await sync_to_async(fetch)())


@app.get("/hello")
async def hello() -> str:
    return str(await sync_to_async(str)("done"))


# One loop, whichever thread asks.


async def current_loop(future: asyncio.Future[None] | None = None) -> int:
    if future is not None:
        await future
    return id(asyncio.get_running_loop())


@app.get("/loops")
async def loops() -> dict[str, Any]:
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.01, future.set_result, None)
    ours = app.ensure_sync(current_loop)
    found = [await asyncio.to_thread(ours, future), await asyncio.to_thread(async_to_sync(current_loop), future)]
    answers: list[int] = []
    variables = contextvars.copy_context()
    threads = [
        threading.Thread(target=lambda: answers.append(async_to_sync(current_loop)())),
        threading.Thread(target=variables.run, args=[lambda: answers.append(ours())]),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    with ThreadPoolExecutor(1) as pool:
        found.append(await asyncio.get_running_loop().run_in_executor(pool, ours))
    return {"pid": os.getpid(), "is_one": {*found, *answers} == {id(asyncio.get_running_loop())}}


# Threads that async code starts, and does not wait for at once.


async def slept() -> int:
    await asyncio.sleep(0.01)
    return id(asyncio.get_running_loop())


@app.get("/threads")
async def threads() -> dict[str, Any]:
    loop, found = asyncio.get_running_loop(), []
    has_ended = asyncio.Event()

    def run() -> None:
        sleep(0.01)
        found.append(async_to_sync(slept)())
        loop.call_soon_threadsafe(has_ended.set)

    _thread.start_new_thread(sys.exit, ())
    for thread in threading.Thread(target=run), threading.Timer(0.01, run):
        thread.start()
        await has_ended.wait()
        has_ended.clear()
        await asyncio.to_thread(thread.join)
    with ThreadPoolExecutor(1) as pool:
        for _ in range(3):
            await loop.run_in_executor(pool, run)
            await asyncio.sleep(0.01)
    return {"found": len(found), "is_one": set(found) == {id(loop)}}
