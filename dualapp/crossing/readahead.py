"""Buffered iteration across threads: the producer stops at 512 KiB or 64 items and resumes at half.

Crossing once per item would cost more than producing most items. So the producer runs ahead of the consumer, and stops
when the buffer is full: a slow client slows the producer down. Each item can be consumed as soon as it is produced.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextvars import Context as Variables
from contextvars import copy_context
from functools import partial
from typing import Any

from ..compat.upstream import running_loop
from .bridge import LoopCall, is_loop_thread, run_in_place
from .context_variables import bound_to
from .coroutines import END, LoopNeeded, close_stream, until_done
from .os_threads import unpatched
from .thread_pool import Threads
from .waiting_threads import begin_wait, waits

#: Takes an item; waits while the buffer is full.
Give = Callable[[bytes], Awaitable[None]]
Produce = Callable[[Give], Awaitable[None]]

MOST_BYTES = 512 * 1024
MOST_ITEMS = 64


class BufferLevel:
    """How full the buffer is. Producer and consumer are in different threads, so each has counters of its own."""

    def __init__(self) -> None:
        self._produced = self._produced_bytes = 0
        self._consumed = self._consumed_bytes = 0

    def add(self, item: bytes) -> None:
        """Count an item that was produced."""
        self._produced += 1
        self._produced_bytes += len(item)

    def remove(self, item: bytes) -> None:
        """Count an item that was consumed."""
        self._consumed += 1
        self._consumed_bytes += len(item)

    def is_above(self, part: float) -> bool:
        """Tell whether at least this part of the buffer is filled: 1 is all of it."""
        bytes_left, items_left = self._produced_bytes - self._consumed_bytes, self._produced - self._consumed
        return bytes_left >= MOST_BYTES * part or items_left >= MOST_ITEMS * part


def set_outcome(future: asyncio.Future[bool], result: bool, error: BaseException | None) -> None:
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


class ThreadProducer:
    """Iterate over a sync iterator in threads, for a consumer on the loop.

    A step runs in one thread until the buffer is full; between steps no thread is held. All steps run in one context.
    """

    def __init__(self, threads: Threads, source: Iterator[bytes], variables: Variables) -> None:
        self.items = deque[bytes]()
        self.level = BufferLevel()
        self._threads = threads
        self._source = source
        self._loop = asyncio.get_running_loop()
        self._variables = variables
        self._arrived = asyncio.Event()
        self._room: Any = None  # what a thread waits for in `write`
        self._is_awaited = self._is_over = False

    def resume(self, begins: bool = False) -> None:
        """Have a thread produce until the buffer is full or the source is exhausted; `begins` is as in `Threads`."""
        self.step: asyncio.Future[bool] = self._loop.create_future()
        self.step.add_done_callback(self._note_end)
        produce = bound_to(self._variables, self._produce, (), {})
        self._threads.start(partial(set_outcome, self.step), produce, begins=begins)

    def _note_end(self, step: asyncio.Future[bool]) -> None:
        step.exception()  # asyncio would log one that nobody retrieves: that of a step whose consumer has gone
        self._arrived.set()

    def _produce(self) -> bool:
        """Fill the buffer, in a thread; return False when the source is exhausted."""
        for item in self._source:
            self._add(item)
            if self._is_over or self.level.is_above(1):
                return True
        return False

    def _add(self, item: bytes) -> None:
        self.level.add(item)
        self.items.append(item)
        if self._is_awaited:
            self._is_awaited = False
            self._loop.call_soon_threadsafe(self._arrived.set)

    def write(self, item: bytes) -> None:
        """Put an item into the buffer from within the source's own code; block while the buffer is full.

        Raises OSError once nobody consumes any more.
        """
        if self.level.is_above(1):
            room = self._room = unpatched("threading", "Event")()
            begin_wait(room)
            while self.level.is_above(0.5) and not self._is_over:
                room.wait()
                room.clear()
            waits.discard(room)
            self._room = None
        if self._is_over:
            raise OSError("The client has left.")
        self._add(item)

    def consume(self) -> bytes:
        """Take the next item out of the buffer."""
        item = self.items.popleft()
        self.level.remove(item)
        self._wake()
        return item

    def _wake(self) -> None:
        if (room := self._room) is not None:
            room.set()

    def resume_at_half(self) -> None:
        """Resume if the producer stopped at a full buffer of which half is free by now."""
        step = self.step
        if step.done() and step.exception() is None and step.result() and not self.level.is_above(0.5):
            self.resume()

    async def until_arrived(self) -> None:
        """Wait for an item, or for the end of the step."""
        self._arrived.clear()
        self._is_awaited = True
        if not self.items:
            await self._arrived.wait()

    async def stop(self) -> None:
        """Stop after the item that is being produced: the source must not be closed while a step uses it."""
        self._is_over = True
        self._wake()
        await until_done(self.step)


async def iterate_in_threads(producer: ThreadProducer, begins: bool = False) -> AsyncIterator[bytes]:
    """Iterate over a sync iterator from the loop; its code runs in a context that the loop's code is not in.

    If the task is cancelled while a thread is producing, it waits until that thread has finished its item.
    """
    producer.resume(begins)
    try:
        while True:
            if producer.items:
                yield producer.consume()
                producer.resume_at_half()
                # Let other tasks run, and let the server learn of a broken connection before it writes more: else
                # asyncio's `writelines` (CPython 3.12, 3.13.0) watches a descriptor that is about to be closed.
                await asyncio.sleep(0)
            elif not producer.step.done():
                await producer.until_arrived()
            elif producer.step.result():
                producer.resume()
            else:
                return
    finally:
        await producer.stop()


class LoopIteration(LoopCall):
    """A call from a thread to the loop that returns one item after the other."""

    #: Whether it was cancelled while producing: its error is then that of closing the stream.
    was_interrupted = False
    #: Whether the thread knows that there are no more items: nobody would wake it from another wait.
    is_exhausted = False

    def __init__(self, produce: Produce) -> None:
        """Take an async function that calls and awaits its argument with each item."""
        super().__init__()
        self._produce = produce
        self._items = deque[bytes]()
        self._level = BufferLevel()
        self._is_full = False

    def start_producing(self, within: Variables | None = None, *, borrows: bool = False) -> None:
        """Produce as a task in the loop's thread, or, if this call `borrows` the loop, in this one."""
        work, variables = self.run(self._produce_all, (), {}, within), copy_context()
        if not (borrows and self.borrow(work, variables)):
            self.start(work, variables, self._produce_all, within)

    async def _produce_all(self) -> None:
        self._room = asyncio.Event()
        await self._produce(self._give)

    async def _give(self, item: bytes) -> None:
        """Leave an item for the thread; wait if the buffer is full."""
        self.add(item)
        if self._level.is_above(1):
            await self._until_half_is_free()

    def add(self, item: bytes) -> None:
        """Leave an item for the thread, even above the buffer's limit."""
        self._level.add(item)
        self._items.append(item)
        self._work.put(self)

    async def _until_half_is_free(self) -> None:
        self._room.clear()
        self._is_full = True
        if self._level.is_above(0.5):
            await self._room.wait()

    def next_item(self) -> bytes | None:
        """Wait for the next item, and run submitted functions meanwhile; None when there are no more."""
        if self.is_exhausted:
            return None
        self.work_until_notice()
        if not self._items:  # the last notice is that of the end
            self.is_exhausted = True
            self.free()
            return None
        item = self._items.popleft()
        self._level.remove(item)
        if self._is_full and not self._level.is_above(0.5):
            self._is_full = False
            self.loop.call_soon_threadsafe(self._room.set)
        return item

    def stop(self) -> None:
        """Cancel the task that iterates."""
        self.loop.call_soon_threadsafe(self.abandon)

    def abandon(self) -> None:
        self.was_interrupted = not self.is_over
        super().abandon()

    def leave(self) -> None:
        """Cancel the task unless it has released this thread, throw the items away, and do not wait for its end."""
        if self.is_exhausted:
            return
        if self._lender is None:
            self.loop.call_soon_threadsafe(self._end_early)
        else:  # in this thread: the steps that are queued for it go back to the loop, and nobody may take one meanwhile
            self._lender.run_step(asyncio.Handle(self._end_early, (), self.loop))
        while self.next_item() is not None:
            pass

    def _end_early(self) -> None:
        if not self.is_over:
            self.abandon()
            self.release()


#: The message for sync code that would wait for the loop that it runs on.
READ_ON_LOOP = (
    "Sync code on the event loop reads an async stream, which would have the loop wait for itself."
    " Await `response.get_data()`, or iterate over the stream with `async for`."
)


async def give_all(stream: AsyncIterator[bytes], go_on: asyncio.Event, give: Give) -> None:
    try:
        async for item in stream:
            await give(item)
            await go_on.wait()
    finally:
        await close_stream(stream)


def iterate_on_loop(
    stream: AsyncIterator[bytes], variables: Variables | None = None, *, is_held: bool = False
) -> Generator[bytes, None, None]:
    """Iterate over an async iterator from a thread; closing this iterator closes the stream, on the loop.

    The stream's code runs in a copy of the current context; if `variables` are given, in these, which the thread must
    not be in: if it `is_held`, it does not run between the first item and the request for another. Closing raises what
    closing the stream raises, not the error of an item that nobody has asked for.
    """
    if is_loop_thread():
        yield from iterate_in_place(stream)
        return
    go_on = asyncio.Event()
    if not is_held:
        go_on.set()
    iteration = LoopIteration(partial(give_all, stream, go_on))
    iteration.start_producing(variables)
    yield from items_of(iteration, go_on)


def items_of(iteration: LoopIteration, go_on: asyncio.Event) -> Generator[bytes, None, None]:
    """Generate what a stream on the loop gives, and let it go on for each item that is asked for."""
    try:
        while True:
            if running_loop() is iteration.loop:
                raise LoopNeeded(READ_ON_LOOP)
            if (item := iteration.next_item()) is None:
                break
            yield item
            if not go_on.is_set():
                iteration.loop.call_soon_threadsafe(go_on.set)
    except GeneratorExit:
        iteration.stop()
        while not is_loop_thread() and iteration.next_item() is not None:
            pass
        if iteration.was_interrupted and not isinstance(iteration.error, asyncio.CancelledError | None):
            raise iteration.error from None
        raise
    except BaseException:  # raised from outside while the thread waits, as by gunicorn's timeout
        iteration.stop()
        raise
    if iteration.error is not None:
        raise iteration.error


def iterate_in_place(stream: AsyncIterator[bytes]) -> Iterator[bytes]:
    """Iterate in the loop's own thread over a stream that never suspends."""
    try:
        while (item := run_in_place(anext, stream, END)) is not END:
            yield item
    except LoopNeeded as error:  # where it waits, it cannot be closed either
        raise LoopNeeded(READ_ON_LOOP) from error
    except BaseException:
        run_in_place(close_stream, stream)
        raise
    run_in_place(close_stream, stream)
