"""Clients that keep their connections, many at a time."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from .server_process import HOST
from .waiting import LIMIT


@dataclass(frozen=True)
class Reply:
    path: str
    status: int
    body: bytes

    def json(self) -> Any:
        assert self.status == 200, (self.path, self.status, self.body)
        return json.loads(self.body)


def ask_all(port: int, paths: Sequence[str], clients: int) -> list[Reply]:
    """Ask for all the paths, shared among so many clients, each with one connection; the replies are in any order."""
    with ThreadPoolExecutor(clients) as pool:
        shares = pool.map(lambda first: list(ask_in_turn(port, paths[first::clients])), range(clients))
        return [reply for share in shares for reply in share]


def ask_in_turn(port: int, paths: Sequence[str], headers: Mapping[str, str] = {}) -> Iterator[Reply]:
    connection = HTTPConnection(HOST, port, timeout=LIMIT)
    try:
        for path in paths:
            connection.request("GET", path, headers=dict(headers))
            with connection.getresponse() as response:
                yield Reply(path, response.status, response.read())
    finally:
        connection.close()


def ask(port: int, path: str) -> Any:
    """Ask once, and give what the answer says in JSON."""
    # The server closes. A gunicorn that is told to end while it looks after a connection that its client has closed may
    # hang: its handler of SIGQUIT shuts down the very pool that the main thread is just giving work to.
    [reply] = ask_in_turn(port, [path], {"Connection": "close"})
    return reply.json()
