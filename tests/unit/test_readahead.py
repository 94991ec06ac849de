"""Items that are made ahead, on the other side: how far ahead, in whose thread, and how it ends."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar, copy_context

import pytest
from asgiref.sync import sync_to_async

from dualapp.crossing.readahead import MOST_BYTES, MOST_ITEMS, ThreadProducer, iterate_in_threads, iterate_on_loop
from dualapp.crossing.thread_pool import Threads
from tests.support.waiting import LIMIT

CHUNK = bytes(64 * 1024)
word: ContextVar[str] = ContextVar("word", default="unset")


class Own(Exception):
    pass


class Counted:
    """An endless source in both colours, which counts what it has made and notes that it was closed."""

    def __init__(self, item: bytes) -> None:
        self.item = item
        self.made = 0
        self.closed = False

    def sync(self) -> Iterator[bytes]:
        try:
            while True:
                self.made += 1
                yield self.item
        finally:
            self.closed = True

    async def coroutine(self) -> AsyncIterator[bytes]:
        try:
            while True:
                self.made += 1
                yield self.item
        finally:
            await asyncio.sleep(0.01)
            self.closed = True


def stopped(count: Callable[[], int]) -> int:
    """The count, once it does not change any more."""
    last = -1
    while last != (last := count()):
        time.sleep(0.1)
    return last


@pytest.mark.parametrize(("item", "enough"), [(CHUNK, MOST_BYTES // len(CHUNK)), (b"x", MOST_ITEMS)])
def test_only_enough_is_made_ahead_of_a_thread(item: bytes, enough: int) -> None:
    source = Counted(item)
    items = iterate_on_loop(source.coroutine())
    for taken in range(1, 2 * enough):
        assert next(items) == item
        assert source.made <= taken + enough
    assert stopped(lambda: source.made) <= taken + enough
    items.close()  # type: ignore[attr-defined]  # it is a generator
    assert source.closed


@pytest.mark.parametrize(("item", "enough"), [(CHUNK, MOST_BYTES // len(CHUNK)), (b"x", MOST_ITEMS)])
def test_only_enough_is_made_ahead_of_a_loop(item: bytes, enough: int) -> None:
    async def read() -> None:
        items = iterate_in_threads(ThreadProducer(Threads("ahead", lambda: 1), source.sync(), copy_context()))
        for taken in range(1, 2 * enough):
            assert await anext(items) == item
            assert source.made <= taken + enough
        assert await asyncio.to_thread(stopped, lambda: source.made) <= taken + enough

    source = Counted(item)
    asyncio.run(read())


def test_a_stream_that_is_full_holds_no_thread() -> None:
    async def read() -> bytes:
        threads = Threads("ahead", lambda: 1)
        items = iterate_in_threads(ThreadProducer(threads, Counted(CHUNK).sync(), copy_context()))
        await anext(items)
        async with asyncio.timeout(LIMIT):
            return await threads.call(lambda: b"another")

    assert asyncio.run(read()) == b"another"


def test_what_was_made_before_an_error_arrives_before_it() -> None:
    def words() -> Iterator[bytes]:
        yield b"a"
        yield b"b"
        raise Own

    async def words_async() -> AsyncIterator[bytes]:
        for item in words():
            yield item

    async def read() -> None:
        async for item in iterate_in_threads(ThreadProducer(Threads("ahead", lambda: 1), words(), copy_context())):
            got.append(item)

    got: list[bytes] = []
    with pytest.raises(Own):
        asyncio.run(read())
    with pytest.raises(Own):
        got.extend(iterate_on_loop(words_async()))
    assert got == [b"a", b"b", b"a", b"b"]


def test_sync_work_of_a_stream_comes_back_to_the_thread_that_reads() -> None:
    async def idents() -> AsyncIterator[bytes]:
        try:
            while True:
                yield str(await sync_to_async(threading.get_ident)()).encode()
        finally:
            ends.append(await sync_to_async(threading.get_ident)())

    ends: list[int] = []
    items = iterate_on_loop(idents())
    assert {next(items) for _ in range(200)} == {str(threading.get_ident()).encode()}
    items.close()  # type: ignore[attr-defined]  # it is a generator
    assert ends == [threading.get_ident()]


def test_all_steps_see_one_set_of_variables() -> None:
    def words() -> Iterator[bytes]:
        for n in range(200):
            yield word.get().encode()
            word.set(str(n))

    async def words_async() -> AsyncIterator[bytes]:
        for item in words():
            yield item

    async def read() -> list[bytes]:
        return [
            item
            async for item in iterate_in_threads(ThreadProducer(Threads("ahead", lambda: 4), words(), copy_context()))
        ]

    expected = [b"unset", *(str(n).encode() for n in range(199))]
    assert asyncio.run(read()) == expected
    assert [*iterate_on_loop(words_async())] == expected


def test_a_step_that_runs_is_waited_for() -> None:
    async def read() -> None:
        async for _ in iterate_in_threads(ThreadProducer(Threads("ahead", lambda: 1), words(), copy_context())):
            pass

    async def leave() -> None:
        task = asyncio.create_task(read())
        await asyncio.to_thread(started.wait, LIMIT)
        task.cancel()
        asyncio.get_running_loop().call_later(0.05, go_on.set)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()

    def words() -> Iterator[bytes]:
        yield b"a"
        started.set()
        go_on.wait(LIMIT)
        ended.set()
        yield b"b"

    started, go_on, ended = threading.Event(), threading.Event(), threading.Event()
    asyncio.run(leave())


def test_the_loop_turns_between_two_items() -> None:
    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def read() -> None:
        items = iterate_in_threads(ThreadProducer(Threads("ahead", lambda: 1), source.sync(), copy_context()))
        await anext(items)
        await asyncio.to_thread(stopped, lambda: source.made)
        others = asyncio.create_task(turn())
        for taken in range(MOST_ITEMS // 2):
            await anext(items)
            assert turns >= taken
        others.cancel()

    source, turns = Counted(b"x"), 0
    asyncio.run(read())


def test_a_step_is_waited_for_however_often_its_task_is_cancelled() -> None:
    def slow() -> Iterator[bytes]:
        try:
            yield b"first"
            started.set()
            go_on.wait(LIMIT)
            yield b"second"
        finally:
            ends.append("closed")

    async def read() -> None:
        source = slow()
        try:
            async for _ in iterate_in_threads(ThreadProducer(Threads("ahead", lambda: 1), source, copy_context())):
                pass
        finally:
            source.close()

    async def main() -> None:
        task = asyncio.create_task(read())
        await asyncio.to_thread(started.wait, LIMIT)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0.01)
        assert not ends
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    ends: list[str] = []
    started, go_on = threading.Event(), threading.Event()
    asyncio.run(main())
    assert ends == ["closed"]
