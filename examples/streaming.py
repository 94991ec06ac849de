"""Bodies in pieces: out of a generator, out of an async generator, and out of a request as it comes in."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import count

from dualapp import DualApp, request, stream_with_context

app = DualApp(__name__)

PLAIN = {"Content-Type": "text/plain; charset=utf-8"}


@app.get("/lines/<int:number>")
def lines(number: int) -> tuple[Iterator[str], dict[str, str]]:
    return (f"line {line}\n" for line in range(number)), PLAIN


@app.get("/later/lines/<int:number>")
async def lines_later(number: int) -> tuple[AsyncIterator[str], dict[str, str]]:
    async def lines() -> AsyncIterator[str]:
        for line in range(number):
            yield f"line {line}\n"
            await asyncio.sleep(0.001)

    return lines(), PLAIN


@app.get("/forever")
async def forever() -> tuple[AsyncIterator[str], dict[str, str]]:
    # Ends when the client goes away: the server closes the generator.
    async def ticks() -> AsyncIterator[str]:
        for tick in count():
            yield f"tick {tick}\n"
            await asyncio.sleep(0.01)

    return ticks(), PLAIN


@app.get("/shout")
def shout() -> tuple[Iterator[str], dict[str, str]]:
    @stream_with_context
    def words() -> Iterator[str]:
        # The generator runs after the view has returned; stream_with_context keeps the request for it.
        for word in request.args.getlist("word"):
            yield word.upper() + "\n"

    return words(), PLAIN


@app.post("/size")
def size() -> dict[str, int]:
    return {"bytes": sum(map(len, iter(lambda: request.stream.read(65536), b"")))}


@app.post("/later/size")
async def size_later() -> dict[str, int]:
    total = 0
    async for piece in request.body:
        total += len(piece)
    return {"bytes": total}


if __name__ == "__main__":
    app.run()
