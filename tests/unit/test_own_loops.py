"""Loops that asgiref is given for the async code of a mounted WSGI app."""

from __future__ import annotations

import asyncio
import gc
import threading
from contextlib import suppress
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from dualapp.crossing.os_threads import new_queue, start_thread
from dualapp.crossing.own_loops import call_with_own_loops
from tests.support.waiting import LIMIT


async def thread_and_loop() -> tuple[int, int]:
    return threading.get_ident(), id(asyncio.get_running_loop())


def test_calls_of_one_thread_are_in_another_and_sync_code_that_they_call_is_in_it() -> None:
    def app() -> list[Any]:
        return [threading.get_ident(), async_to_sync(thread_and_loop)(), async_to_sync(back)()]

    async def back() -> int:
        return await sync_to_async(threading.get_ident)()

    here, there, back_here = call_with_own_loops(app)
    assert here == back_here != there[0]


@pytest.mark.filterwarnings("ignore:coroutine 'thread_and_loop' was never awaited")
def test_a_call_for_which_there_can_be_no_loop_fails_and_the_next_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_loop() -> None:
        raise OSError(24, "Too many open files")

    results = new_queue()

    def call() -> None:
        result: Any = "failed"
        with suppress(OSError):
            result = call_with_own_loops(async_to_sync(thread_and_loop))
        results.put(result)

    with monkeypatch.context() as without_loops:
        without_loops.setattr(asyncio.events, "new_event_loop", no_loop)
        start_thread(call, "test")
        assert results.get(timeout=LIMIT) == "failed"
    gc.collect()  # the coroutine, which asgiref has made before
    start_thread(call, "test")
    assert isinstance(results.get(timeout=LIMIT), tuple)
