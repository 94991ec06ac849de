"""The mailbox between the task that receives a body and its readers: how much it holds, and how it ends."""

from __future__ import annotations

import asyncio
import threading

import pytest

from dualapp.crossing.mailbox import Mailbox
from tests.support.waiting import LIMIT


def test_the_giver_waits_while_it_is_full() -> None:
    async def main() -> None:
        mailbox: Mailbox[str] = Mailbox(10)
        mailbox.give("a", 9)
        await mailbox.until_room()
        mailbox.give("b", 9)  # one item more than there is room for
        giver = asyncio.create_task(mailbox.until_room())
        await asyncio.sleep(0.01)
        assert not giver.done()
        assert [await mailbox.take(), await mailbox.take()] == ["a", "b"]
        await giver

    asyncio.run(main())


def test_a_closed_mailbox_is_emptied_first() -> None:
    async def main() -> list[str | None]:
        mailbox: Mailbox[str] = Mailbox(10)
        readers = [asyncio.create_task(mailbox.take()) for _ in range(3)]
        await asyncio.sleep(0)
        assert mailbox.readers == 3
        mailbox.give("a", 1)
        mailbox.give("b", 1)
        mailbox.close()
        read = [await reader for reader in readers]
        assert mailbox.readers == 0
        return [*read, await mailbox.take()]

    assert asyncio.run(main()) == ["a", "b", None, None]


def test_what_is_discarded_is_never_full() -> None:
    async def main() -> None:
        mailbox: Mailbox[str] = Mailbox(10)
        mailbox.give("a", 99)
        giver = asyncio.create_task(mailbox.until_room())
        await asyncio.sleep(0)
        mailbox.discard()
        await giver
        mailbox.give("b", 99)
        await mailbox.until_room()
        mailbox.close()
        assert await mailbox.take() is None

    asyncio.run(main())


@pytest.mark.parametrize("most", [1, 1000])
def test_readers_on_another_loop_miss_nothing(most: int) -> None:
    numbers, read = list(range(3000)), list[int]()
    mailbox: Mailbox[int] = Mailbox(most)

    async def give() -> None:
        async with asyncio.timeout(LIMIT):
            for number in numbers:
                mailbox.give(number, 1)
                await mailbox.until_room()
        mailbox.close()

    async def take() -> None:
        async with asyncio.timeout(LIMIT):
            while (number := await mailbox.take()) is not None:
                read.append(number)

    thread = threading.Thread(target=asyncio.run, args=(take(),))
    thread.start()
    asyncio.run(give())
    thread.join()
    assert read == numbers


def test_a_reader_that_is_cancelled_takes_nothing_along() -> None:
    async def main() -> str | None:
        mailbox: Mailbox[str] = Mailbox(10)
        reader = asyncio.create_task(mailbox.take())
        await asyncio.sleep(0)
        reader.cancel()
        mailbox.give("a", 1)
        await asyncio.wait([reader])
        return await mailbox.take()

    assert asyncio.run(main()) == "a"
