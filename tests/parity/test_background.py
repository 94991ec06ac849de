"""Tasks in the background: what is refused, how many threads they get, and loops that end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import threading
from typing import Any

import pytest

from dualapp import DualApp, got_background_exception

from ..conftest import Serve
from ..support.entry_driver import Ask, Client
from ..support.waiting import LIMIT, wait_for


async def job() -> None: ...


def in_background(serve: Serve, *tasks: Any) -> Client:
    """An app whose view leaves the tasks to the background."""

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            for task in tasks:
                app.add_background_task(task)
            return "here"

        @app.get("/def")
        def plain() -> str:
            return "here"

    return serve(build, twin=False)


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (job, r"takes a function, not its coroutine: pass job, not job\(...\)"),
        (lambda: 3, "not 3: pass the function without calling it"),
        (lambda: None, "not None: pass the function without calling it"),
        (lambda: (value for value in ()), "pass the function without calling it"),
    ],
    ids=["coroutine", "number", "None", "generator"],
)
def test_what_is_no_function_is_refused_at_once(serve: Serve, make: Any, remedy: str) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            with pytest.raises(TypeError, match=remedy):
                app.add_background_task(make())
            return "refused"

    client = serve(build, twin=False)
    assert client.get("/").text == "refused"
    gc.collect()  # a coroutine that was never awaited fails this test
    assert client.app._lifespan.is_idle


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_objects_that_can_be_called_are_taken(serve: Serve, colour: str) -> None:
    seen: list[str] = []

    async def async_note(text: str) -> None:
        seen.append(text)

    class Sync:
        def __call__(self) -> None:
            seen.append("object")

    class Async:
        async def __call__(self) -> None:
            seen.append("object")

    note = {"sync": seen.append, "async": async_note}[colour]
    in_background(serve, functools.partial(note, "partial"), {"sync": Sync, "async": Async}[colour]()).get("/")
    wait_for(lambda: len(seen) == 2)
    assert sorted(seen) == ["object", "partial"]


def test_a_cancellation_that_nobody_asked_for_is_reported(serve: Serve, without_log: None) -> None:
    seen: list[str] = []

    def receive(sender: object, exception: BaseException) -> None:
        seen.append(type(exception).__name__)

    async def awaits_what_is_cancelled() -> None:
        task = asyncio.create_task(asyncio.sleep(LIMIT))
        task.cancel()
        await task

    client = in_background(serve, awaits_what_is_cancelled)
    with got_background_exception.connected_to(receive, client.app):
        client.get("/")
        wait_for(lambda: seen)
    assert seen == ["CancelledError"]


# ------------------------------------------------------------------------------------------------------------- threads


def test_slow_functions_do_not_keep_views_waiting(serve: Serve) -> None:
    gate, begun = threading.Event(), threading.Semaphore(0)

    def slow() -> None:
        begun.release()
        gate.wait(LIMIT)

    client = in_background(serve, *[slow] * 45)
    try:
        assert client.app.config["BACKGROUND_THREAD_POOL_SIZE"] == client.app.config["THREAD_POOL_SIZE"] == 40
        client.get("/")
        for _ in range(40):
            assert begun.acquire(timeout=LIMIT)
        assert client.get("/def").text == "here"
        assert not begun.acquire(blocking=False)
    finally:
        gate.set()
    wait_for(lambda: client.app._lifespan.is_idle)


def test_the_number_of_threads_is_a_setting(serve: Serve) -> None:
    gate, lock = threading.Event(), threading.Lock()
    names: set[str] = set()
    ended: list[str] = []

    def slow() -> None:
        with lock:
            names.add(threading.current_thread().name)
        gate.wait(LIMIT)
        ended.append("ended")

    client = in_background(serve, *[slow] * 6)
    client.app.config["BACKGROUND_THREAD_POOL_SIZE"] = 2
    client.get("/")
    wait_for(lambda: len(names) == 2)
    gate.set()
    wait_for(lambda: len(ended) == 6)
    assert names == {f"{client.app.name}-background_1", f"{client.app.name}-background_2"}


# ---------------------------------------------------------------------------------------------------------- their end


async def swallow() -> None:
    """Go on whatever is thrown."""
    while True:
        with contextlib.suppress(BaseException):
            await asyncio.sleep(LIMIT)


async def swallow_cancellation() -> None:
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(LIMIT)


@pytest.mark.parametrize("stubborn", [swallow_cancellation, swallow])
def test_a_coroutine_that_swallows_its_cancellation_is_left(
    serve: Serve, stubborn: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = in_background(serve, stubborn)
    client.app.config["BACKGROUND_TASK_SHUTDOWN_TIMEOUT"] = 0.01

    async def live() -> str:
        answer = await Client(client.app, "asgi").speak_asgi(Ask())
        await client.app.shutdown()
        return answer.text

    if serve.entry == "asgi":
        assert asyncio.run(live()) == "here"  # asyncio.run waits for all tasks of its loop
    else:
        client.get("/")
        client.app._lifespan.stop()
    assert [record.message for record in caplog.records] == [
        f"Background task {__name__}.{stubborn.__name__} goes on after it was cancelled: it is left behind"
    ]
    assert client.app._lifespan.is_idle
    gc.collect()  # must not resume it


def test_a_thread_that_does_not_end_is_left(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    gate, began = threading.Event(), threading.Event()
    ran: list[str] = []

    def hang() -> None:
        began.set()
        gate.wait(LIMIT)

    def queued() -> None:
        ran.append("ran")

    client = in_background(serve, hang, queued)
    client.app.config.update(BACKGROUND_TASK_SHUTDOWN_TIMEOUT=0.01, BACKGROUND_THREAD_POOL_SIZE=1)

    async def live() -> None:
        await Client(client.app, "asgi").speak_asgi(Ask())
        await asyncio.to_thread(began.wait, LIMIT)
        await client.app.shutdown()

    try:
        if serve.entry == "asgi":
            asyncio.run(live())
        else:
            client.get("/")
            assert began.wait(LIMIT)
            client.app._lifespan.stop()
        # On a slow machine the teardown of the other may be late, too.
        assert "hang goes on after it was cancelled: it is left behind" in [
            record.message.split(".")[-1] for record in caplog.records
        ]
    finally:
        gate.set()
    assert ran == []  # what had no thread yet is not begun after its cancellation


def test_a_thread_that_is_blocked_on_a_coroutine_that_swallows_its_cancellation_is_left(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    began, ended = threading.Event(), threading.Event()

    async def begin_and_swallow() -> None:
        began.set()
        await swallow_cancellation()

    def blocked() -> None:
        try:
            client.app.ensure_sync(begin_and_swallow)()
        finally:
            ended.set()

    client = in_background(serve, blocked)
    client.app.config["BACKGROUND_TASK_SHUTDOWN_TIMEOUT"] = 0.01

    async def live() -> None:
        await Client(client.app, "asgi").speak_asgi(Ask())
        await asyncio.to_thread(began.wait, LIMIT)
        await client.app.shutdown()

    if serve.entry == "asgi":
        asyncio.run(live())
    else:
        client.get("/")
        assert began.wait(LIMIT)
        client.app._lifespan.stop()
    assert ended.wait(LIMIT)
    assert [record.message.split(".")[-1] for record in caplog.records] == [
        "blocked goes on after it was cancelled: it is left behind"
    ]


def test_a_task_added_by_the_last_request_is_waited_for(serve: Serve) -> None:
    ended: list[str] = []

    async def end() -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        ended.append("ended")

    client = in_background(serve, end, lambda: ended.append("ended"))
    client.app.config["BACKGROUND_TASK_SHUTDOWN_TIMEOUT"] = LIMIT

    async def live() -> None:
        await Client(client.app, "asgi").speak_asgi(Ask())
        await client.app.shutdown()

    if serve.entry == "asgi":
        asyncio.run(live())
    else:
        client.get("/")
        client.app._lifespan.stop()
    assert ended == ["ended"] * 2


def test_tasks_of_a_closed_loop_are_forgotten(serve: Serve) -> None:
    async def wait() -> None:
        await asyncio.sleep(LIMIT)

    client = in_background(serve, wait)
    client.app.config["BACKGROUND_TASK_SHUTDOWN_TIMEOUT"] = LIMIT

    async def ask() -> None:
        if serve.entry == "asgi":
            await Client(client.app, "asgi").speak_asgi(Ask())
        else:
            await client.app.test_client().get("/")
        await asyncio.sleep(0)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(ask())
    tasks = asyncio.all_tasks(loop)
    loop.close()
    asyncio.run(client.app.shutdown())
    assert client.app._lifespan.is_idle
    for task in tasks:
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # as loops that are closed too early leave them
