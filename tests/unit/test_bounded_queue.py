"""The queue between the task that receives a body and its readers: how much it holds, and how it ends."""

from __future__ import annotations

import asyncio
import threading

import pytest

from dualapp.crossing.bounded_queue import BoundedQueue
from tests.support.waiting import LIMIT


def test_the_giver_waits_while_it_is_full() -> None:
    async def main() -> None:
        queue: BoundedQueue[str] = BoundedQueue(10)
        queue.give("a", 9)
        await queue.until_room()
        queue.give("b", 9)  # one item more than there is room for
        giver = asyncio.create_task(queue.until_room())
        await asyncio.sleep(0.01)
        assert not giver.done()
        assert [await queue.take(), await queue.take()] == ["a", "b"]
        await giver

    asyncio.run(main())


def test_a_closed_queue_is_emptied_first() -> None:
    async def main() -> list[str | None]:
        queue: BoundedQueue[str] = BoundedQueue(10)
        readers = [asyncio.create_task(queue.take()) for _ in range(3)]
        await asyncio.sleep(0)
        assert queue.readers == 3
        queue.give("a", 1)
        queue.give("b", 1)
        queue.close()
        read = [await reader for reader in readers]
        assert queue.readers == 0
        return [*read, await queue.take()]

    assert asyncio.run(main()) == ["a", "b", None, None]


def test_what_is_discarded_is_never_full() -> None:
    async def main() -> None:
        queue: BoundedQueue[str] = BoundedQueue(10)
        queue.give("a", 99)
        giver = asyncio.create_task(queue.until_room())
        await asyncio.sleep(0)
        queue.discard()
        await giver
        queue.give("b", 99)
        await queue.until_room()
        queue.close()
        assert await queue.take() is None

    asyncio.run(main())


@pytest.mark.parametrize("most", [1, 1000])
def test_readers_on_another_loop_miss_nothing(most: int) -> None:
    numbers, read = list(range(3000)), list[int]()
    queue: BoundedQueue[int] = BoundedQueue(most)

    async def give() -> None:
        async with asyncio.timeout(LIMIT):
            for number in numbers:
                queue.give(number, 1)
                await queue.until_room()
        queue.close()

    async def take() -> None:
        async with asyncio.timeout(LIMIT):
            while (number := await queue.take()) is not None:
                read.append(number)

    thread = threading.Thread(target=asyncio.run, args=(take(),))
    thread.start()
    asyncio.run(give())
    thread.join()
    assert read == numbers


def test_a_reader_that_is_cancelled_takes_nothing_along() -> None:
    async def main() -> str | None:
        queue: BoundedQueue[str] = BoundedQueue(10)
        reader = asyncio.create_task(queue.take())
        await asyncio.sleep(0)
        reader.cancel()
        queue.give("a", 1)
        await asyncio.wait([reader])
        return await queue.take()

    assert asyncio.run(main()) == "a"


def test_readers_that_are_cancelled_leave_nothing_behind() -> None:
    async def main() -> None:
        queue: BoundedQueue[str] = BoundedQueue(10)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(queue.take(), 0.001)
        assert queue._waiters == []

    asyncio.run(main())
