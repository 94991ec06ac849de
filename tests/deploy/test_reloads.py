"""Servers are replaced while customers order and listen: no order is lost or counted twice, and no event is missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from websocket import ABNF

from tests.support.waiting import LIMIT

from .customers import Customers, Listener
from .operator import Operator, reload
from .site import Site

RELOADS = 3
# Orders end by themselves, however slow the machine is. Event streams do not, and are cut off: each has its own tests.
GUNICORN_WAITS = ("--graceful-timeout", str(round(LIMIT)))
UVICORN_WAITS = ("--timeout-graceful-shutdown", str(round(LIMIT)))


@pytest.mark.parametrize(
    ("worker", "path"),
    [
        pytest.param("gthread", "/orders", marks=pytest.mark.slow),
        ("gthread", "/later/orders"),
        pytest.param("asgi", "/orders", marks=pytest.mark.slow),
        pytest.param("asgi", "/later/orders", marks=pytest.mark.slow),
    ],
)
def test_a_reload_of_gunicorn_loses_nothing(site: Site, worker: str, path: str) -> None:
    server = site.server("shop.service", 8000, "--workers", "2", "--worker-class", worker, *GUNICORN_WAITS)
    before = site.orders()
    with site.serving("upstream.gunicorn.conf", server), Customers(site, path) as customers:
        for _ in range(RELOADS):
            reload(site, server)
            customers.go_on()
    assert_nothing_was_lost(site, customers, before)


@pytest.mark.parametrize("worker", ["gthread", "asgi"])
def test_a_reload_of_gunicorn_cuts_streams_off_and_no_event_is_missed(site: Site, worker: str) -> None:
    # One worker: of two, the listener might come back to one that has not been told yet.
    server = site.server("shop.service", 8000, "--workers", "1", "--worker-class", worker, "--graceful-timeout", "1")
    with site.serving("upstream.gunicorn.conf", server), Listener(site) as listener:
        for _ in range(RELOADS):
            reload(site, server)
            listener.go_on()
    assert listener.heard == list(range(1, len(listener.heard) + 1))
    assert listener.connections == RELOADS + 1


def test_a_reload_of_gunicorn_closes_websockets_and_they_find_the_new_workers(site: Site) -> None:
    server = site.server("shop.service", 8000, "--workers", "2")
    with site.serving("upstream.gunicorn.conf", server), site.websocket("/prices/tea") as ws:
        ws.send("2")
        assert ws.recv()
        reload(site, server)
        opcode, frame = ws.recv_data()
        assert opcode == ABNF.OPCODE_CLOSE
        assert int.from_bytes(frame[:2]) == 1001
        with site.websocket("/prices/tea") as again:
            again.send("2")
            assert again.recv()


def test_a_websocket_outlasts_nginxs_limit_by_its_pings(site: Site) -> None:
    """In less time: nginx waits for six seconds instead of sixty, and pings come each second instead of each twenty."""
    path, app = site.home / "nginx" / "shop.conf", site.home / "shop.py"
    path.write_text(path.read_text().replace("proxy_read_timeout 60s", "proxy_read_timeout 6s"))
    app.write_text(app.read_text().replace("SESSION_TYPE=", "WEBSOCKET_PING_INTERVAL=1, SESSION_TYPE="))
    server = site.server("shop.service", 8000, "--workers", "1")
    with site.serving("upstream.gunicorn.conf", server), site.websocket("/prices/tea") as ws:
        for _ in range(8):
            opcode, _ = ws.recv_data(control_frame=True)
            assert opcode == ABNF.OPCODE_PING
        ws.send("2")
        assert ws.recv()


def assert_nothing_was_lost(site: Site, customers: Customers, before: dict[int, int]) -> None:
    assert customers.lost == []
    after = site.orders()
    counted = {number: times - before.get(number, 0) for number, times in after.items()}
    assert {number: times for number, times in counted.items() if times} == dict.fromkeys(customers.placed, 1)


def test_a_rolling_restart_of_uvicorn_loses_nothing(site: Site) -> None:
    before = site.orders()
    with rolling_restarts(site, *UVICORN_WAITS) as restart, Customers(site, "/later/orders") as customers:
        restart()
        customers.go_on()
    assert_nothing_was_lost(site, customers, before)


def test_a_rolling_restart_of_uvicorn_cuts_streams_off_and_no_event_is_missed(site: Site) -> None:
    with rolling_restarts(site, "--timeout-graceful-shutdown", "1") as restart, Listener(site) as listener:
        restart()
        listener.go_on()
    assert listener.heard == list(range(1, len(listener.heard) + 1))
    assert listener.connections > 1


@contextmanager
def rolling_restarts(site: Site, *options: str) -> Iterator[Callable[[], None]]:
    """Serve with two instances of uvicorn; yield what restarts both, one after the other."""
    servers = [site.server("shop@.service", port, *options) for port in (8001, 8002)]
    with site.serving("upstream.uvicorn.conf", *servers), Operator(site, {"shop@.service": options}) as operator:

        def restart() -> None:
            operator.run(f"systemd/rolling-restart {site.home}/nginx/upstream.uvicorn.conf")
            assert not {server.pid for server in servers} & {server.pid for server in site.servers.values()}

        yield restart
