"""An app whose hooks, views and streams keep tokens of a context variable that others of them give back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from itertools import product
from typing import Any

import flask

from dualapp import Blueprint, DualApp, EventStream, Response, current_app, g, request, stream_with_context

from .events import note

app = DualApp(__name__)
app.config["RESPONSE_TIMEOUT"] = None
TRACE: ContextVar[tuple[str, ...]] = ContextVar("TRACE", default=())
COLOURS = ("def", "async")
BLOCK = "x" * 65536


def mark(place: str) -> Any:
    return TRACE.set((*TRACE.get(), place))


def coloured(colour: str, func: Callable[..., Any]) -> Callable[..., Any]:
    if colour == "def":
        return func

    async def run(*args: Any) -> Any:
        await asyncio.sleep(0.001)
        return func(*args)

    return run


def begin() -> None:
    g.first = mark("before")


def end_view(response: Any) -> Any:
    if (token := g.pop("of_view", None)) is not None:
        TRACE.reset(token)
    return response


def tear_down(error: BaseException | None) -> None:
    # Before Flask 3.2, its own `stream_with_context` has it called before the stream and at its end.
    if (token := g.pop("first", None)) is not None:
        TRACE.reset(token)
    note(f"{request.path} torn down by {type(error).__name__}")


def plain(count: int) -> str:
    g.of_view = mark("view")
    return "plain"


async def plain_async(count: int) -> str:
    g.of_view = mark("view")
    await asyncio.sleep(0.001)
    return "plain"


def end_stream(token: Any) -> None:
    TRACE.reset(token)
    TRACE.reset(g.of_streaming_view)
    note(f"{request.path} ended with {g.word} in {current_app.name}")


def blocks(count: int) -> Iterator[str]:
    token = mark("stream")
    try:
        for _ in range(count):
            yield BLOCK
    finally:
        end_stream(token)


async def blocks_async(count: int) -> AsyncIterator[str]:
    token = mark("stream")
    try:
        for _ in range(count):
            yield BLOCK
            await asyncio.sleep(0)
    finally:
        end_stream(token)


def streaming(make: Callable[[int], Any]) -> Callable[[int], Any]:
    def view(count: int) -> Any:
        g.word, g.of_streaming_view = "word", mark("view")
        return make(count)

    return view


VIEWS: dict[str, Callable[[int], Any]] = {
    "plain-def": plain,
    "plain-async": plain_async,
    "stream-def": streaming(lambda count: stream_with_context(blocks(count))),
    "stream-async": streaming(lambda count: stream_with_context(blocks_async(count))),
    "flask": streaming(lambda count: Response(flask.stream_with_context(blocks(count)))),
    "events-def": streaming(lambda count: EventStream(stream_with_context(blocks(count)))),
    "events-async": streaming(lambda count: EventStream(stream_with_context(blocks_async(count)))),
}
#: The colours of the hooks before a view, and of those after it.
HOOKS = ["-".join(colours) for colours in product(COLOURS, repeat=2)]

for hooks in HOOKS:
    first, last = hooks.split("-")
    blueprint = Blueprint(hooks, __name__)
    blueprint.before_request(coloured(first, begin))
    blueprint.after_request(coloured(last, end_view))
    blueprint.teardown_request(coloured(last, tear_down))
    for name, view in VIEWS.items():
        blueprint.add_url_rule(f"/{name}/<int:count>", name, view)
    app.register_blueprint(blueprint, url_prefix=f"/{hooks}")
