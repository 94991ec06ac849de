"""An operator's shell on a machine that has only what a test needs: `systemctl` and `nginx` serve a site."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.support.server_command import can_be_ended, children_of
from tests.support.server_process import HOST, Server
from tests.support.waiting import LONG, wait_for

from .site import Site


def reload(site: Site, server: Server) -> None:
    """Reload gunicorn as systemd does, and wait until other workers have replaced those that are there."""
    old = set(children_of(server.pid))
    command = site.unit("shop.service", "ExecReload").replace("$MAINPID", str(server.pid))
    subprocess.run(shlex.split(command), check=True)
    wait_for(lambda: not old & set(children_of(server.pid)) and can_be_ended(server))


class Operator:
    """Runs lines of a shell in a directory, for as long as the block lasts.

    `options` are added to the commands of the units that are named.
    """

    def __init__(self, site: Site, options: Mapping[str, tuple[str, ...]], directory: Path | None = None) -> None:
        self.site = site
        self._directory = directory or site.home
        self._options = options
        self._programs = site.home / "bin"

    def __enter__(self) -> Self:
        if (curl := shutil.which("curl")) is None:
            pytest.skip("no curl on this machine, with which an operator asks whether an instance is healthy")
        self._systemd = ThreadingHTTPServer((HOST, 0), systemd(self))
        threading.Thread(target=self._systemd.serve_forever).start()
        self._programs.mkdir()
        port = self._systemd.server_address[1]
        self.program("systemctl", f'exec {curl} --silent --fail "http://{HOST}:{port}/$(echo "$@" | tr " " /)"')
        self.program("nginx", f'exec {shlex.join(self.site.nginx_command)} "$@"')
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._systemd.shutdown()
        self._systemd.server_close()

    def program(self, name: str, line: str) -> None:
        """Add a program to the machine, or replace one."""
        path = self._programs / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    def run(self, line: str) -> str:
        """Run a line where the files are; return what it printed."""
        ended = subprocess.run(
            ["sh", "-c", line],
            cwd=self._directory,
            env={**os.environ, "PATH": f"{self._programs}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONG,
        )
        assert ended.returncode == 0, (line, ended.stdout)
        return ended.stdout

    def systemctl(self, verb: str, *arguments: str) -> None:
        """Do what systemd does: start, restart or reload units."""
        for unit in arguments:
            if unit == "nginx" and self.site.ports[443] not in self.site.servers:
                self.site.start_nginx()
            elif unit == "nginx":
                self.run("nginx -s reload")
            elif verb == "reload":
                reload(self.site, self.site.servers[self.site.ports[8000]])
            elif not unit.startswith("-"):
                self.site.start(self._server(unit))

    def _server(self, unit: str) -> Server:
        name, _, instance = unit.partition("@")
        template = f"{name}@.service" if instance else f"{name}.service"
        (port,) = [named for named, real in self.site.ports.items() if instance in (str(named), str(real))] or [8000]
        return self.site.server(template, port, *self._options.get(template, ()))


def systemd(operator: Operator) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            operator.systemctl(*self.path.strip("/").split("/"))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler
