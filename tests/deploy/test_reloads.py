"""Servers are replaced while customers order and listen: no order is lost or counted twice, and no event is missed."""

from __future__ import annotations

import pytest

from .customers import Customers, Listener
from .operator import Operator, reload
from .site import Site

RELOADS = 3


@pytest.mark.parametrize("worker", ["gthread", "asgi"])
@pytest.mark.parametrize("path", ["/orders", "/later/orders"])
def test_a_reload_of_gunicorn_loses_nothing(site: Site, worker: str, path: str) -> None:
    # What does not end by itself, the event stream, is cut off after a second.
    server = site.server("shop.service", 8000, "--workers", "2", "--worker-class", worker, "--graceful-timeout", "1")
    before = site.orders()
    with (
        site.serving("upstream.gunicorn.conf", server),
        Listener(site) as listener,
        Customers(site, path) as customers,
    ):
        for _ in range(RELOADS):
            reload(site, server)
            customers.go_on()
            listener.go_on()
    assert_nothing_was_lost(site, customers, before)
    assert listener.heard == list(range(1, len(listener.heard) + 1))
    assert listener.connections == RELOADS + 1


def assert_nothing_was_lost(site: Site, customers: Customers, before: dict[int, int]) -> None:
    assert customers.lost == []
    after = site.orders()
    counted = {number: times - before.get(number, 0) for number, times in after.items()}
    assert {number: times for number, times in counted.items() if times} == dict.fromkeys(customers.placed, 1)


def test_a_rolling_restart_of_uvicorn_loses_nothing(site: Site) -> None:
    limit = ("--timeout-graceful-shutdown", "1")
    servers = [site.server("shop@.service", port, *limit) for port in (8001, 8002)]
    before = site.orders()
    with (
        site.serving("upstream.uvicorn.conf", *servers),
        Operator(site, {"shop@.service": limit}) as operator,
        Listener(site) as listener,
        Customers(site, "/later/orders") as customers,
    ):
        operator.run(f"systemd/rolling-restart {site.home}/nginx/upstream.uvicorn.conf")
        customers.go_on()
        listener.go_on()
        assert not {server.pid for server in servers} & {server.pid for server in site.servers.values()}
    assert_nothing_was_lost(site, customers, before)
    assert listener.heard == list(range(1, len(listener.heard) + 1))
    assert listener.connections > 1
