"""A body that is read late: its reader gets each byte once and in order, whoever received it meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from dualapp import DualApp, Response, request, stream_with_context

from ..support.entry_driver import Ask, Client

#: Longer than a request waits before somebody listens for its client.
LATE = 0.1
SIZES = [0, 1, 1000, 70_000, 1_500_000]
#: The sizes of the pieces in which a body arrives, in turn; None for all of it at once.
SPLITS: list[tuple[int, ...] | None] = [None, (16_384,), (1, 70_000, 0, 5), (600_000,)]


#: No two of its runs of four bytes that begin at a multiple of four are the same.
BYTES = b"".join(n.to_bytes(4, "big") for n in range(max(SIZES) // 4))


def body_of(size: int) -> bytes:
    return BYTES[:size]


def pieces(body: bytes, split: tuple[int, ...] | None) -> Iterator[bytes]:
    start = 0
    for size in itertools.cycle(split or (len(body),)):
        if start >= len(body):
            return
        yield body[start : start + size]
        start += size


def build() -> DualApp:
    app = DualApp(__name__)

    @app.post("/async/data")
    async def data_async() -> Any:
        await asyncio.sleep(LATE)
        return await request.get_data()

    @app.post("/def/data")
    def data() -> Any:
        time.sleep(LATE)
        return request.get_data()

    @app.post("/async/pieces")
    async def pieces_async() -> Any:
        await asyncio.sleep(LATE)
        return b"".join([chunk async for chunk in request.body])

    @app.post("/def/pieces")
    def read_in_pieces() -> Any:
        time.sleep(LATE)
        return b"".join(iter(lambda: request.stream.read(5000), b""))

    @app.post("/async/twice")
    async def twice_async() -> Any:
        """Begin to read at once, go on late, and end late again."""
        read = [chunk async for chunk in first(request.body, 1)]
        await asyncio.sleep(LATE)
        read += [chunk async for chunk in first(request.body, 2)]
        await asyncio.sleep(LATE)
        return b"".join([*read, await request.get_data()])

    @app.post("/def/twice")
    def twice() -> Any:
        read = request.stream.read(1)
        time.sleep(LATE)
        return read + request.stream.read(100_000) + request.get_data()

    @app.post("/async/thread")
    async def in_a_thread() -> Any:
        await asyncio.sleep(LATE)
        return await asyncio.to_thread(read_slowly)

    @app.post("/async/loop")
    async def on_another_loop() -> Any:
        await asyncio.sleep(LATE)
        return await asyncio.to_thread(lambda: asyncio.run(read_all()))

    @app.post("/async/stream")
    async def stream_async() -> Any:
        async def words() -> AsyncIterator[bytes]:
            yield b""
            await asyncio.sleep(LATE)
            async for chunk in request.body:
                yield chunk

        return Response(stream_with_context(words()))

    @app.post("/def/stream")
    def stream() -> Any:
        taken = request.stream

        def words() -> Iterator[bytes]:
            yield b""
            time.sleep(LATE)
            yield from iter(lambda: taken.read(50_000), b"")

        return Response(words())

    return app


async def first(chunks: AsyncIterator[bytes], count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        async for chunk in chunks:
            yield chunk
            break


async def read_all() -> bytes:
    return b"".join([chunk async for chunk in request.body])


def read_slowly() -> bytes:
    read = []
    while chunk := request.stream.read(40_000):
        read.append(chunk)
        time.sleep(0.001)
    return b"".join(read)


APP = build()
WAYS = sorted(rule.rule for rule in APP.url_map.iter_rules() if "POST" in (rule.methods or ()))


@pytest.mark.parametrize("entry", ["wsgi", "asgi"])
@pytest.mark.parametrize("has_length", [True, False], ids=["length", "chunked"])
@pytest.mark.parametrize("way", WAYS)
def test_each_byte_arrives_once(entry: str, way: str, has_length: bool) -> None:
    bodies = [(body_of(size), split) for size in SIZES for split in SPLITS if size or split is None]
    asks = [
        Ask("POST", way, (), list(pieces(body, split)), length=len(body) if has_length else None)
        for body, split in bodies
    ]
    for (body, split), answer in zip(bodies, Client(APP, entry).many(asks), strict=True):
        assert answer.error is None
        assert answer.status == 200
        assert answer.body == body, (len(body), split, len(answer.body))
