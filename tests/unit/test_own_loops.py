"""Loops that asgiref is given for the async code of a mounted WSGI app."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async

from dualapp.crossing.own_loops import call_with_own_loops


async def thread_and_loop() -> tuple[int, int]:
    return threading.get_ident(), id(asyncio.get_running_loop())


def test_calls_of_one_thread_are_in_another_and_sync_code_that_they_call_is_in_it() -> None:
    def app() -> list[Any]:
        return [threading.get_ident(), async_to_sync(thread_and_loop)(), async_to_sync(back)()]

    async def back() -> int:
        return await sync_to_async(threading.get_ident)()

    here, there, back_here = call_with_own_loops(app)
    assert here == back_here != there[0]
