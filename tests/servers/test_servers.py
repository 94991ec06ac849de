"""Every server gets the same requests, and gives the answers that the app gives in process.

In process means the WSGI entry, called as a function: so all servers are compared with the same answers, and with
each other. Where a server itself differs, `DIFFERENCES` says how and why, and the test asks for that difference.
"""

import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import cache, partial
from hashlib import sha256
from http.client import IncompleteRead
from signal import SIGTERM
from typing import Any

import pytest

from tests.support.http_client import Answer
from tests.support.server_command import started_by
from tests.support.server_process import HOST, Server
from tests.support.waiting import LIMIT, wait_for
from tests.support.workers import one_worker_each

from .app import app
from .asks import ASKS, BROKEN, KEPT, TRAILING, Ask, get
from .kinds import KINDS, Kind
from .ways import Connection, in_process, over_a_socket, raw

COLOURS = ("sync", "async")


@dataclass(frozen=True)
class Difference:
    """What these servers make of these requests, and why: they hand the app another one, or send another answer."""

    servers: str
    asks: str
    why: str
    hands: Callable[[Ask], Ask] = lambda ask: ask
    sends: Callable[[Answer], Answer] = lambda answer: answer

    def concerns(self, server: str, ask: str) -> bool:
        return server in self.servers.split() and ask in self.asks.split()


def header(name: str, value: str) -> Callable[[Ask], Ask]:
    """Hand over this header instead of all that were sent."""
    return lambda ask: replace(ask, headers=((name, value),))


def refusal(_: Answer) -> Answer:
    """The server answers 400 in its own words; the app is not asked."""
    return Answer(400, (), b"")


def utf8_as_latin1(answer: Answer) -> Answer:
    return replace(answer, headers=tuple((name, value.encode().decode("latin-1")) for name, value in answer.headers))


GUNICORN_WSGI = "gunicorn-sync gunicorn-gthread gunicorn-gthread-preload"

DIFFERENCES = [
    Difference(
        f"{GUNICORN_WSGI} gunicorn-asgi uvicorn-h11 uvicorn-httptools hypercorn-asgi hypercorn-wsgi waitress",
        "utf8-raw",
        "RFC 9112 section 3.2: a request target is ASCII; only granian and Werkzeug are kinder.",
        sends=refusal,
    ),
    Difference(
        "werkzeug",
        "utf8-raw",
        "Reads the target as Latin-1 and hands over the UTF-8 form of that.",
        hands=lambda ask: replace(ask, target=ask.target.encode().decode("latin-1")),
    ),
    Difference(
        "uvicorn-httptools", "unknown-method", "llhttp knows a list of methods and refuses others.", sends=refusal
    ),
    Difference(
        f"{GUNICORN_WSGI} hypercorn-wsgi werkzeug",
        "repeated-cookie",
        "WSGI has one value per header, and these join Cookie with a comma as they join all others.",
        hands=header("Cookie", "a=1; b=2,c=3"),
    ),
    Difference(
        "waitress", "repeated-cookie", "The same, with a comma and a space.", hands=header("Cookie", "a=1; b=2, c=3")
    ),
    Difference(
        "granian-wsgi", "repeated-cookie", "Joins with a semicolon alone.", hands=header("Cookie", "a=1; b=2;c=3")
    ),
    Difference(
        "waitress", "repeated-header", "Joins with a comma and a space.", hands=header("X-Many", "one, two, three")
    ),
    Difference(
        "hypercorn-wsgi granian-wsgi",
        "underscore-header",
        "X_Forged becomes HTTP_X_FORGED, as X-Forged would: a WSGI app cannot tell them apart.",
        hands=lambda ask: replace(ask, headers=(("X-Forged", "yes"), ("X-Fine", "yes"))),
    ),
    Difference("granian-wsgi", "latin1-header", "Empties a value that is not ASCII.", hands=header("X-Latin", "")),
    Difference(
        "granian-wsgi",
        "set-headers",
        "Encodes header values as UTF-8, where PEP 3333 means Latin-1.",
        sends=utf8_as_latin1,
    ),
]

REFUSED = {400, None}


@dataclass(frozen=True)
class Taken:
    """These servers take these broken requests for good ones, and why: the app answers 200."""

    servers: str
    broken: str
    why: str


TAKEN = [
    Taken(
        "werkzeug",
        "head-cut nul-in-path nul-in-header newline-in-header space-before-colon no-colon",
        "http.server splits the request line at spaces and has the head read by the email package, which forgives.",
    ),
    Taken(
        "werkzeug",
        "length-twice",
        "Hands over the last Content-Length.",
    ),
    Taken("waitress", "nul-in-path", "Looks for other control characters only."),
    Taken(
        "waitress hypercorn-asgi hypercorn-wsgi uvicorn-h11",
        "newline-in-header",
        "RFC 9112 section 5.2: a server may take a folded line as one with spaces in it.",
    ),
    Taken(
        "waitress werkzeug hypercorn-asgi hypercorn-wsgi uvicorn-h11 granian-asgi granian-wsgi",
        "length-and-chunks",
        "RFC 9112 section 6.3: a server may let Transfer-Encoding override Content-Length.",
    ),
    Taken("hypercorn-wsgi", "chunk-cut chunk-last-missing", "Hands over what arrived before the client left."),
    Taken(
        "granian-wsgi",
        "chunk-of-letters chunk-negative chunk-too-short chunk-cut chunk-last-missing",
        "Ends wsgi.input where the framing breaks, as if the body ended there.",
    ),
]


def is_taken(server: str, broken: str) -> bool:
    return any(server in row.servers.split() and broken in row.broken.split() for row in TAKEN)


NOT_TOLD_WHO_LEFT = {
    "hypercorn-wsgi": "Takes what a WSGI app yields, whether there is a client or not.",
}


@pytest.fixture(scope="module", params=one_worker_each(KINDS))
def name(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture(scope="module")
def kind(name: str) -> Kind:
    return KINDS[name]


@pytest.fixture(scope="module")
def server(kind: Kind) -> Iterator[Server]:
    with started_by(kind.command, kind.needs) as server:
        yield server


@pytest.fixture(params=COLOURS)
def colour(request: pytest.FixtureRequest) -> str:
    colour: str = request.param
    return colour


@cache
def expected(ask: Ask) -> Answer:
    return in_process(app, ask)


def shown(answer: Answer) -> dict[str, Any]:
    """The answer in a form that is short and readable when two of them differ."""
    return {"status": answer.status, "headers": answer.headers, "body": shown_body(answer)}


def shown_body(answer: Answer) -> Any:
    if ("content-type", "application/json") in answer.headers:
        return json.loads(answer.body or b"null")
    return answer.body if len(answer.body) < 1000 else (len(answer.body), sha256(answer.body).hexdigest())


def expected_of(server: str, ask_name: str, ask: Ask) -> Answer:
    rows = [row for row in DIFFERENCES if row.concerns(server, ask_name)]
    for row in rows:
        ask = row.hands(ask)
    answer = expected(ask)
    for row in rows:
        answer = row.sends(answer)
    return answer


def assert_same(given: Answer, wanted: Answer) -> None:
    if wanted.status == 400 and not wanted.body:
        assert given.status == 400
    else:
        assert shown(given) == shown(wanted)


@pytest.mark.parametrize("ask_name", ASKS)
def test_the_same_answer(name: str, server: Server, colour: str, ask_name: str) -> None:
    ask = ASKS[ask_name].coloured(colour)
    assert expected(ask).status == ask.status
    assert_same(over_a_socket(server.port, ask), expected_of(name, ask_name, ask))


def test_many_requests_on_one_connection(name: str, kind: Kind, server: Server, colour: str) -> None:
    connection = Connection(server.port)
    closed = set()
    for ask_name in KEPT:
        ask = ASKS[ask_name].coloured(colour)
        assert_same(connection.ask(ask), expected_of(name, ask_name, ask))
        if connection.sock is None:
            closed.add(ask_name)
    connection.close()
    assert closed == (set(KEPT) if kind.closes == "*" else set(kind.closes.split()))


def test_session_over_several_requests(server: Server, colour: str) -> None:
    cookie = ""
    for count in (1, 2, 3):
        answer = over_a_socket(server.port, get(f"/{colour}/counter", ("Cookie", cookie)))
        assert json.loads(answer.body) == {"count": count}
        cookie, _, attributes = answer["set-cookie"].partition("; ")
        assert attributes == "HttpOnly; Path=/"


def test_forged_session_is_empty(server: Server, colour: str) -> None:
    forged = "session=eyJjb3VudCI6OTl9.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb"
    answer = over_a_socket(server.port, get(f"/{colour}/counter", ("Cookie", forged)))
    assert json.loads(answer.body) == {"count": 1}


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def test_views_run_at_the_same_time(kind: Kind, server: Server, colour: str) -> None:
    """Counted by the app, not measured: each view waits until enough of them are inside."""
    # Where views run one after another, the first waits for no good; for how long makes no difference.
    wanted, patience = (kind.overlap, LIMIT) if kind.overlap > 1 else (2, 0.1)
    ask = partial(over_a_socket, server.port, get(f"/{colour}/crowd/{wanted}/{patience}"))
    with ThreadPoolExecutor(8) as pool:
        crowd = [pool.submit(ask) for _ in range(4)]
        while not all(view.done() for view in crowd):
            # One view may be alone in a process: one of these joins it. Asked one by one, all may go to the other.
            wait([pool.submit(ask) for _ in range(4)], return_when=FIRST_COMPLETED)
    peak = max(json.loads(view.result().body)["peak"] for view in crowd)
    assert peak >= kind.overlap if kind.overlap > 1 else peak == 1


def test_requests_never_see_each_other(server: Server) -> None:
    asks = [get(f"/{colour}/echo/{n}?n={n}", ("X-N", str(n))) for n in range(40) for colour in COLOURS]
    answers = at_once([partial(one_after_another, server.port, asks[start::4]) for start in range(4)])
    for start, group in enumerate(answers):
        for ask, answer in zip(asks[start::4], group, strict=True):
            assert shown(answer) == shown(expected(ask))


def one_after_another(port: int, asks: list[Ask]) -> list[Answer]:
    return [over_a_socket(port, ask) for ask in asks]


def is_fine(port: int, colour: str) -> bool:
    ask = ASKS["plain"].coloured(colour)
    return shown(over_a_socket(port, ask)) == shown(expected(ask))


@pytest.mark.parametrize("broken_name", BROKEN)
def test_broken_request(name: str, server: Server, colour: str, broken_name: str) -> None:
    status = status_of(raw(server.port, BROKEN[broken_name].coloured(colour)))
    if not is_taken(name, broken_name):
        assert status in REFUSED
    elif not BROKEN[broken_name].cut:  # then the server may find out in time, or not
        assert status == 200
    assert is_fine(server.port, colour)


def test_what_follows_the_body_is_not_the_body(server: Server, colour: str) -> None:
    data = raw(server.port, TRAILING.coloured(colour))
    assert b'"length":3,' in data or status_of(data) in REFUSED
    assert is_fine(server.port, colour)


def status_of(data: bytes) -> int | None:
    """None when the server only closed the connection, or answered as in the days before there were status lines."""
    line = re.match(rb"HTTP/1\.[01] (\d+)", data)
    return int(line[1]) if line else None


def test_client_leaves_with_half_a_body(server: Server, colour: str) -> None:
    head = f"POST /{colour}/upload HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000000\r\n\r\n"
    with socket.create_connection((HOST, server.port)) as connection:
        connection.sendall(head.encode() + bytes(1000))
    assert is_fine(server.port, colour)


def test_client_leaves_in_the_middle_of_a_stream(name: str, server: Server, colour: str) -> None:
    with socket.create_connection((HOST, server.port), LIMIT) as connection:
        connection.sendall(f"GET /{colour}/endless HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert connection.recv(1000)
    end = wait_for(lambda: json.loads(over_a_socket(server.port, get("/ends")).body).get(colour))
    assert end == ("wasted" if name in NOT_TOLD_WHO_LEFT else "closed")
    assert is_fine(server.port, colour)


def test_view_raises_after_the_first_byte(server: Server, colour: str) -> None:
    with pytest.raises((IncompleteRead, ConnectionError)):
        over_a_socket(server.port, get(f"/{colour}/broken-stream"))
    assert is_fine(server.port, colour)


def test_stops_cleanly(server: Server) -> None:
    """The last test of each server, which it ends."""
    server.process.terminate()
    assert server.process.wait(LIMIT) in {0, -SIGTERM}
    wait_for(lambda: not anybody_left(server.pid))
    assert set(errors_in(server.output)) <= ON_PURPOSE


ON_PURPOSE = {"Boom", "CancelledError", "GeneratorExit", "NotCancelled"}


def errors_in(output: str) -> list[str]:
    """The class of the exception of each traceback."""
    output = re.sub("RuntimeError(?=: .* but nobody has cancelled this request)", "NotCancelled", output)
    blocks: list[str] = re.findall(r"^Traceback.*\n(?:[ \t].*\n)*([\w.]*)", output, re.MULTILINE)
    assert len(blocks) == output.count("Traceback")
    return [block.rpartition(".")[2] for block in blocks]


def anybody_left(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
