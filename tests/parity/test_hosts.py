"""Hosts that are trusted, and hosts that are none."""

from __future__ import annotations

import pytest

from dualapp import DualApp

from ..conftest import Serve
from .apps import ask, reading, rules


def test_trusted_hosts(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["TRUSTED_HOSTS"] = ["localhost", ".example.org"]

    client = serve(reading, build)
    assert ask(client, "GET", "/", [("Host", "evil.net")]).status == 400
    assert ask(client, "GET", "/", [("Host", "a.example.org")]).status == 200


def test_hosts_that_a_class_of_requests_trusts(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.request_class = type("Own", (app.request_class,), {"trusted_hosts": ["localhost"]})

    client = serve(reading, build)
    assert ask(client, "GET", "/", [("Host", "localhost")]).status == 200
    assert ask(client, "GET", "/", [("Host", "evil.net")]).status == 400
    assert ask(client, "GET", "/", [("Host", "evil.net"), ("Host", "localhost")]).status == 400


@pytest.mark.parametrize("host", ["a b", "localhost:x", "ä", ""])
def test_hosts_that_are_none(serve: Serve, host: str) -> None:
    client = serve(rules)
    for _ in range(2):
        client.get("/nowhere", [("Host", host)])
