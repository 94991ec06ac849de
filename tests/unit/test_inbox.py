"""What tasks and threads are given of a source that one party at a time may ask, and what threads send."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from threading import Event
from typing import Any

import pytest

from dualapp.crossing.inbox import Inbox
from dualapp.crossing.outbox import Outbox
from dualapp.crossing.thread_pool import Threads
from tests.support.waiting import LIMIT


class Source:
    """Gives what is put into it to one party at a time."""

    def __init__(self) -> None:
        self.items: asyncio.Queue[Any] = asyncio.Queue()
        self.is_asked = False

    async def ask(self) -> Any:
        assert not self.is_asked
        self.is_asked = True
        try:
            item = await self.items.get()
        finally:
            self.is_asked = False
        if isinstance(item, Exception):
            raise item
        return item

    def inbox(self, most: int = 10) -> Inbox[str]:
        def item_of(item: Any) -> Any:
            if item is None:
                inbox.end()
            return item

        loop = asyncio.get_running_loop()
        inbox: Inbox[str] = Inbox(loop, self.ask, item_of, len, EOFError, most, Inbox.listen)
        return inbox

    def put(self, *items: Any) -> None:
        for item in items:
            self.items.put_nowait(item)


def test_a_task_a_listener_and_a_thread_are_given_each_item_once_and_the_end() -> None:
    async def main() -> None:
        source = Source()
        inbox = source.inbox()
        source.put("a", "b")
        assert await inbox.take() == "a"  # after that the inbox listens
        await asyncio.sleep(0)
        assert [await inbox.take() for _ in "b"] == ["b"]
        taking = asyncio.create_task(asyncio.to_thread(lambda: [inbox.take_blocking(), inbox.take_blocking()]))
        source.put("c", "d", None)
        assert await asyncio.wait_for(taking, LIMIT) == ["c", "d"]
        with pytest.raises(EOFError):
            await inbox.take()
        with pytest.raises(EOFError):
            await asyncio.to_thread(inbox.take_blocking)

    asyncio.run(main())


def test_no_more_is_asked_for_than_there_is_room_for() -> None:
    async def main() -> None:
        source = Source()
        inbox = source.inbox(most=2)
        source.put("a", "b", "c", "d")
        inbox.listen()
        await asyncio.sleep(0.01)
        assert source.items.qsize() == 2
        assert [await inbox.take() for _ in range(4)] == ["a", "b", "c", "d"]
        inbox.stop_listening()

    asyncio.run(main())


@pytest.mark.parametrize("listens_first", [False, True])
@pytest.mark.parametrize("ends_early", [False, True])
def test_the_end_is_heard_when_whoever_has_waited_does_something_else(listens_first: bool, ends_early: bool) -> None:
    async def main() -> None:
        source, has_ended = Source(), asyncio.Event()
        inbox = source.inbox()
        inbox.when_ended = has_ended.set
        if listens_first:
            inbox.listen()
            await asyncio.sleep(0)
        taking = asyncio.create_task(inbox.take())
        await asyncio.sleep(0)
        if ends_early:
            taking.cancel()
        else:
            source.put("a")
        await asyncio.wait([taking])
        source.put(None)
        await has_ended.wait()

    asyncio.run(asyncio.wait_for(main(), LIMIT))


def test_a_task_that_is_left_behind_by_a_closed_loop_listens_no_more() -> None:
    async def main() -> Coroutine[Any, Any, str]:
        taking = Source().inbox().take()
        taking.send(None)
        return taking

    taking = asyncio.run(main())
    taking.close()


def test_an_error_of_the_source_is_for_who_asks_and_the_end_for_others() -> None:
    async def main() -> None:
        source = Source()
        inbox = source.inbox()
        source.put(LookupError("broken"))
        with pytest.raises(LookupError):
            await inbox.take()
        taking = asyncio.create_task(asyncio.to_thread(inbox.take_blocking))
        await asyncio.sleep(0.01)
        source.put(LookupError("broken"))
        with pytest.raises(EOFError):
            await asyncio.wait_for(taking, LIMIT)

    asyncio.run(main())


@pytest.mark.parametrize("waits", [False, True])
def test_a_thread_is_told_when_the_task_that_waits_for_it_is_cancelled(waits: bool) -> None:
    async def main() -> None:
        source = Source()
        inbox, threads, begun, may_wait = source.inbox(), Threads("test", lambda: 1), Event(), Event()

        def take() -> str:
            begun.set()
            may_wait.wait(LIMIT)
            return inbox.take_blocking()

        task = asyncio.create_task(threads.run_to_end(take))
        await asyncio.to_thread(begun.wait, LIMIT)
        if waits:
            may_wait.set()
            while not source.is_asked:
                await asyncio.sleep(0.001)
        task.cancel()
        may_wait.set()
        await asyncio.wait([task])
        assert task.cancelled()
        inbox.stop_listening()

    asyncio.run(asyncio.wait_for(main(), LIMIT))


def test_threads_send_in_order_and_wait_only_while_much_is_unsent() -> None:
    async def main() -> None:
        sent, is_open = [], asyncio.Event()

        async def send(item: str) -> None:
            await is_open.wait()
            sent.append(item)

        outbox = Outbox(asyncio.get_running_loop(), send, 3)

        def put() -> None:
            for item in "abcdef":
                outbox.put(item, 1)

        putting = asyncio.create_task(asyncio.to_thread(put))
        while len(outbox._unsent.items) < 3:  # and one is on its way
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        assert (sent, putting.done()) == ([], False)
        is_open.set()
        await putting
        await outbox.until_sent()
        assert sent == list("abcdef")

    asyncio.run(asyncio.wait_for(main(), LIMIT))
