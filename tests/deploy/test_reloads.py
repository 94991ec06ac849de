"""Servers are replaced while customers order and listen: no order is lost or counted twice, and no event is missed."""

from __future__ import annotations

import os
import shlex
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.server_command import can_be_ended, children_of
from tests.support.server_process import HOST, Server
from tests.support.waiting import LONG, wait_for

from .customers import Customers, Listener
from .site import Site

RELOADS = 3


@pytest.mark.parametrize("worker", ["gthread", "asgi"])
@pytest.mark.parametrize("path", ["/orders", "/later/orders"])
def test_a_reload_of_gunicorn_loses_nothing(site: Site, worker: str, path: str) -> None:
    # What does not end by itself, the event stream, is cut off after a second.
    server = site.server("shop.service", 8000, "--workers", "2", "--worker-class", worker, "--graceful-timeout", "1")
    command = site.unit("shop.service", "ExecReload")
    before = site.orders()
    with (
        site.serving("upstream.gunicorn.conf", gunicorn=server),
        Listener(site) as listener,
        Customers(site, path) as customers,
    ):
        for _ in range(RELOADS):
            reload(server, command)
            customers.go_on()
            listener.go_on()
    assert_nothing_was_lost(site, customers, before)
    assert listener.heard == list(range(1, len(listener.heard) + 1))
    assert listener.connections == RELOADS + 1


def reload(server: Server, command: str) -> None:
    """Reload as systemd does, and wait until other workers have replaced those that are there."""
    old = set(children_of(server.pid))
    subprocess.run(shlex.split(command.replace("$MAINPID", str(server.pid))), check=True)
    wait_for(lambda: not old & set(children_of(server.pid)) and can_be_ended(server))


def assert_nothing_was_lost(site: Site, customers: Customers, before: dict[int, int]) -> None:
    assert customers.lost == []
    after = site.orders()
    counted = {number: times - before.get(number, 0) for number, times in after.items()}
    assert {number: times for number, times in counted.items() if times} == dict.fromkeys(customers.placed, 1)


def test_a_rolling_restart_of_uvicorn_loses_nothing(site: Site, tmp_path: Path) -> None:
    limit = ("--timeout-graceful-shutdown", "1")
    servers = {f"port{port}": site.server("shop@.service", port, *limit) for port in (8001, 8002)}
    before = site.orders()
    with site.serving("upstream.uvicorn.conf", **servers), systemd(site, limit) as path, Listener(site) as listener:
        first = {server.pid for server in site.servers.values()}
        with Customers(site, "/later/orders") as customers:
            upstream = site.home / "nginx" / "upstream.uvicorn.conf"
            restarted = subprocess.run(
                [site.home / "systemd" / "rolling-restart", upstream],
                env={**os.environ, "PATH": f"{path}:{os.environ['PATH']}"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=LONG,
            )
            customers.go_on()
        listener.go_on()
        assert restarted.returncode == 0, restarted.stdout
        assert not first & {server.pid for server in site.servers.values()}
    assert_nothing_was_lost(site, customers, before)
    assert listener.heard == list(range(1, len(listener.heard) + 1))
    assert listener.connections > 1


@contextmanager
def systemd(site: Site, options: tuple[str, ...]) -> Iterator[Path]:
    """A directory with the commands of an operator: `systemctl` restarts servers of the site, `nginx` is its nginx."""

    class Restart(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            port = int(self.path.removeprefix("/restart/shop@"))
            (named,) = [name for name, real in site.ports.items() if real == port]
            site.restart(site.server("shop@.service", named, *options))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    directory = site.home / "bin"
    directory.mkdir()
    with ThreadingHTTPServer((HOST, 0), Restart) as listening:
        threading.Thread(target=listening.serve_forever).start()
        address = f"http://{HOST}:{listening.server_address[1]}"
        program(directory / "systemctl", f'curl --silent --fail "{address}/$1/$2"')
        program(directory / "nginx", f'{shlex.join(site.nginx_command)} "$@"')
        try:
            yield directory
        finally:
            listening.shutdown()


def program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\nexec {line}\n")
    path.chmod(0o755)
