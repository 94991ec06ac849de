"""A body that the view does not read: the client that leaves is noticed all the same, and the connection goes on."""

from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import quote

import pytest

from tests.support.server_process import HOST
from tests.support.waiting import LIMIT, wait_for
from tests.support.workers import one_worker_each

from .conftest import started
from .h2_client import H2Client
from .wire import Caller, read_until

KiB = 1024
MAIN = ("uvicorn", "hypercorn", "granian-asgi")
H2 = ("hypercorn", "granian-asgi")


@pytest.fixture(scope="module", params=one_worker_each(MAIN))
def name(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture(scope="module")
def caller(name: str) -> Iterator[Caller]:
    with started(name) as server:
        yield Caller(server.port)


@pytest.fixture
def h2(name: str, caller: Caller) -> Iterator[H2Client]:
    if name not in H2:
        pytest.skip(f"{name} speaks HTTP/1.1 only")
    with H2Client(caller.port) as client:
        yield client


#: What follows the request line over HTTP/1.1, and the part of the body that is sent.
BODIES = {
    "chunked": ("Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"),
    "chunked, without an end": ("Transfer-Encoding: chunked", b"5\r\nhello\r\n"),
    "chunked, large": ("Transfer-Encoding: chunked", (b"4000\r\n" + bytes(0x4000) + b"\r\n") * 20 + b"0\r\n\r\n"),
    "with a length": ("Content-Length: 5", b"hello"),
    "with a large length": (f"Content-Length: {400 * KiB}", bytes(400 * KiB)),
    "with a large length, without an end": (f"Content-Length: {400 * KiB}", bytes(300 * KiB)),
    "none of a large length": (f"Content-Length: {400 * KiB}", b""),
}


@pytest.mark.parametrize("body", BODIES)
def test_a_stream_ends_when_its_client_leaves(caller: Caller, body: str) -> None:
    framing, sent = BODIES[body]
    before = caller.seen("async.silent closed")
    with caller.send(f"POST /async/silent HTTP/1.1\r\n{framing}", sent) as client:
        read_until(client, b"data: 0")
    wait_for(lambda: caller.seen("async.silent closed") == before + 1)


@pytest.mark.parametrize("body", BODIES)
def test_a_view_is_cancelled_when_its_client_leaves(caller: Caller, body: str) -> None:
    framing, sent = BODIES[body]
    came, left = caller.seen("async.wait_async in"), caller.seen("async.wait_async CancelledError")
    with caller.send(f"POST /async/wait/never HTTP/1.1\r\n{framing}", sent):
        wait_for(lambda: caller.seen("async.wait_async in") == came + 1)
    wait_for(lambda: caller.seen("async.wait_async CancelledError") == left + 1)


def test_a_view_is_cancelled_whose_client_left_before_it_was_called(caller: Caller) -> None:
    """A short body is read before the view is called, and here it breaks off."""
    left = caller.seen("async.wait_async CancelledError")
    with caller.send("POST /async/wait/never HTTP/1.1\r\nContent-Length: 5", b"he"):
        pass
    wait_for(lambda: caller.seen("async.wait_async CancelledError") == left + 1)


@pytest.mark.parametrize("leaves", ["closed", "reset"])
@pytest.mark.parametrize(
    ("method", "body", "ends"),
    [("GET", b"", True), ("POST", b"hello", True), ("POST", b"hello", False), ("POST", bytes(400 * KiB), True)],
)
def test_over_http_2(caller: Caller, h2: H2Client, method: str, body: bytes, ends: bool, leaves: str) -> None:
    closed, came = caller.seen("async.silent closed"), caller.seen("async.wait_async in")
    left = caller.seen("async.wait_async CancelledError")
    silent = h2.request("/async/silent", method, body, ends=ends)
    h2.until_body(silent)
    waiting = h2.request("/async/wait/never", method, body, ends=ends)
    wait_for(lambda: caller.seen("async.wait_async in") == came + 1)
    if leaves == "closed":
        h2.socket.close()
    else:
        h2.reset(silent)
        h2.reset(waiting)
    wait_for(lambda: caller.seen("async.silent closed") == closed + 1)
    wait_for(lambda: caller.seen("async.wait_async CancelledError") == left + 1)


@pytest.mark.parametrize("pause", [0.0, 0.1])
def test_the_connection_goes_on(caller: Caller, colour: str, pause: float) -> None:
    connection = HTTPConnection(HOST, caller.port, timeout=LIMIT)
    for _ in range(3):
        connection.request("POST", f"/{colour}/unread/{pause}", bytes(3_000_000))
        assert connection.getresponse().read() == b"unread"
    connection.close()


@pytest.mark.parametrize("pause", [0.0, 0.1])
def test_the_connection_of_http_2_goes_on(caller: Caller, h2: H2Client, colour: str, pause: float) -> None:
    for _ in range(3):
        assert h2.answer(h2.request(f"/{colour}/unread/{pause}", "POST", bytes(400_000))) == (200, b"unread")
    assert h2.answer(h2.request("/seen"))[0] == 200


#: How a response ends: its status, and its body if that is short.
ENDS = {
    "text": (200, b"text"),
    "nothing": (204, b""),
    "redirect": (302, None),
    "abort": (409, None),
    "short file": (200, None),
    "long file": (200, None),
    "stream": (200, b"chunk" * 3),
    "stream with a length": (200, b"chunk" * 3),
}


@pytest.mark.parametrize("below", ["sync", "async", "flask"])
@pytest.mark.parametrize("way", ENDS)
def test_whatever_ends_the_response(caller: Caller, below: str, way: str) -> None:
    status, body = ENDS[way]
    connection = HTTPConnection(HOST, caller.port, timeout=LIMIT)
    for _ in range(5):
        connection.request("POST", f"/{below}/end/{quote(way)}", bytes(400_000))
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == status
        assert content == body if body is not None else content
    connection.close()


@pytest.mark.parametrize("below", ["sync", "async", "flask"])
@pytest.mark.parametrize("way", ENDS)
def test_whatever_ends_the_response_over_http_2(caller: Caller, h2: H2Client, below: str, way: str) -> None:
    status, body = ENDS[way]
    # Not so much that a busy machine needs the second for which the end of a response waits.
    answer = h2.answer(h2.request(f"/{below}/end/{quote(way)}", "POST", bytes(400_000)))
    assert answer[0] == status
    assert answer[1] == body if body is not None else answer[1]
    assert h2.answer(h2.request("/seen"))[0] == 200
