"""Run anyio's `to_thread.run_sync` in the loop's executor under gevent.

Starlette and FastAPI run `def` endpoints, files and uploads through it. A thread that anyio starts would be a greenlet
of the thread in which the host loop runs, which never runs any: the request would wait for ever.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from importlib import import_module
from typing import Any, TypeVar

from .context_variables import call_contained

T = TypeVar("T")


def give_executor_to_anyio() -> None:
    """Replace anyio's function, if the app has imported anyio."""
    if "anyio" in sys.modules:
        to_thread: Any = import_module("anyio.to_thread")
        to_thread.run_sync = run_sync


async def run_sync(
    func: Callable[..., T], *args: Any, abandon_on_cancel: bool = False, limiter: Any = None, **_: Any
) -> T:
    """Call a function in a thread, as anyio does."""
    anyio: Any = import_module("anyio")
    await asyncio.sleep(0)  # a point at which a scope that was cancelled ends it, as anyio has it
    call = partial(copy_context().run, call_contained, func, *args)
    async with limiter or anyio.to_thread.current_default_thread_limiter():
        with anyio.CancelScope(shield=not abandon_on_cancel):
            return await asyncio.get_running_loop().run_in_executor(None, call)
