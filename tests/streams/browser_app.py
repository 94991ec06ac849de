"""A page that listens to event streams of both colours, and reports what it was sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from dualapp import DualApp, Event, EventStream, request

app = DualApp(__name__)
reports: dict[str, list[list[str]]] = {}

PAGE = """<!doctype html>
<title>Events</title>
<script>
  for (const colour of ["sync", "async"]) {
    const got = [], source = new EventSource(`/${colour}/events`);
    const note = (event) => got.push([event.type, event.data, event.lastEventId]);
    for (const type of ["message", "json", "resumed"]) source.addEventListener(type, note);
    source.addEventListener("end", () => {
      source.close();
      fetch(`/reports/${colour}`, {
        method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(got),
      });
    });
  }
</script>
"""
#: A first connection gets these, and then breaks; the browser connects again, with the last id.
FIRST = [Event(retry=1), "a\r\nb\rc\nd", None, Event({"n": 1}, event="json"), "", Event("\N{SNOWMAN}", id="é 7")]


def rest() -> list[Event]:
    """What a browser gets that connects again: the header is UTF-8, which WSGI gives as Latin-1 (PEP 3333)."""
    seen = request.headers["Last-Event-ID"].encode("latin-1").decode()
    return [Event(seen, event="resumed"), Event("", event="end")]


@app.get("/")
def page() -> str:
    return PAGE


@app.get("/sync/events")
def events() -> EventStream:
    chosen = rest() if "Last-Event-ID" in request.headers else FIRST

    def generate() -> Iterator[Any]:
        yield from chosen

    return EventStream(generate())


@app.get("/async/events")
async def events_async() -> EventStream:
    chosen = rest() if "Last-Event-ID" in request.headers else FIRST

    async def generate() -> AsyncIterator[Any]:
        for event in chosen:
            await asyncio.sleep(0.01)
            yield event

    return EventStream(generate(), ping=0.001)


@app.post("/reports/<colour>")
def report(colour: str) -> str:
    reports[colour] = request.get_json()
    return "noted"


@app.get("/reports")
def reported() -> dict[str, Any]:
    return reports
