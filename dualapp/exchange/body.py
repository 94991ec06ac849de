"""The body of a request: read once, as it arrives, by code of either colour."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge, RequestTimeout

from ..crossing.bridge import is_host_loop_thread, is_loop_thread, run_on_loop
from ..crossing.coroutines import END, Steps, rest_of, with_timeout
from ..crossing.thread_pool import to_request_thread

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: The steps of receiving a chunk, begun, and what they wait for.
Begun = tuple[Steps, Any]

CHUNK_SIZE = 64 * 1024

# A body up to this size is parsed on the loop, as soon as it is there.
SHORT_BODY = 64 * 1024


def announced_length(content_length: str | None, transfer_encoding: object) -> int | None:
    """Return how long a body is going to be, 0 if there is none and None if its end will tell.

    RFC 9112 section 6.3. Servers refuse a length that is no number; what one let pass announces nothing.
    """
    if transfer_encoding is not None:
        return None
    if content_length is None:
        return 0
    return int(content_length) if content_length.isascii() and content_length.isdigit() else None


def nobody() -> None:
    """Return no request."""


class Body:
    """What has arrived of a request's body, and the way to fetch the rest.

    `length` is what Content-Length announced, None for a body that ends when it ends. A body that ends before its
    length is a client that left: reading it raises ClientDisconnected (400).
    """

    def __init__(self, length: int | None, fetch: Callable[[int], bytes] | None = None) -> None:
        """Take what fetches a chunk from a WSGI server."""
        self.length = length
        self.complete = length == 0
        #: What has arrived and was not taken yet: one chunk as it came, or several in a bytearray.
        self.arrived: bytes | bytearray = b""
        #: A body up to this size is read before the request crosses to the other side, where each chunk would cross,
        #: and before sync code may look for it on the loop, where it could not wait.
        self.ahead = SHORT_BODY
        self.on_complete: Callable[[], None] | None = None
        #: What gives the request whose body it is, if there is one yet.
        self.request: Callable[[], Any] = nobody
        self._fetch = fetch
        self._received = 0
        self._failure: type[HTTPException] | None = None

    @property
    def is_short(self) -> bool:
        """Whether it is known to be so short that parsing it holds nobody up."""
        return self.length is not None and self.length <= SHORT_BODY

    @property
    def is_to_come(self) -> bool:
        """Whether it has not arrived, and is known to fit in the memory that is set aside for reading ahead."""
        return not self.complete and self.length is not None and self.length <= self.ahead

    def receive(self) -> None:
        """Fetch one more chunk, from a thread."""
        self.check_whole()
        if self._fetch is not None and not is_host_loop_thread():
            self.keep(self._fetched(self._fetch))
        elif is_loop_thread():
            raise RuntimeError(
                "The body of this request has not arrived yet, and sync code on the event loop cannot wait for it."
                " Await it first, with `await request.get_data()` or `await request.form`, or let BODY_READ_AHEAD be"
                " at least its Content-Length."
            )
        else:
            run_on_loop(self.receive_async)

    async def receive_async(self) -> None:
        """Fetch one more chunk, from the loop."""
        await to_request_thread(self.receive)()

    def check_whole(self) -> None:
        """Raise what broke the body off again for who comes later: a server tells it once."""
        if self._failure is not None:
            raise self._failure()

    def _fetched(self, fetch: Callable[[int], bytes]) -> bytes:
        try:
            return fetch(CHUNK_SIZE if self.length is None else min(CHUNK_SIZE, self.length - self._received))
        except Exception as error:  # a connection or a framing that broke: each server has its own classes for it
            self._failure = ClientDisconnected
            raise ClientDisconnected() from error

    def keep(self, chunk: bytes | None) -> None:
        """Keep a chunk, b"" for the end of the body and None for a client that left before it."""
        left = None if self.length is None else self.length - self._received
        if chunk is None or (not chunk and left):
            self._failure = ClientDisconnected
            raise ClientDisconnected()
        if left is not None:
            chunk = chunk[:left]
        self.arrived = self._joined(chunk) if self.arrived else bytes(chunk)  # most bodies are one chunk: no copy
        self._received += len(chunk)
        self.complete = not chunk or len(chunk) == left
        if self.complete and self.on_complete is not None:
            self.on_complete()

    def _joined(self, chunk: bytes) -> bytearray:
        arrived = self.arrived if isinstance(self.arrived, bytearray) else bytearray(self.arrived)
        arrived += chunk
        return arrived

    def begin(self) -> Begun | None:
        """Receive a chunk from the loop, if that takes no waiting; if it does, return what is to be awaited."""
        steps = self.receive_async().__await__()
        try:
            waits_for = next(steps, END)
        except ClientDisconnected:  # as in read_ahead
            return None
        except TimeoutError:
            self._failure = RequestTimeout
            return None
        return None if waits_for is END else (steps, waits_for)

    def read_ahead(self) -> None:
        """Read a short body from the thread of a request that is about to cross to the loop."""
        with suppress(ClientDisconnected, RequestTimeout):  # it is raised again where the body is read
            while self.is_to_come:
                self.receive()

    async def read_ahead_async(self, seconds: float | None, begun: Begun | None) -> None:
        """Read a short body that was begun from the loop, before the request is answered, for so long at most."""
        try:
            await with_timeout(seconds, self._rest_of_short(begun))
        except TimeoutError:
            self._failure = RequestTimeout
        except (ClientDisconnected, RequestTimeout):  # as in read_ahead
            pass

    async def _rest_of_short(self, begun: Begun | None) -> None:
        if begun is not None:
            await rest_of(*begun)
        while self.is_to_come:
            await self.receive_async()

    async def gather(self, limit: int | None) -> None:
        """Wait until the body has arrived, or as much of it as shows that it is larger than `limit`."""
        while not self.complete and (limit is None or self._received <= limit):
            if limit is not None and self.length is not None and self.length > limit:
                return
            await self.receive_async()

    def take(self, size: int) -> bytes:
        """Take up to `size` bytes of what has arrived."""
        arrived = self.arrived
        if size >= len(arrived):
            self.arrived = b""
            return bytes(arrived)
        if not isinstance(arrived, bytearray):
            arrived = self.arrived = bytearray(arrived)
        chunk = bytes(arrived[:size])
        del arrived[:size]
        return chunk

    def take_all(self) -> bytes:
        """Take all that is left, from a thread or once it has arrived."""
        while not self.complete:
            self.receive()
        arrived, self.arrived = self.arrived, b""
        return bytes(arrived)


NO_BODY = Body(0)


class BodyStream(io.RawIOBase):
    """The body as a file to read from, for sync code: what Flask knows as `request.stream`."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self._given = 0
        self._is_refused = False

    def readable(self) -> bool:
        return True

    def readall(self) -> bytes:
        self._check_refusal()
        body = self.body
        if not body.is_short:  # in pieces, so that one that is too large ends early
            return super().readall()
        return self._given_out(body.take_all())

    def readinto(self, buffer: WriteableBuffer) -> int:
        # As much as was asked for, as WSGI servers give it. (Werkzeug's multipart parser relies on it: between short
        # reads it takes the start of a boundary for the end of a file.)
        self._check_refusal()
        body, view = self.body, memoryview(buffer).cast("B")
        while len(body.arrived) < len(view) and not body.complete:
            body.receive()
        chunk = self._given_out(body.take(len(view)))
        view[: len(chunk)] = chunk
        return len(chunk)

    def _given_out(self, chunk: bytes) -> bytes:
        if chunk:  # who has read all of it is not told of a limit that was set since
            self._given += len(chunk)
            self._check_limit()
        return chunk

    def _check_refusal(self) -> None:
        """Refuse a body again: what is left of it is no body."""
        if self._is_refused:
            raise RequestEntityTooLarge()

    def _check_limit(self) -> None:
        """Raise RequestEntityTooLarge (413) if there is more than may be read.

        Werkzeug reads up to the limit of a body without length and takes what it got for all of it, so whether there is
        more has to be found out here.
        """
        body, request = self.body, self.body.request()
        limit = None if request is None else request.max_content_length
        if limit is not None and self._given >= limit:
            while not body.arrived and not body.complete:
                body.receive()
            if body.arrived or self._given > limit:
                self._is_refused = True
                raise RequestEntityTooLarge()


class AsyncBody:
    """The body for async code: await it for all of it, or iterate over its chunks as they arrive.

    Raises RequestEntityTooLarge (413) as soon as it is known to be larger than the request allows.
    """

    def __init__(self, request: Any, body: Body) -> None:
        """Take the async face of the request, for its limit and for what it has cached, and its body."""
        self._async_face = request
        self._body = body
        self._given = 0

    def __await__(self) -> Generator[Any, None, bytes]:
        whole: Generator[Any, None, bytes] = self._async_face.get_data().__await__()
        return whole

    def __aiter__(self) -> AsyncBody:
        return self

    async def __anext__(self) -> bytes:
        body = self._body
        self._check(body.length or 0)
        while not body.arrived and not body.complete:
            await body.receive_async()
        if not body.arrived:
            raise StopAsyncIteration
        chunk = body.take(len(body.arrived))
        self._given += len(chunk)
        self._check(self._given)
        return chunk

    def _check(self, size: int) -> None:
        limit = self._async_face.max_content_length
        if limit is not None and size > limit:
            raise RequestEntityTooLarge()
