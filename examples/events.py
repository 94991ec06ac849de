"""Server-sent events: a page that shows them as they come, and goes on where it was if its connection breaks."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

from dualapp import DualApp, Event, EventStream, request

app = DualApp(__name__)

PAGE = """<!doctype html>
<title>Events</title>
<ol></ol>
<script>
  const source = new EventSource("/later/ticks/10");
  source.addEventListener("tick", (event) => {
    const item = document.createElement("li");
    item.textContent = JSON.parse(event.data).tick;
    document.querySelector("ol").append(item);
  });
  source.addEventListener("end", () => source.close());
</script>
"""


@app.get("/")
def page() -> str:
    return PAGE


@app.get("/ticks/<int:number>")
def ticks(number: int) -> EventStream:
    # What the browser has seen, if it connects again after its connection broke.
    seen = request.headers.get("Last-Event-ID", 0, type=int)

    def events() -> Iterator[Event]:
        for tick in range(seen, number):
            yield Event({"tick": tick}, event="tick", id=tick + 1)
            time.sleep(0.01)
        yield Event("", event="end")

    return EventStream(events())


@app.get("/later/ticks/<int:number>")
async def ticks_later(number: int) -> EventStream:
    seen = request.headers.get("Last-Event-ID", 0, type=int)

    async def events() -> AsyncIterator[Event]:
        for tick in range(seen, number):
            yield Event({"tick": tick}, event="tick", id=tick + 1)
            await asyncio.sleep(0.01)
        yield Event("", event="end")

    return EventStream(events())


if __name__ == "__main__":
    app.run()
