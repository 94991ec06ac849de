"""Read the body of a request once, as it arrives, for code of either colour."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, NoReturn, Self

from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge, RequestTimeout

from ..crossing.bounded_queue import BoundedQueue
from ..crossing.bridge import is_host_loop_thread, is_loop_thread, run_on_loop
from ..crossing.coroutines import END, Steps, rest_of, with_timeout
from ..crossing.thread_pool import to_request_thread

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: A chunk whose receiving was begun: the steps of the awaitable, and what it yielded last.
Begun = tuple[Steps, Any]

CHUNK_SIZE = 64 * 1024

# The end of a response waits until a body of which up to this size is missing has been discarded.
MOST_LINGERED = 8 * 1024 * 1024

# A form up to this size is parsed on the loop's thread once it has arrived; larger ones are parsed in a thread.
SHORT_BODY = 64 * 1024
#: Bytes that are searched at once for the end of a line.
LINE = 1024


CANNOT_WAIT = (
    "The body of this request has not arrived yet, and sync code on the event loop cannot wait for it. Await it first,"
    " with `await request.get_data()` or `await request.form`. Or have it read before the view is called: decorate the"
    " view with `@read_ahead(bytes)`, or set BODY_READ_AHEAD for all views, to at least its Content-Length."
)


def announced_length(content_length: str | bytes | None, transfer_encoding: object) -> int | None:
    """Return the length of the body by RFC 9112 section 6.3: 0 without a body, None if it is not known beforehand.

    Servers refuse a Content-Length that is not a number; if one does not, the length is unknown.
    """
    if transfer_encoding is not None:
        return None
    if content_length is None:
        return 0
    if not content_length.isdigit():
        content_length = content_length.strip()  # some servers hand on the white space around a value
    return int(content_length) if content_length.isascii() and content_length.isdigit() else None


def no_request() -> None:
    """Return None, as a dead weak reference to a request does."""


class Body:
    """The part of a request's body that has arrived, and the means to receive the rest.

    `length` is the value of Content-Length, None if there is none. A body that ends before its length means that the
    client left: reading it raises ClientDisconnected (400).
    """

    #: How many seconds a read may wait; None where only the server can end it, as under WSGI.
    timeout: float | None = None
    #: The queue into which the disconnect watch puts body messages; None until it receives any.
    kept: BoundedQueue[Any] | None = None
    #: How many async readers of all of it there are now; a thread that parses a form for one may be between two chunks.
    reads = 0
    #: Whether a reader is waiting for the server's `receive`.
    is_receiving = False
    #: How many bytes of it readers have taken.
    taken = 0
    #: Whether it was larger than the request allowed when it was read.
    is_refused = False
    _deadline: float | None = None

    def __init__(self, length: int | None, fetch: Callable[[int], bytes] | None = None) -> None:
        """Under WSGI, `fetch` reads up to so many bytes from the server."""
        self.length = length
        self.complete = length == 0
        #: What has arrived and was not taken yet: one chunk as it came, or several in a bytearray.
        self.arrived: bytes | bytearray = b""
        #: A body up to this many bytes is read before the request crosses, since afterwards each chunk would cross,
        #: and sync code on the loop could not wait for it at all.
        self.ahead = SHORT_BODY
        #: Returns the `flask.Request` of this body, None while there is none: a weak reference.
        self.request: Callable[[], Any] = no_request
        self._fetch = fetch
        self._received = 0
        self._failure: type[HTTPException] | None = None

    @property
    def is_short(self) -> bool:
        """Whether it is known to be so short that parsing it hardly blocks the loop."""
        return self.length is not None and self.length <= SHORT_BODY

    @property
    def is_exhausted(self) -> bool:
        """Whether all of it has arrived and was taken."""
        return self.complete and not self.arrived

    @property
    def is_untouched(self) -> bool:
        """Whether nothing of it was taken yet."""
        return self._received == len(self.arrived)

    @property
    def has_failed(self) -> bool:
        """Whether reading it raises an error from now on."""
        return self._failure is not None

    @property
    def has_broken_off(self) -> bool:
        """Whether the client left before its end, and that was received."""
        return self._failure is ClientDisconnected

    @property
    def ends_soon(self) -> bool:
        """Whether so little of it is missing that a response can wait until it is discarded."""
        return self.length is not None and self.length - self._received <= MOST_LINGERED

    @property
    def is_to_come(self) -> bool:
        """Whether it has not arrived completely, and is known to be short enough (`ahead`) to read before crossing."""
        return not self.complete and self.length is not None and self.length <= self.ahead

    def read_up_to(self, size: int) -> None:
        """Have a body of at most `size` bytes be read before the request crosses."""
        if not self.complete:  # else there is nothing to read, and `NO_BODY` belongs to all requests
            self.ahead = size

    def receive(self) -> None:
        """Receive one more chunk, from a thread."""
        self.check_whole()
        if self._fetch is not None and not is_host_loop_thread():
            self.keep(self._fetched(self._fetch))
        elif is_loop_thread():
            self.refuse_to_wait()
        else:
            run_on_loop(self.receive_in_time)

    def refuse_to_wait(self) -> None:
        """Raise a RuntimeError: sync code on the loop has asked for a chunk that has not arrived."""
        raise RuntimeError(CANNOT_WAIT)

    async def receive_in_time(self) -> None:
        """Receive one more chunk, from the loop; raise RequestTimeout (408) if that takes too long."""
        seconds = self.timeout if self._deadline is None else self._deadline - time.monotonic()
        try:
            await with_timeout(seconds, self.receive_async())
        except TimeoutError as error:
            self._failure = RequestTimeout
            raise RequestTimeout() from error

    def one_read(self) -> AbstractContextManager[None]:
        """Limit all chunks of the block together to `timeout`: a client may send byte by byte."""
        return NO_LIMIT if self.timeout is None else self._until(self._deadline or time.monotonic() + self.timeout)

    @contextmanager
    def _until(self, deadline: float) -> Iterator[None]:
        before, self._deadline = self._deadline, deadline
        try:
            yield
        finally:
            self._deadline = before

    async def receive_async(self) -> None:
        """Receive one more chunk, from the loop."""
        await to_request_thread(self.receive)()

    def check_whole(self) -> None:
        """Raise the error that ended the body again, since the server reports it only once."""
        if self._failure is not None:
            raise self._failure()

    def _fetched(self, fetch: Callable[[int], bytes]) -> bytes:
        try:
            return fetch(CHUNK_SIZE if self.length is None else min(CHUNK_SIZE, self.length - self._received))
        except Exception as error:  # a broken connection or chunked framing: each server has its own classes for it
            self._failure = ClientDisconnected
            raise ClientDisconnected() from error

    def keep(self, chunk: bytes | None) -> None:
        """Append a chunk; b"" is the end of the body, None means that the client left before it."""
        left = None if self.length is None else self.length - self._received
        if chunk is None or (not chunk and left):
            self._failure = ClientDisconnected
            raise ClientDisconnected()
        if left is not None:
            chunk = chunk[:left]
        self.arrived = self._joined(chunk) if self.arrived else bytes(chunk)  # most bodies are one chunk: no copy
        self._received += len(chunk)
        self.complete = not chunk or len(chunk) == left

    def _joined(self, chunk: bytes) -> bytearray:
        arrived = self.arrived if isinstance(self.arrived, bytearray) else bytearray(self.arrived)
        arrived += chunk
        return arrived

    def receive_first(self) -> Begun | None:
        """Receive a chunk from the loop if that does not suspend; else return the rest, to be awaited."""
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
        """Read a short body in the request's thread, before it crosses to the loop."""
        with suppress(ClientDisconnected, RequestTimeout):  # raised again where the body is read
            while self.is_to_come:
                self.receive()

    async def read_ahead_async(self, seconds: float | None, begun: Begun | None) -> None:
        """Read the rest of a short body from the loop, before the request is answered, for `seconds` at most."""
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
        """Wait until the body has arrived, or is known to be larger than `limit` bytes."""
        while not self.complete and (limit is None or self._received <= limit):
            if limit is not None and self.length is not None and self.length > limit:
                return
            await self.receive_async()

    def is_empty(self) -> bool:
        """Tell whether there is no body; wait for its first byte if no length tells."""
        if self.length:
            return False
        while not self._received and not self.complete:
            self.receive()
        return not self._received

    @classmethod
    def unreadable(cls, error: type[HTTPException]) -> Self:
        """Make a body that raises an error when it is read."""
        body = cls(None)
        body._failure = error
        return body

    def take(self, size: int) -> bytes:
        """Take up to `size` bytes of what has arrived."""
        arrived = self.arrived
        if size >= len(arrived):
            self.arrived = b""
            self.taken += len(arrived)
            return arrived if isinstance(arrived, bytes) else bytes(arrived)
        if not isinstance(arrived, bytearray):
            arrived = self.arrived = bytearray(arrived)
        chunk = bytes(arrived[:size])
        del arrived[:size]
        self.taken += size
        return chunk

    def take_all(self) -> bytes:
        """Take the rest of the body; from the loop only once it has arrived."""
        if not self.complete:
            with self.one_read():
                while not self.complete:
                    self.receive()
        return self.take(len(self.arrived))

    def refuse(self) -> NoReturn:
        """Raise RequestEntityTooLarge (413), and at each later read."""
        self.is_refused = True
        raise RequestEntityTooLarge()

    def check_refusal(self) -> None:
        """Raise RequestEntityTooLarge (413) again for a body that was refused."""
        if self.is_refused:
            raise RequestEntityTooLarge()


NO_BODY = Body(0)
NO_LIMIT = nullcontext()


class BodyStream(io.RawIOBase):
    """The body as a file for sync code: `wsgi.input` and `request.stream`."""

    def __init__(self, body: Body) -> None:
        self.body = body

    def readable(self) -> bool:
        return True

    def peek(self, size: int = 0, /) -> bytes:
        """Return what has arrived, without reading it: `readline` looks there for the end of a line."""
        return bytes(self.body.arrived[:LINE])

    def readall(self) -> bytes:
        body = self.body
        body.check_refusal()
        if not body.complete and self._exceeds_limit(body.length or 0):
            raise RequestEntityTooLarge()  # before it has arrived, for which sync code on the loop cannot wait
        if not body.is_short:  # in chunks, so that a body that is too large is refused early
            with body.one_read():
                return super().readall()
        return self._counted(body.take_all())

    def readinto(self, buffer: WriteableBuffer) -> int:
        # Fill the buffer, as WSGI servers do: after a short read Werkzeug's multipart parser would take the start of a
        # boundary for the end of a file.
        body, view = self.body, memoryview(buffer).cast("B")
        body.check_refusal()
        if len(body.arrived) < len(view) and not body.complete:
            with body.one_read():
                while len(body.arrived) < len(view) and not body.complete and not self._is_over_limit():
                    body.receive()
        chunk = self._counted(body.take(len(view)))
        view[: len(chunk)] = chunk
        return len(chunk)

    def _counted(self, chunk: bytes) -> bytes:
        if chunk:  # at the end of the body, a limit that was set since does not count
            self._check_limit()
        return chunk

    def _is_over_limit(self) -> bool:
        """Tell whether more has arrived than the request allows."""
        return self._exceeds_limit(self.body.taken + len(self.body.arrived))

    def _exceeds_limit(self, size: int) -> bool:
        limit = self._limit()
        return limit is not None and size > limit

    def _limit(self) -> int | None:
        request = self.body.request()
        return None if request is None else request.max_content_length

    def _check_limit(self) -> None:
        """Raise RequestEntityTooLarge (413) if the body is larger than the request allows.

        Werkzeug reads a body without length up to the limit, and takes that for the whole body. So this looks whether
        more follows.
        """
        body, limit = self.body, self._limit()
        if limit is not None and body.taken >= limit:
            while body.taken == limit and not body.arrived and not body.complete:
                body.receive()
            if body.arrived or body.taken > limit:
                body.refuse()


class AsyncBody:
    """The body for async code: await it for all of its bytes, or iterate over the chunks as they arrive.

    Raises RequestEntityTooLarge (413) as soon as the body is known to be larger than the request allows.
    """

    def __init__(self, request: Any, body: Body) -> None:
        """Take the async face of the request, which has the limit and the cache, and its body."""
        self._async_face = request
        self._body = body

    def __await__(self) -> Generator[Any, None, bytes]:
        whole: Generator[Any, None, bytes] = self._async_face.get_data().__await__()
        return whole

    def __aiter__(self) -> AsyncBody:
        return self

    async def __anext__(self) -> bytes:
        body = self._body
        body.check_refusal()
        if not body.is_exhausted and self._exceeds_limit(body.length or 0):
            raise RequestEntityTooLarge()
        while not body.arrived and not body.complete:
            await body.receive_in_time()
        if not body.arrived:
            raise StopAsyncIteration
        chunk = body.take(len(body.arrived))
        if self._exceeds_limit(body.taken):
            body.refuse()
        return chunk

    def _exceeds_limit(self, size: int) -> bool:
        limit = self._async_face.max_content_length
        return limit is not None and size > limit
