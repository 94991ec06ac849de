"""The limits of a websocket that was taken over, looked at from inside: what is kept of a client that misbehaves."""

from __future__ import annotations

import asyncio
import socket
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import pytest

from dualapp import DualApp
from dualapp.entries.websocket_server import MOST_MESSAGES, MOST_UNSENT, READ, WebsocketConnection
from dualapp.exchange.conversation import OVERHEAD, Conversation

from ..support.waiting import LIMIT
from ..support.websocket_wire import BINARY, CLOSE, CONT, DEFLATE, HANDSHAKE, PING, PONG, TEXT, Wire, close_frame, frame

MiB = 1024 * 1024


class End:
    """The two ends of one websocket: `app`, and a client's `wire` in another thread."""

    def __init__(self, app: WebsocketConnection, wire: Wire) -> None:
        self.app, self.wire = app, wire

    @property
    def transport(self) -> Any:
        return self.app._transport

    async def does(self, what: Any, *args: Any, **kwargs: Any) -> Any:
        """Have the client do something, which may block."""
        return await asyncio.to_thread(what, *args, **kwargs)


@asynccontextmanager
async def opened(*headers: tuple[str, str], accepts: bool = True, **config: Any) -> AsyncIterator[End]:
    settings: Any = {**DualApp.default_config, **config}
    loop = asyncio.get_running_loop()
    theirs, ours = socket.socketpair()
    ours.setblocking(False)
    fields = [(name.lower().encode(), value.encode()) for name, value in (*HANDSHAKE, *headers)]
    _, app = await loop.connect_accepted_socket(partial(WebsocketConnection, {"headers": fields}, settings), ours)
    assert await app.receive() == {"type": "websocket.connect"}
    with Wire(theirs) as wire:
        end = End(app, wire)
        if accepts:
            await app.send({"type": "websocket.accept"})
            assert b" 101 " in await end.does(wire.until, b"\r\n\r\n")
        yield end
        end.transport.abort()
    await asyncio.wait_for(app.ended, LIMIT)


async def until(happened: Any) -> None:
    async with asyncio.timeout(LIMIT):
        while not happened():
            await asyncio.sleep(0.001)


def run(test: Any) -> Any:
    """Run a coroutine test."""

    def call() -> None:
        asyncio.run(test())

    call.__name__, call.__doc__ = test.__name__, test.__doc__
    return call


async def flood(end: End, data: bytes) -> None:
    """Have the client send the same again and again until nothing more is read."""

    def send() -> None:
        rest = b""
        while end.transport.is_reading():
            rest = rest or data
            with suppress(BlockingIOError):
                rest = rest[end.wire.socket.send(rest) :]

    end.wire.socket.settimeout(0)
    await end.does(send)
    end.wire.socket.settimeout(LIMIT)


@run
async def test_of_unread_messages_little_is_kept() -> None:
    for message in (frame(TEXT), frame(BINARY, bytes(1000)), frame(BINARY, bytes(MiB))):
        async with opened() as end:
            await flood(end, message)
            assert len(end.app._incoming) <= MOST_MESSAGES + len(READ) // len(message) + 2


@run
async def test_small_messages_that_inflate_are_kept_in_small_number() -> None:
    compressor = zlib.compressobj(9, wbits=-12)
    bomb = compressor.compress(bytes(MiB)) + compressor.flush(zlib.Z_SYNC_FLUSH)
    message = frame(BINARY, bomb.removesuffix(b"\0\0\xff\xff"), rsv1=True)
    async with opened(DEFLATE) as end:
        await flood(end, message * 100)
        assert sum(len(each["bytes"]) for each in end.app._incoming) <= (len(READ) // len(message) + 2) * MiB


@run
async def test_fragments_that_never_end_are_one_buffer() -> None:
    async with opened(WEBSOCKET_MAX_MESSAGE_SIZE=1004) as end:
        await end.does(end.wire.send, TEXT, fin=False)
        await end.does(end.wire.socket.sendall, frame(CONT, fin=False) * 50_000 + frame(PING, b"there"))
        assert await end.does(end.wire.recv) == (PONG, b"there")
        assert end.app._fragments.getvalue() == ""
        await end.does(end.wire.socket.sendall, frame(CONT, b"x", fin=False) * 1000 + frame(PING, b"here"))
        assert await end.does(end.wire.recv) == (PONG, b"here")
        assert end.app._fragments.getvalue() == "x" * 1000
        await end.does(end.wire.send, CONT, b"too m", fin=False)
        assert (await end.does(end.wire.recv_close))[0] == 1009


@run
async def test_a_flood_of_pings_is_answered_in_bounded_memory() -> None:
    """A client that does not read its pongs gets the last one (RFC 6455 section 5.5.3), when it reads."""
    async with opened() as end:
        await end.does(end.wire.socket.sendall, frame(PING, bytes(125)) * 40_000)
        assert end.app._drained is not None
        assert end.transport.get_write_buffer_size() <= MOST_UNSENT + len(READ) * 2
        await end.does(end.wire.send, PING, b"last")
        await end.does(read_until, end.wire, (PONG, b"last"))


def read_until(wire: Wire, expected: tuple[int, bytes]) -> None:
    while wire.recv() != expected:
        pass


@run
async def test_send_waits_for_a_client_that_reads_slowly() -> None:
    async with opened() as end:
        sent = 0

        async def send() -> None:
            nonlocal sent
            while True:
                await end.app.send({"type": "websocket.send", "bytes": bytes(10_000)})
                sent += 1

        task = asyncio.create_task(send())
        await until(lambda: end.app._drained is not None)
        before = sent
        for _ in range(100):
            await asyncio.sleep(0)
        assert sent == before
        assert end.transport.get_write_buffer_size() <= MOST_UNSENT + 10_010
        for _ in range(before + 1):
            assert await end.does(end.wire.recv) == (BINARY, bytes(10_000))
        await until(lambda: sent > before)
        task.cancel()


@run
async def test_one_send_that_is_cancelled_leaves_the_others_waiting() -> None:
    async with opened() as end:
        first, second = (
            asyncio.create_task(end.app.send({"type": "websocket.send", "bytes": bytes(4 * MiB)})) for _ in range(2)
        )
        await until(lambda: end.app._drained is not None)
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        assert not second.done()
        assert [await end.does(end.wire.recv) for _ in range(2)] == [(BINARY, bytes(4 * MiB))] * 2
        await asyncio.wait_for(second, LIMIT)


@run
async def test_what_comes_with_the_end_is_heard() -> None:
    ends: list[tuple[bytes, int]] = [
        (close_frame(4000, "bye"), 4000),
        (frame(CLOSE), 1005),
        (b"", 1006),
        (b"\xff\xff", 1002),
    ]
    for ending, code in ends:
        async with opened() as end:
            end.wire.socket.sendall(frame(TEXT, b"last words") + ending)
            end.wire.socket.shutdown(socket.SHUT_WR)
            assert await end.app.receive() == {"type": "websocket.receive", "text": "last words"}
            assert (await end.app.receive())["code"] == code


@run
async def test_a_client_that_does_not_answer_a_close_is_left() -> None:
    """Whether it is silent, goes on sending, or has so much unread that nothing more was read."""
    for says in (b"", frame(TEXT, b"more"), frame(BINARY, bytes(MiB))):
        async with opened(WEBSOCKET_CLOSE_TIMEOUT=0.01) as end:
            if says:
                await flood(end, says)
            await end.app.send({"type": "websocket.close", "code": 1000})
            await asyncio.wait_for(end.app.ended, LIMIT)


@run
async def test_pings_end_a_silent_connection_and_no_slow_app() -> None:
    short: Any = {"WEBSOCKET_PING_INTERVAL": 0.01, "WEBSOCKET_PING_TIMEOUT": 0.01, "WEBSOCKET_CLOSE_TIMEOUT": 0.01}
    async with opened(**short) as end:
        assert await end.does(end.wire.recv_close) == (1011, "no answer to a ping")
        assert await end.app.receive() == {
            "type": "websocket.disconnect",
            "code": 1011,
            "reason": "no answer to a ping",
        }
        await asyncio.wait_for(end.app.ended, LIMIT)
    async with opened(**short) as end:
        await end.does(end.wire.socket.sendall, frame(BINARY, bytes(MOST_UNSENT)) * 2)
        await until(lambda: not end.transport.is_reading())
        for _ in range(5):
            assert (await end.does(end.wire.recv))[0] == PING


@run
async def test_a_reset_is_an_end() -> None:
    async with opened() as end:
        end.wire.vanish()
        assert (await end.app.receive())["code"] == 1006


@run
async def test_compression_takes_little_memory_and_can_be_switched_off() -> None:
    for switch, offered, told in [
        (True, DEFLATE, "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"),
        (True, (DEFLATE[0], "permessage-deflate"), "permessage-deflate; server_max_window_bits=12"),
        (False, DEFLATE, None),
    ]:
        async with opened(offered, accepts=False, WEBSOCKET_COMPRESSION=switch) as end:
            assert end.app._response is not None
            assert end.app._response.headers.get("Sec-WebSocket-Extensions") == told


@run
async def test_a_handshake_may_have_headers_of_any_length() -> None:
    async with opened(("Cookie", "x" * 100_000), *[(f"X-{number}", "y") for number in range(500)]):
        pass


@run
async def test_a_handshake_without_an_answer_is_refused_when_the_process_ends() -> None:
    async with opened(accepts=False) as end:
        leaving = asyncio.create_task(end.app.go_away())
        assert (await end.does(end.wire.until, b"\r\n\r\n")).startswith(b"HTTP/1.1 503 ")
        with pytest.raises(OSError, match="left"):
            await end.app.send({"type": "websocket.accept"})
        end.wire.socket.close()
        await asyncio.wait_for(leaving, LIMIT)


@run
async def test_a_connection_that_was_lost_does_not_disturb_the_end_of_the_process() -> None:
    for accepts in True, False:
        async with opened(accepts=accepts) as end:
            end.transport.abort()
            await end.app.ended
            await asyncio.wait_for(end.app.go_away(), LIMIT)


@run
async def test_on_both_entries_a_view_is_cancelled_that_waits_after_a_send_that_was_cancelled() -> None:
    async def send(message: Any) -> None:
        pass

    async def view() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                while True:
                    await conversation.send("at once")
        waits.set()
        await asyncio.Event().wait()

    waits = asyncio.Event()
    conversation = Conversation({}, asyncio.Event().wait, send, asyncio.get_running_loop(), 0, print)  # type: ignore[arg-type]  # it is never done
    conversation.view = task = asyncio.create_task(view())
    await asyncio.wait_for(waits.wait(), LIMIT)
    conversation.cancel_waiting_view()
    await asyncio.wait([task], timeout=LIMIT)
    assert task.cancelled()


@run
async def test_on_both_entries_even_empty_messages_wait_in_bounded_number() -> None:
    async def send(message: Any) -> None:
        raise AssertionError(message)

    async def receive() -> Any:
        nonlocal received
        received += 1
        return {"type": "websocket.receive", "text": ""}

    received = 0
    conversation = Conversation({}, receive, send, asyncio.get_running_loop(), 100 * OVERHEAD, print)
    conversation.inbox.listen()
    for _ in range(200):
        await asyncio.sleep(0)
    assert received == 100
    conversation.inbox.stop_listening()
