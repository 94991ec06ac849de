"""Server-sent events: a response whose body is a stream of events (WHATWG HTML, section 9.2, "Server-sent events")."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, takewhile
from typing import Any

import flask
from werkzeug.wsgi import ClosingIterator

from ..compat.upstream import request_context
from ..crossing.coroutines import close_stream
from ..crossing.gaps import fill_gaps
from .response import Response

#: A comment, which an `EventSource` ignores, and the blank line after which some proxies pass on what they hold.
PING = ":\n\n"
#: Seconds after which a comment is sent for an async generator that waits; proxies commonly give up after 60.
PING_INTERVAL = 15.0
#: Only these end a line of an event stream; str.splitlines() knows more.
line_ends = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Event:
    """An event of an `EventStream`.

    `data` is text of any number of lines, or what the app's JSON provider can write. `event` is its type, "message" to
    the client unless given. The client sends the last `id` in the header Last-Event-ID when it connects again, which it
    does after `retry` milliseconds. Without data, `id` and `retry` are set and no event is dispatched.

    Raises ValueError for a type or an id that would break out of its field, TypeError for values of other types.
    """

    data: Any = None
    event: str | None = None
    id: str | int | None = None
    retry: int | None = None

    def __post_init__(self) -> None:
        require("event", self.event, str)
        require("id", self.id, str, int)
        require("retry", self.retry, int)
        if self.event is not None and line_ends.search(self.event):
            raise ValueError(f"The type of an event must be one line: event={self.event!r}.")
        if self.id is not None and (line_ends.search(str(self.id)) or "\0" in str(self.id)):
            raise ValueError(f"The id of an event must be one line without NUL: id={self.id!r}.")
        if self.retry is not None and self.retry < 0:
            raise ValueError(f"An event's retry is in milliseconds, 0 or more: retry={self.retry!r}.")

    def framed(self, dumps: Callable[[Any], str]) -> str:
        """Return the event as it is sent; `dumps` writes data that is not text."""
        fields = {"event": self.event, "id": self.id, "retry": self.retry}
        lines = [f"{name}: {value}\n" for name, value in fields.items() if value is not None]
        if self.data is not None:
            text = self.data if isinstance(self.data, str) else dumps(self.data)
            lines += [f"data: {line}\n" for line in line_ends.split(text)]
        return "".join(lines) + "\n"


class EventStream(Response):
    """A response of server-sent events, made of a generator of either colour or another iterable.

    The generator yields the data of an event as text, or as anything that the app's JSON provider can write, or an
    `Event`, or None for a comment. The headers are sent at once, before the first event, and there is no timeout.

    An async generator that has yielded nothing for `ping` seconds (15) has a comment sent for it: proxies keep the
    connection open, and a WSGI server notices that the client has left. A sync generator blocks its thread while it
    waits; so it waits with a timeout of its own, and then yields None.

    When the app shuts down before its server has ended the stream, as under gunicorn's WSGI workers, it ends with the
    next event or comment, and the browser connects again.

    Raises TypeError if `events` is not iterable or is a single event, or if `ping` is given for a sync iterable, and
    ValueError for a `ping` of 0 or less.
    """

    def __init__(self, events: Iterable[Any] | AsyncIterable[Any], *, ping: float | None = None) -> None:
        super().__init__(iter(()), mimetype="text/event-stream")
        self.response = stream_of(events, ping)
        self.timeout = None
        self.headers["Cache-Control"] = "no-cache"
        self.headers["X-Accel-Buffering"] = "no"  # nginx would hold events back until its buffer is full


def stream_of(events: Iterable[Any] | AsyncIterable[Any], ping: float | None) -> ClosingIterator | AsyncIterator[str]:
    require_events(events, ping)
    app: Any = flask.current_app or None
    dumps = flask.json.dumps if app is None else app.json.dumps
    is_over = bool if app is None else app.shutdown_event.is_set
    if isinstance(events, AsyncIterable):
        variables = getattr(request_context(None), "variables", None)
        return fill_gaps(frames_of(events, dumps), PING, PING_INTERVAL if ping is None else ping, is_over, variables)
    frames: Iterator[Any] = takewhile(lambda _: not is_over(), chain([PING], map(partial(framed, dumps), events)))
    return ClosingIterator(frames, getattr(events, "close", None))


def require_events(events: object, ping: float | None) -> None:
    """Raise TypeError or ValueError unless an `EventStream` can be made of these."""
    is_async = isinstance(events, AsyncIterable)
    if not is_async and (not isinstance(events, Iterable) or isinstance(events, str | bytes | dict)):
        hint = " Call the generator function." if callable(events) else ""
        raise TypeError(f"EventStream takes a generator or another iterable of events, not {events!r}.{hint}")
    if ping is not None and not ping > 0:
        raise ValueError(f"An EventStream's ping is in seconds, more than 0: ping={ping!r}.")
    if ping is not None and not is_async:
        raise TypeError(
            "EventStream has no `ping` for a sync iterable, which blocks its thread while it waits: have it wait with a"
            " timeout and yield None, or make it an async generator."
        )


async def frames_of(events: AsyncIterable[Any], dumps: Callable[[Any], str]) -> AsyncIterator[str]:
    """Iterate over the events as they are sent; closing this generator closes the events."""
    iterator = aiter(events)
    try:
        yield PING
        async for event in iterator:
            yield framed(dumps, event)
    finally:
        await close_stream(iterator)


def framed(dumps: Callable[[Any], str], event: Any) -> str:
    if event is None:
        return PING
    return (event if isinstance(event, Event) else Event(event)).framed(dumps)


def require(name: str, value: Any, *types: type) -> None:
    """Raise TypeError unless an attribute of an event is of one of the types, or None."""
    if value is not None and (not isinstance(value, types) or isinstance(value, bool)):
        raise TypeError(f"An event's {name} must be {' or '.join(kind.__name__ for kind in types)}, not {value!r}.")
