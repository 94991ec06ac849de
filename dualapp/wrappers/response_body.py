"""The body of a response as `async def` code sees it: usable as in Flask, and as Quart's bodies are."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import TYPE_CHECKING, Any, Self

from werkzeug.local import LocalProxy

from ..crossing.coroutines import END, close_stream
from ..crossing.thread_pool import from_loop
from .file_body import holds_file

if TYPE_CHECKING:
    from .response import Response


class ResponseBody(LocalProxy[Any]):
    """The body of a response: a proxy of the list, iterator or file that it is, with the protocol of Quart's bodies.

    `async for` iterates over it, in a thread where that may block, and `async with` closes it. A file is read whole, so
    that it can be sent afterwards.
    """

    __slots__ = ("_response",)
    _response: Response

    def __init__(self, response: Response, body: Any) -> None:
        object.__setattr__(self, "_response", response)  # the proxy's own __setattr__ sets attributes of the body
        super().__init__(lambda: body)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await close_body(self._get_current_object())

    def __aiter__(self) -> AsyncIterator[Any]:
        return chunks_of(self._response, self._get_current_object())


async def chunks_of(response: Response, body: Any) -> AsyncIterator[Any]:
    """Iterate over the chunks of a body of either colour; a file becomes a list of chunks first."""
    if isinstance(body, AsyncIterable):
        async for chunk in body:
            yield chunk
        return
    if holds_file(response, body):
        body = await from_loop(response.read_file, body)
    if isinstance(body, list | tuple):
        for chunk in body:
            yield chunk
        return
    chunks = iter(body)
    while (chunk := await from_loop(next, chunks, END)) is not END:
        yield chunk


async def close_body(body: Any) -> None:
    if isinstance(body, AsyncIterable):
        await close_stream(body)  # type: ignore[arg-type]  # it is closed if it can be
    elif hasattr(body, "close"):
        await from_loop(body.close)
