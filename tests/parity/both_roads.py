"""The clients of one app on both roads, which must answer the same."""

from __future__ import annotations

from ..conftest import Serve
from ..support.entry_driver import Answer, Client
from ..support.recolour import Build
from ..support.roads import ROADS


class BothRoads:
    """The clients of one app on both roads, which are asked the same; each of them asks plain Flask too."""

    def __init__(self, serve: Serve, build: Build) -> None:
        self.clients = {road: Serve(serve.entry, serve.colour, road)(build) for road in ROADS}

    def request(self, method: str, target: str) -> Answer:
        short, general = (client.request(method, target, escapes=True) for client in self.clients.values())
        assert short.comparable() == general.comparable()
        assert short.reason == general.reason
        return short


def twin_of(client: Client) -> Client:
    assert client.twin is not None
    return client.twin
