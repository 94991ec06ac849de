"""Conversations over websockets: a seed makes an app and its clients, which are the same at any time on any machine.

    python -m tests.fuzz.talks --talks 100000

Each client turns up at the ASGI entry and, through a socket, at the WSGI entry, in both colours. After each message it
hears the app out: the view says "." when it is done.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from urllib.parse import urlencode

#: How many clients one app gets.
BLOCK = 50
#: A client that leaves without a close.
GONE = (1006, "")


@dataclass(frozen=True)
class Talk:
    """What one client says."""

    target: str = "/talk/1"
    headers: tuple[tuple[str, str], ...] = ()
    says: tuple[str | bytes, ...] = ()
    #: How it leaves, unless the app is faster: a code and a reason.
    end: tuple[int, str] = (1000, "")
    #: In how many fragments each message comes, where frames are sent.
    fragments: int = 1


@dataclass(frozen=True)
class TalkWorld:
    """What the app is made of."""

    hooks: str = "same"
    config: dict[str, Any] = field(default_factory=dict)


TARGETS = [*["/talk/1"] * 12, "/part/talk/2", "/files/a%20b/%C3%BC", "/files/%FF"]
#: Here no websocket is. Under WSGI these are ordinary requests (docs/websockets.md), with other hooks.
ELSEWHERE = ["/talk/x", "/nowhere", "/", "/talk/1/"]
BEFORE = ["", "", "", "", "refuse", "abort", "raise", "accept", "send"]
FIRST = [
    "",
    "",
    "",
    "",
    "accept",
    "headers",
    "subprotocol",
    "refuse",
    "abort",
    "raise",
    "lookup",
    "close",
    "redirect",
    "dict",
]
AFTER = ["", "", "", "header", "raise"]
TEARDOWN = ["", "", "", "raise"]
SAYS: list[str | bytes] = [
    *("hello", "", "ü€😀", "x" * 70_000, "a\r\nb\x00c", b"bytes", b"", bytes(range(256)) * 300),
    *("twice", "nothing", "json", "session", "close", "close 4001 enough", "close 3000", "close 1006", "close 99"),
    *("raise", "lookup", "abort", "return", "return text", "accept again", "url", "json {", "number"),
]
HEADERS = [
    ("Origin", "http://localhost"),
    ("Origin", "http://evil.example"),
    ("Origin", "null"),
    ("Cookie", "a=1; b=2"),
    ("Cookie", "session=forged"),
    ("X-Told", "1"),
    ("X-Told", "\xe9, 2"),
    ("Sec-WebSocket-Protocol", "a, b"),
    ("Sec-WebSocket-Protocol", "c"),
    ("Host", "example.org:80"),
    ("X-Forwarded-For", "1.2.3.4"),
]
ENDS = [(1000, ""), (1000, "done"), (1001, ""), (3000, "ü"), (4999, "x" * 120), GONE, GONE]
CONFIG: dict[str, list[Any]] = {
    "WEBSOCKET_ORIGINS": ["*", ["http://evil.example"], "null"],
    "SECRET_KEY": [None],
    "SERVER_NAME": ["localhost"],
}


def block_of(seed: int, number: int) -> tuple[TalkWorld, list[Talk]]:
    """Make the app and the clients of one block of a seed."""
    random = Random(f"talks {seed}/{number}")
    settings = random.sample(sorted(CONFIG), random.choice([0, 0, 1, 2]))
    config = {name: random.choice(CONFIG[name]) for name in settings}
    return TalkWorld(random.choice(["same", "def", "async"]), config), [talk_of(random) for _ in range(BLOCK)]


def talk_of(random: Random) -> Talk:
    arguments = {"before": BEFORE, "first": FIRST, "after": AFTER, "teardown": TEARDOWN}
    query = {name: random.choice(pool) for name, pool in arguments.items() if random.random() < 0.4}
    is_elsewhere = random.random() < 0.1
    return Talk(
        random.choice(ELSEWHERE) if is_elsewhere else random.choice(TARGETS) + "?" + urlencode(query),
        tuple(random.sample(HEADERS, random.choice([0, 0, 1, 2]))),
        tuple(random.choice(SAYS) for _ in range(random.choice([0, 1, 2, 3, 5]))),
        random.choice(ENDS),
        random.choice([1, 1, 2, 5]),
    )


def simpler(talk: Talk) -> Iterator[Talk]:
    """Give talks that are a little shorter."""
    for number in range(len(talk.says)):
        yield replace(talk, says=talk.says[:number] + talk.says[number + 1 :])
    for number in range(len(talk.headers)):
        yield replace(talk, headers=talk.headers[:number] + talk.headers[number + 1 :])
    path, _, query = talk.target.partition("?")
    arguments = [argument for argument in query.split("&") if argument]
    for number in range(len(arguments)):
        yield replace(talk, target=path + "?" + "&".join(arguments[:number] + arguments[number + 1 :]))
    if talk.fragments > 1:
        yield replace(talk, fragments=1)
    if talk.end != (1000, ""):
        yield replace(talk, end=(1000, ""))


def main() -> int:
    from .talk_comparison import search  # imported late: it imports this module

    parser = argparse.ArgumentParser("python -m tests.fuzz.talks", description="Compare random conversations.")
    parser.add_argument("--talks", type=int, default=10_000, help=f"rounded up to a multiple of {BLOCK}")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    found = 0
    for number in range(-(-chosen.talks // BLOCK)):
        for told in search(chosen.seed, number):
            found += 1
            print(told, end="\n\n", flush=True)
    print(f"{chosen.talks} talks, {found} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
