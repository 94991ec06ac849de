"""What a task awaits and a thread gives: it behaves as asyncio's own futures do."""

import asyncio
import threading

import pytest

from dualapp.crossing.handoff import Handoff
from dualapp.crossing.thread_pool import Threads
from tests.support.waiting import LIMIT


def test_who_cancels_is_known_by_his_message() -> None:
    async def main() -> None:
        given = threading.Event()
        task = asyncio.create_task(Threads("slow", lambda: 1).call(given.wait, LIMIT))
        await asyncio.sleep(0.01)
        task.cancel("why")
        given.set()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert caught.value.args == ("why",)

    asyncio.run(main())


def test_what_comes_after_a_cancellation_is_dropped() -> None:
    async def main() -> None:
        given = threading.Event()
        task = asyncio.create_task(Threads("slow", lambda: 1).call(given.wait, LIMIT))
        await asyncio.sleep(0.01)
        task.cancel()
        given.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.05)

    asyncio.run(main())


def test_a_task_goes_on_in_the_turn_in_which_the_result_arrives() -> None:
    async def wait() -> None:
        await handoff
        order.append("task")

    async def main() -> None:
        nonlocal handoff
        loop = asyncio.get_running_loop()
        handoff = Handoff(loop)
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        loop.call_soon(handoff.settle, None, None)
        loop.call_soon(order.append, "what was to come next")
        await task

    order: list[str] = []
    handoff: Handoff
    asyncio.run(main())
    assert order == ["task", "what was to come next"]


def test_an_error_is_raised_where_it_is_awaited() -> None:
    def fail() -> None:
        raise LookupError("nothing there")

    with pytest.raises(LookupError, match="nothing there"):
        asyncio.run(Threads("failing", lambda: 1).call(fail))
