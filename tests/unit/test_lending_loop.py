"""The loop that lends itself: who steps which task, and that nothing is left undone."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from dualapp.crossing.bridge import LoopRunner
from dualapp.crossing.host_loop import host_loop
from dualapp.crossing.lending_loop import MOST_EVENTS, LendingLoop
from dualapp.crossing.thread_pool import Threads
from dualapp.crossing.waiting_threads import current_call
from tests.support.waiting import LIMIT, wait_for

mine = threading.get_ident


def settled() -> LendingLoop:
    """The host loop, asleep: so that it can be borrowed."""
    loop = host_loop.get()
    assert isinstance(loop, LendingLoop)
    wait_for(lambda: not loop._lending_selector.turn.locked())
    return loop


def run(func: Callable[..., Any], *args: Any) -> Any:
    settled()
    return LoopRunner().run(func, *args)


async def here() -> tuple[int, asyncio.AbstractEventLoop]:
    return mine(), asyncio.get_running_loop()


def test_a_thread_runs_its_coroutine_itself_on_the_one_loop() -> None:
    assert run(here) == (mine(), host_loop.get())
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()


def test_a_task_is_stepped_by_one_thread_however_long_it_waits() -> None:
    """Where a greenlet, as SQLAlchemy's, goes on in another thread, it is an error."""

    async def waiting() -> set[int]:
        threads = {mine()}
        for _ in range(3):
            await asyncio.sleep(0.001)
            threads.add(mine())
        async with asyncio.timeout(LIMIT):
            await asyncio.to_thread(time.sleep, 0.001)
        return threads | {mine()}

    assert run(waiting) == {mine()}


def test_tasks_that_it_starts_are_stepped_by_the_loops_thread() -> None:
    async def child() -> set[int]:
        before = mine()
        await asyncio.sleep(0)
        return {before, mine()}

    async def parent() -> list[set[int]]:
        return await asyncio.gather(child(), child())

    first, second = run(parent)
    assert first == second
    assert len(first) == 1
    assert first != {mine()}


def test_after_it_was_seen_to_wait_it_runs_in_the_loops_thread() -> None:
    async def sometimes(waits: bool) -> int:
        if waits:
            await asyncio.sleep(0)
        return mine()

    habit = LoopRunner()
    threads = []
    for waits in (False, False, True, False):
        settled()
        threads.append(habit.run(sometimes, waits))
    assert [thread == mine() for thread in threads] == [True, True, True, False]


@pytest.mark.parametrize(
    "leave",
    [
        lambda loop, done: loop.call_soon(done.set),
        lambda loop, done: loop.call_later(0.01, done.set),
        lambda loop, done: loop.run_in_executor(None, done.set),
        lambda loop, done: loop.create_task(wait_and_set(done)),
    ],
    ids=["callback", "timer", "executor", "task"],
)
def test_what_is_left_to_the_loop_is_done_by_its_thread_soon(leave: Callable[..., Any]) -> None:
    done = threading.Event()

    async def leaving() -> None:
        leave(asyncio.get_running_loop(), done)

    run(leaving)
    assert done.wait(LIMIT)


async def wait_and_set(done: threading.Event) -> None:
    await asyncio.sleep(0.01)
    done.set()


@pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt])
def test_it_is_done_too_if_the_step_ends_the_thread(end: type[BaseException]) -> None:
    loop, done = settled(), threading.Event()

    def leaving() -> None:
        loop.call_soon(done.set)
        raise end

    with pytest.raises(end):
        loop.call_here(leaving)
    assert done.wait(LIMIT)


@pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt])
def test_a_task_that_ends_a_thread_does_not_end_that_of_the_loop(end: type[BaseException]) -> None:
    """Not while it is borrowed, nor while a borrower waits for its turn."""
    loop, ended = settled(), threading.Event()

    async def ending() -> None:
        time.sleep(0.01)  # holds the loop: the borrower's next step must wait
        raise end

    async def borrowing() -> set[int]:
        task = loop.create_task(ending())
        task.add_done_callback(lambda task: task.exception() and ended.set())
        threads = {mine()}
        await asyncio.sleep(0.005)
        await asyncio.wait([task])
        return threads | {mine()}

    for _ in range(20):
        ended.clear()
        assert run(borrowing) == {mine()}
        assert ended.wait(LIMIT)


def test_sync_code_that_it_sends_back_runs_in_the_waiting_thread_with_no_loop() -> None:
    def sync() -> tuple[int, bool]:
        return mine(), asyncio._get_running_loop() is None

    async def sending() -> Any:
        return await sync_to_async(sync)()

    assert run(sending) == (mine(), True)


def test_errors_cancellation_and_timeouts_arrive() -> None:
    async def failing() -> None:
        raise ValueError("of my own")

    async def too_slow() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()

    async def cancelled() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    for func, error in [(failing, ValueError), (too_slow, TimeoutError), (cancelled, asyncio.CancelledError)]:
        with pytest.raises(error):
            run(func)
    assert not settled()._borrowed_tasks


def test_an_async_generator_that_is_forgotten_is_closed_on_the_loop() -> None:
    closed = threading.Event()

    async def stream() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            closed.set()

    async def forgetting() -> None:
        async for _ in stream():
            break

    run(forgetting)
    assert closed.wait(LIMIT)


class Stopped(BaseException):
    pass


def test_a_task_whose_thread_is_stopped_is_cancelled_by_the_loops_thread() -> None:
    ended_by: list[int] = []
    ended = threading.Event()

    def stop() -> None:
        raise Stopped

    async def waiting() -> None:
        try:
            # What asgiref runs in the waiting thread may raise there, as a signal's handler does.
            asyncio.get_running_loop().call_soon(visit_of_this_thread().put, stop)
            await asyncio.sleep(LIMIT)
        finally:
            ended_by.append(mine())
            ended.set()

    with pytest.raises(Stopped):
        run(waiting)
    assert ended.wait(LIMIT)
    assert ended_by != [mine()]
    assert not settled()._borrowed_tasks


def visit_of_this_thread() -> Any:
    return current_call.get()._work


def test_a_loop_that_is_busy_is_not_waited_for() -> None:
    loop, is_busy = settled(), threading.Event()

    def block() -> None:
        waiting = len(loop._ready)
        is_busy.set()
        wait_for(lambda: len(loop._ready) > waiting)  # until what is not run at once has come to wait there

    loop.call_soon_threadsafe(block)
    assert is_busy.wait(LIMIT)
    thread, _ = LoopRunner().run(here)
    assert thread != mine()


def test_a_loop_in_debug_mode_is_not_borrowed() -> None:
    """asyncio then minds in which thread its functions are called."""
    loop = settled()
    loop.set_debug(True)
    try:
        assert run(here)[0] != mine()
    finally:
        loop.set_debug(False)


def test_many_threads_borrow_one_loop_while_timers_go_on() -> None:
    ticks = 0

    async def ticking() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    async def start() -> asyncio.Task[None]:
        return asyncio.create_task(ticking())

    inside = 0

    async def alone(number: int) -> int:
        nonlocal inside
        inside += 1
        assert inside == 1, "two threads ran the loop at the same time"
        inside -= 1
        if number % 5 == 0:
            await asyncio.sleep(0.0001)
        return number

    task = run(start)
    with ThreadPoolExecutor(8) as threads:
        numbers = list(threads.map(lambda number: LoopRunner().run(alone, number), range(2000)))
    settled().call_soon_threadsafe(task.cancel)
    assert numbers == list(range(2000))
    assert ticks > 10
    assert not settled()._borrowed_tasks


def test_callbacks_that_go_on_until_a_step_is_taken_do_not_hold_it_up() -> None:
    """So does anyio cancel: it calls itself at each turn of the loop until the task has ended."""
    rounds = 0

    async def nagged() -> str:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        woken = loop.create_future()

        def nag() -> None:
            nonlocal rounds
            rounds += 1
            if not woken.done():
                woken.set_result(None)
            if not task.done():
                loop.call_soon(nag)

        loop.call_soon(nag)
        await woken
        await asyncio.sleep(0)
        return "free"

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(run, nagged).result(LIMIT) == "free"
    assert rounds


def test_the_loops_thread_has_its_turn_beside_those_who_borrow_all_the_time() -> None:
    loop, ticks = settled(), 0

    def tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks < 20:
            loop.call_later(0.005, tick)

    def has_ticked() -> bool:
        habit.run(here)
        return ticks == 20

    loop.call_soon_threadsafe(tick)
    habit = LoopRunner()
    wait_for(has_ticked, pause=0)


def test_what_a_thread_gives_is_taken_by_the_thread_of_the_task() -> None:
    async def hop() -> list[int]:
        hops = [mine()]
        for _ in range(4):
            await threads.call(time.sleep, 0.01)
            hops.append(mine())
        return hops

    threads = Threads("lent", lambda: 1)
    assert {len(set(run(hop))) for _ in range(4)} == {1}


def test_those_who_call_are_not_kept_waiting_by_all_files_that_are_ready_and_no_file_is_forgotten() -> None:
    loop, turns = LendingLoop(), [0] * 200
    pairs = [socket.socketpair() for _ in turns]

    def take_turn(number: int) -> None:
        turns[number] += 1
        if sum(turns) == 1:
            loop.call_soon(lambda: others.append(sum(turns)))
        if sum(turns) == 3 * len(turns):
            loop.stop()

    others: list[int] = []
    for number, (ours, theirs) in enumerate(pairs):
        theirs.send(b"x")
        loop.add_reader(ours, take_turn, number)
    loop.run_forever()
    assert others == [MOST_EVENTS]
    assert set(turns) == {3}
    close(loop, pairs)


def test_a_file_that_was_ready_and_is_closed_is_not_taken_for_the_next_one_of_its_number() -> None:
    loop = LendingLoop()
    pairs = [socket.socketpair() for _ in range(3 * MOST_EVENTS)]
    numbers = {ours.fileno() for ours, _ in pairs}
    new: list[tuple[socket.socket, socket.socket]] = []

    def close_others(mine: socket.socket) -> None:
        loop.remove_reader(mine)
        for ours, theirs in pairs:
            if ours is not mine and ours.fileno() >= 0:
                loop.remove_reader(ours)
                ours.close()
                theirs.close()
        for _ in pairs:
            new.append(socket.socketpair())
            for each in new[-1]:
                loop.add_reader(each, pytest.fail, "nobody has written to it")
        loop.call_later(0.01, loop.stop)

    for ours, theirs in pairs:
        theirs.send(b"x")
        loop.add_reader(ours, close_others, ours)
    loop.run_forever()
    assert {each.fileno() for pair in new for each in pair} & numbers
    close(loop, pairs + new)


def close(loop: LendingLoop, pairs: list[tuple[socket.socket, socket.socket]]) -> None:
    loop.close()
    for pair in pairs:
        for each in pair:
            each.close()
