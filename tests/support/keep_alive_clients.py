"""Clients that keep their connections, many at a time."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from tests.support.server_process import HOST


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


def ask_in_turn(port: int, paths: Sequence[str]) -> Iterator[Reply]:
    connection = HTTPConnection(HOST, port, timeout=30)
    try:
        for path in paths:
            connection.request("GET", path)
            with connection.getresponse() as response:
                yield Reply(path, response.status, response.read())
    finally:
        connection.close()


def ask(port: int, path: str) -> Any:
    """Ask once, and give what the answer says in JSON."""
    [reply] = ask_in_turn(port, [path])
    return reply.json()
