"""Streams that cross from one side to the other: their items are made while those before them are on their way.

To cross for each item would cost more than most items do. So the side that makes them goes on until so much is made and
not taken that it is enough, and then waits until half of it is gone: a slow reader slows down what it reads from. Each
item can be taken as soon as it is made.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextvars import copy_context
from functools import partial

from .bridge import Threads, Visit, on_loop_thread, run_in_place
from .coroutines import END, close_stream

ENOUGH_BYTES = 512 * 1024
ENOUGH_ITEMS = 64


class Stock:
    """How much is made and not taken. One thread makes and another one takes, so each has its own counters."""

    def __init__(self) -> None:
        self._made = self._made_bytes = 0
        self._taken = self._taken_bytes = 0

    def make(self, item: bytes) -> None:
        """Count an item that was made."""
        self._made += 1
        self._made_bytes += len(item)

    def take(self, item: bytes) -> None:
        """Count an item that was taken."""
        self._taken += 1
        self._taken_bytes += len(item)

    def is_above(self, part: float) -> bool:
        """Tell whether there is so much of what is enough."""
        bytes_left, items_left = self._made_bytes - self._taken_bytes, self._made - self._taken
        return bytes_left >= ENOUGH_BYTES * part or items_left >= ENOUGH_ITEMS * part


def settle(making: asyncio.Future[bool], is_more: bool, error: BaseException | None) -> None:
    if error is None:
        making.set_result(is_more)
    else:
        making.set_exception(error)


async def until_done(making: asyncio.Future[bool]) -> None:
    """Wait for the end of a step, also if the task is cancelled meanwhile, and be it twice."""
    cancelled: asyncio.CancelledError | None = None
    while not making.done():
        try:
            await asyncio.wait([making])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


async def iterate_in_threads(threads: Threads, source: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Iterate over a sync iterator from the loop; it holds a thread only while it makes something.

    All steps see one set of context variables, as they would in one thread. If the task is cancelled during a step,
    that step is waited for: what it uses must not be closed under its hands.
    """
    loop, variables = asyncio.get_running_loop(), copy_context()
    items, stock, arrived = deque[bytes](), Stock(), asyncio.Event()
    is_awaited = is_over = False

    def make() -> bool:
        """Make what is missing, in a thread; tell whether there may be more."""
        nonlocal is_awaited
        for item in source:
            stock.make(item)
            items.append(item)
            if is_awaited:
                is_awaited = False
                loop.call_soon_threadsafe(arrived.set)
            if is_over or stock.is_above(1):
                return True
        return False

    def start() -> asyncio.Future[bool]:
        making: asyncio.Future[bool] = loop.create_future()
        making.add_done_callback(lambda _: arrived.set())
        threads.start(partial(settle, making), variables, make, (), {})
        return making

    making = start()
    try:
        while True:
            if items:
                item = items.popleft()
                stock.take(item)
                yield item
                if making.done() and making.exception() is None and making.result() and not stock.is_above(0.5):
                    making = start()
                # Others get their turn; and a server hears that a connection broke before it is given more: after that,
                # asyncio's `writelines` (CPython 3.12, 3.13.0) watches a descriptor that is about to be closed.
                await asyncio.sleep(0)
            elif not making.done():
                arrived.clear()
                is_awaited = True
                if not items:
                    await arrived.wait()
            elif making.result():
                making = start()
            else:
                return
    finally:
        is_over = True
        await until_done(making)


class Reading(Visit):
    """A wait of a thread for the loop to make one item after the other."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self._stock = Stock()
        self._is_full = False

    def begin(self) -> None:
        """Have the loop start."""
        self.start(self.run(self._make, (), {}), copy_context())

    async def _make(self) -> None:
        self._room = asyncio.Event()
        try:
            async for item in self._stream:
                self._stock.make(item)
                self._work.put(item)
                if self._stock.is_above(1):
                    await self._until_half_is_taken()
        finally:
            await close_stream(self._stream)

    async def _until_half_is_taken(self) -> None:
        self._room.clear()
        self._is_full = True
        if self._stock.is_above(0.5):
            await self._room.wait()

    def take(self) -> bytes | None:
        """Wait for the next item, and do what is submitted meanwhile; None when there are no more."""
        while (item := self._work.get()) is not None:
            if isinstance(item, bytes):
                self._stock.take(item)
                if self._is_full and not self._stock.is_above(0.5):
                    self._is_full = False
                    self.loop.call_soon_threadsafe(self._room.set)
                return item
            item()
        self.free()
        return None

    def give_up(self) -> None:
        """Have the loop end."""
        self.loop.call_soon_threadsafe(self.abandon)


def iterate_on_loop(stream: AsyncIterator[bytes]) -> Iterator[bytes]:
    """Iterate over an async iterator from a thread. Closing the iterator closes the stream, on the loop."""
    if on_loop_thread():
        yield from iterate_in_place(stream)
        return
    reading = Reading(stream)
    reading.begin()
    try:
        while (item := reading.take()) is not None:
            yield item
    except GeneratorExit:
        reading.give_up()
        while not on_loop_thread() and reading.take() is not None:
            pass
        if reading.error is not None and not isinstance(reading.error, asyncio.CancelledError):
            raise reading.error from None
        raise
    except BaseException:  # this thread is made to stop, as by gunicorn's timeout
        reading.give_up()
        raise
    if reading.error is not None:
        raise reading.error


def iterate_in_place(stream: AsyncIterator[bytes]) -> Iterator[bytes]:
    """Iterate on the loop's own thread over a stream that waits for nothing."""
    try:
        while (item := run_in_place(anext, stream, END)) is not END:
            yield item
    finally:
        run_in_place(close_stream, stream)
