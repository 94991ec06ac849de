"""Read an event stream as a browser does (WHATWG HTML, section 9.2.6, "Interpreting an event stream")."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Dispatched:
    """An event as a listener gets it."""

    data: str
    type: str = "message"
    last_event_id: str = ""


class EventSource:
    """Takes an event stream chunk by chunk; `events` are those that were dispatched, `comments` counts the others."""

    def __init__(self) -> None:
        self.events: list[Dispatched] = []
        self.comments = 0
        self.reconnection_time: int | None = None
        self.last_event_id = ""
        self._pending = b""
        self._forget()

    def _forget(self) -> None:
        self._data, self._type = "", ""

    def feed(self, chunk: bytes) -> None:
        """Take a chunk, which may end anywhere but between CR and LF."""
        *lines, self._pending = re.split(rb"\r\n|\r|\n", self._pending + chunk)
        for line in lines:
            self._take(line.decode())

    def _take(self, line: str) -> None:
        if not line:
            self._dispatch()
            return
        field, _, value = line.partition(":")
        if not field:
            self.comments += 1
            return
        self._set(field, value.removeprefix(" "))

    def _set(self, field: str, value: str) -> None:
        if field == "event":
            self._type = value
        elif field == "data":
            self._data += value + "\n"
        elif field == "id" and "\0" not in value:
            self.last_event_id = value
        elif field == "retry" and re.fullmatch("[0-9]+", value):
            self.reconnection_time = int(value)

    def _dispatch(self) -> None:
        if self._data:
            self.events.append(Dispatched(self._data.removesuffix("\n"), self._type or "message", self.last_event_id))
        self._forget()


def read_events(body: bytes) -> list[Dispatched]:
    """Return the events of a whole stream."""
    source = EventSource()
    source.feed(body)
    return source.events
