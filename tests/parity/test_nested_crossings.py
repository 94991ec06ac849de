"""No wait is for work that only the waiting thread can do: random nestings of crossings, each of which must answer."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dualapp import DualApp, Response, stream_with_context
from dualapp.crossing.host_loop import host_loop
from dualapp.crossing.os_threads import SystemExecutor
from tests.support.entry_driver import AsgiExchange, Ask, WsgiExchange
from tests.support.waiting import LIMIT

DONE = "done"
ENTRIES = ("wsgi", "asgi")


class Nest:
    """An app whose views make the crossings that their path names, one within the other, down to the last one."""

    def __init__(self, threads: int) -> None:
        self.app = app = DualApp("nest")
        app.config["THREAD_POOL_SIZE"] = threads

        @app.get("/def/<crossings>")
        def sync_view(crossings: str) -> Any:
            return self.sync_step(crossings)

        @app.get("/async/<crossings>")
        async def async_view(crossings: str) -> Any:
            return await self.async_step(crossings)

        @app.get("/def-stream/<crossings>")
        def sync_stream(crossings: str) -> Any:
            def chunks() -> Iterator[str]:
                yield ""
                yield "["
                yield self.sync_step(crossings)
                yield "]"

            return Response(stream_with_context(chunks()))

        @app.get("/async-stream/<crossings>")
        async def async_stream(crossings: str) -> Any:
            async def chunks() -> AsyncIterator[str]:
                yield "["
                await asyncio.sleep(0)
                yield await self.async_step(crossings)
                yield "]"

            return Response(stream_with_context(chunks()))

        @app.before_request
        def hook() -> None:  # makes the pipeline of the async view cross, too
            pass

    # Each crossing of sync code leads to async code, and the other way round; a test client leads to either.

    def sync_step(self, crossings: str) -> str:
        first, rest = crossings[:1], crossings[1:]
        match first:
            case "a":
                return async_to_sync(self.async_step)(rest)
            case "b":
                return self.app.ensure_sync(self.async_step)(rest)
            case "c":
                return asyncio.run(self.async_step(rest))
            case "d":
                loop = asyncio.new_event_loop()
                try:
                    return loop.run_until_complete(self.async_step(rest))
                finally:
                    loop.close()
            case "e":
                return self.app.async_to_sync(self.async_step)(rest)
            case "f":
                return self.app.test_client().get(f"/async/{rest or 'z'}").text
            case "g":
                return self.app.test_client().get(f"/def/{rest or 'z'}").text
            case "h":
                return in_a_thread(self.sync_step, rest)
            case "i":
                return self.app.test_client(entry="asgi").get(f"/async/{rest or 'z'}").text
            case "j":
                return self.app.test_client(entry="asgi").get(f"/def/{rest or 'z'}").text
            case "k":
                with ThreadPoolExecutor(1) as executor:  # its thread has no context variables of the request
                    return executor.submit(self.sync_step, rest).result()
            case "l":
                return read(self.app.test_client().get(f"/async-stream/{rest or 'z'}"))
            case "m":
                return read(self.app.test_client().get(f"/def-stream/{rest or 'z'}"))
            case "n":
                return read(self.app.test_client(entry="asgi").get(f"/async-stream/{rest or 'z'}"))
            case "o":
                return read(self.app.test_client(entry="asgi").get(f"/def-stream/{rest or 'z'}"))
        return DONE

    async def async_step(self, crossings: str) -> str:
        first, rest = crossings[:1], crossings[1:]
        await asyncio.sleep(0)
        match first:
            case "a":
                return await sync_to_async(self.sync_step)(rest)
            case "b":
                return await self.app.ensure_async(self.sync_step)(rest)
            case "c":
                return await sync_to_async(self.sync_step, thread_sensitive=False)(rest)
            case "d":
                return await asyncio.to_thread(self.sync_step, rest)
            case "e":
                return await asyncio.create_task(self.async_step(rest))
            case "f":
                response = await self.app.test_client().get(f"/async/{rest or 'z'}")
                return str(await response.get_data(as_text=True))
            case "g":
                response = await self.app.test_client().get(f"/def/{rest or 'z'}")
                return str(await response.get_data(as_text=True))
            case "h":
                answer, _ = await asyncio.gather(self.async_step(rest), sync_to_async(str)())
                return answer
            case "i":
                response = await self.app.test_client(entry="wsgi").get(f"/async/{rest or 'z'}")
                return str(await response.get_data(as_text=True))
            case "j":
                response = await self.app.test_client(entry="wsgi").get(f"/def/{rest or 'z'}")
                return str(await response.get_data(as_text=True))
            case "k":
                return await asyncio.get_running_loop().run_in_executor(None, self.sync_step, rest)
            case "l":
                return await read_async(await self.app.test_client().get(f"/async-stream/{rest or 'z'}"))
            case "m":
                return await read_async(await self.app.test_client().get(f"/def-stream/{rest or 'z'}"))
            case "n":
                answers = await asyncio.gather(*(asyncio.to_thread(self.sync_step, rest) for _ in range(2)))
                return answers[0]
        return DONE


def read(response: Any) -> str:
    """Read a stream chunk by chunk."""
    return b"".join(response.iter_encoded()).decode().strip("[]")


async def read_async(response: Any) -> str:
    """Read a stream chunk by chunk."""
    return b"".join([chunk async for chunk in response.response]).decode().strip("[]")


def in_a_thread(func: Callable[..., Any], *args: Any, wait: float | None = None) -> Any:
    """Call a function in a thread that no loop knows of."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(func(*args))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=contextvars.copy_context().run, args=[run], daemon=True).start()
    return future.result(wait)


def serve_wsgi(nest: Nest, path: str, requests: int, threads: int) -> list[str]:
    host_loop.get().set_default_executor(SystemExecutor("few", threads))
    waiting: list[Future[str]] = [Future() for _ in range(requests)]

    def answer(future: Future[str]) -> None:
        try:
            future.set_result(WsgiExchange(Ask("GET", path)).run(nest.app.wsgi).text)
        except BaseException as error:
            future.set_exception(error)

    for future in waiting:
        threading.Thread(target=answer, args=[future], daemon=True).start()
    return [future.result(LIMIT) for future in waiting]


def serve_asgi(nest: Nest, path: str, requests: int, threads: int) -> list[str]:
    async def answer() -> str:
        return (await AsgiExchange(Ask("GET", path)).run(nest.app.asgi)).text

    async def answer_all() -> list[str]:
        asyncio.get_running_loop().set_default_executor(SystemExecutor("few", threads))
        return await asyncio.gather(*(answer() for _ in range(requests)))

    # In a thread, since the loop itself may hang.
    answers: list[str] = in_a_thread(asyncio.run, answer_all(), wait=LIMIT)
    return answers


@pytest.mark.parametrize("serve", [serve_wsgi, serve_asgi], ids=ENTRIES)
@given(
    crossings=st.text("abcdefghijklmno", min_size=1, max_size=5),
    colour=st.sampled_from(["def", "async"]),
    requests=st.sampled_from([1, 2, 5, 50]),
    threads=st.integers(1, 4),
)
@example("cf", "def", 1, 1)
@example("hdg", "def", 5, 2)
@example("cgcg", "def", 1, 1)
@example("agcf", "def", 1, 1)
@example("jcg", "def", 50, 1)
@example("o", "def", 5, 1)
@example("oca", "def", 1, 4)
@example("kco", "def", 5, 1)
@example("dbn", "async", 1, 1)
@settings(max_examples=100, deadline=None)
def test_every_nesting_answers(
    serve: Callable[..., list[str]], crossings: str, colour: str, requests: int, threads: int
) -> None:
    answers = serve(Nest(threads), f"/{colour}/{crossings}", requests, threads)
    assert answers == [DONE] * requests
