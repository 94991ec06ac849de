"""How many threads there are: as many as running code needs, and no more for long."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from dualapp import DualApp
from dualapp.crossing.os_threads import SystemExecutor, Workers
from dualapp.crossing.thread_sensitive import MOST_IDLE
from tests.support.entry_driver import AsgiExchange, Ask
from tests.support.waiting import LIMIT, wait_for


def names(begin: str) -> int:
    return sum(thread.name.startswith(begin) for thread in threading.enumerate())


async def ask_all(app: DualApp, requests: int, executor: Any = None) -> list[str]:
    if executor is not None:
        asyncio.get_running_loop().set_default_executor(executor)
    answers = await asyncio.gather(*(AsgiExchange(Ask("GET", "/")).run(app.asgi) for _ in range(requests)))
    return [answer.text for answer in answers]


def test_views_that_wait_for_async_code_are_as_many_as_the_pool_has_threads() -> None:
    app = DualApp("limited")
    app.config["THREAD_POOL_SIZE"] = 2
    most: list[int] = []

    async def rest() -> None:
        most.append(names("limited_"))
        await asyncio.sleep(0.001)

    @app.get("/")
    def index() -> str:
        app.ensure_sync(rest)()
        return "done"

    assert asyncio.run(ask_all(app, 50)) == ["done"] * 50
    assert max(most) == 2


def test_a_full_pool_serves_a_task_of_nobody_while_all_its_threads_wait() -> None:
    """It ends the threads that it has started for that."""
    app = DualApp("producer")
    executor = SystemExecutor("produced", 2)
    wanted: list[asyncio.Future[str]] = []

    async def produce() -> None:
        while len(wanted) < 6:
            await asyncio.sleep(0.001)
        for future in wanted:
            future.set_result(await asyncio.to_thread(str, "done"))

    async def product() -> str:
        wanted.append(asyncio.get_running_loop().create_future())
        return await wanted[-1]

    @app.get("/")
    async def index() -> str:
        return await asyncio.to_thread(app.ensure_sync(product))

    async def main() -> list[str]:
        producing = asyncio.create_task(produce())
        answers = await ask_all(app, 6, executor)
        await producing
        return answers

    assert asyncio.run(asyncio.wait_for(main(), LIMIT)) == ["done"] * 6
    wait_for(lambda: names("produced_") <= 2)


def test_requests_wait_for_one_another_in_their_order_and_none_is_forgotten() -> None:
    workers = Workers("ordered", lambda: 2)
    seen: list[int] = []
    go = threading.Event()

    def job(number: int, done: Any) -> None:
        go.wait(LIMIT)
        seen.append(number)
        done()

    for number in range(20):
        workers.do(partial(job, number), begins=True)
    go.set()
    wait_for(lambda: len(seen) == 20)
    assert sorted(seen[:4]) != sorted(seen) == list(range(20))
    assert names("ordered_") <= 2


@pytest.mark.parametrize("is_chosen", [False, True], ids=["asyncio's own", "one that was set"])
def test_an_executor_that_asyncio_made_is_replaced(is_chosen: bool) -> None:
    app = DualApp("inner")
    ended = threading.Event()

    @app.get("/")
    async def index() -> str:
        return await asyncio.to_thread(lambda: threading.current_thread().name)

    async def main() -> str:
        if is_chosen:
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1, "chosen"))
        go = threading.Event()
        await asyncio.to_thread(str)
        queued = [asyncio.ensure_future(asyncio.to_thread(go.wait, LIMIT)) for _ in range(1 if is_chosen else 40)]
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.01, go.set)
        [name] = await ask_all(app, 1)
        await asyncio.gather(*queued)
        ended.set()
        return name

    name = asyncio.run(main())
    assert ended.is_set()
    assert name.startswith("chosen" if is_chosen else "dualapp-executor")


def test_threads_of_their_own_end_when_many_are_idle() -> None:
    app = DualApp("own")
    barrier = threading.Barrier(MOST_IDLE + 20)

    @app.get("/")
    async def index() -> str:
        await sync_to_async(barrier.wait)(LIMIT)
        return "done"

    assert asyncio.run(ask_all(app, barrier.parties)) == ["done"] * barrier.parties
    wait_for(lambda: names("dualapp-own_") <= MOST_IDLE, because=lambda: names("dualapp-own_"))
