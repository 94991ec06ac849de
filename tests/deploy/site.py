"""A site made of the files of examples/deploy: their addresses and paths are replaced, and nothing else."""

from __future__ import annotations

import http.client
import json
import shlex
import shutil
import socket
import ssl
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis
from websocket import WebSocket, create_connection

from tests.support.nginx import nginx, nginx_command
from tests.support.server_command import can_be_ended
from tests.support.server_process import HOST, ROOT, Server, free_port
from tests.support.waiting import LIMIT

FILES = ROOT / "examples" / "deploy"
CERTIFICATES = ROOT / "tests" / "servers"
#: The ports that the files name.
PORTS = (80, 443, 8000, 8001, 8002)


def trusting() -> ssl.SSLContext:
    """Trust the certificate of these tests."""
    context = ssl.create_default_context(cafile=CERTIFICATES / "localhost.crt")
    context.check_hostname = False
    return context


@dataclass
class Site:
    """A copy of the files in `home`; `servers` are those that run, by their ports."""

    home: Path
    redis_url: str
    ports: dict[int, int] = field(default_factory=lambda: {port: free_port() for port in PORTS})
    servers: dict[int, Server] = field(default_factory=dict)
    nginx_command: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        shutil.copytree(FILES, self.home, dirs_exist_ok=True)
        for pattern in ("*.conf", "gunicorn.conf.py", "rolling-restart", "*.service"):
            for path in self.home.rglob(pattern):
                path.write_text(self.relocated(path.read_text()))

        self.units = self.home / "systemd"

    def relocated(self, text: str) -> str:
        """Replace addresses and paths."""
        for port in (8000, 8001, 8002):
            text = text.replace(f"{HOST}:{port}", f"{HOST}:{self.ports[port]}")
        text = text.replace("listen 80;", f"listen {HOST}:{self.ports[80]};")
        text = text.replace("listen 443 ssl;", f"listen {HOST}:{self.ports[443]} ssl;")
        text = text.replace("/etc/nginx/shop.", f"{CERTIFICATES}/localhost.").replace("/etc/", f"{self.home}/etc/")
        return text.replace("/srv/shop/venv/bin", str(Path(sys.executable).parent)).replace("/srv/shop", str(self.home))

    def unit(self, name: str, setting: str) -> str:
        """Return a setting of a unit of systemd."""
        lines = (self.units / name).read_text().splitlines()
        (value,) = [line.removeprefix(f"{setting}=") for line in lines if line.startswith(f"{setting}=")]
        return value

    def server(self, unit: str, port: int, *options: str) -> Server:
        """The server of a unit, on the port that stands for `port`; not started yet."""
        command = shlex.split(self.unit(unit, "ExecStart").replace("%i", str(self.ports[port])))
        environment = {"REDIS_URL": self.redis_url, "PYTHONPATH": str(ROOT)}
        return Server(
            [*command, *options], self.ports[port], cwd=self.home, environment=environment, is_ready=can_be_ended
        )

    @contextmanager
    def serving(self, upstream: str, *servers: Server) -> Iterator[Site]:
        """Serve with these servers of the app, behind nginx with this file of examples/deploy/nginx."""
        self.configure_nginx(self.home / "nginx" / upstream, self.home / "nginx" / "shop.conf")
        with ExitStack() as stack:
            stack.push(self.stop)
            self.start_nginx()
            for server in servers:
                self.start(server)
            yield self

    def configure_nginx(self, *includes: Path) -> None:
        self.nginx_command = nginx_command(self.home, list(includes))

    def start_nginx(self) -> None:
        self.start(nginx(self.nginx_command, self.ports[443]))

    def start(self, server: Server) -> None:
        """Start a server, instead of the one that has its port, if any."""
        if server.port in self.servers:
            self.servers.pop(server.port).__exit__(None, None, None)
        self.servers[server.port] = server.__enter__()

    def stop(self, *error: Any) -> None:
        """Stop all servers; their output is added to the error, if there is one."""
        with ExitStack() as stack:
            for server in self.servers.values():
                stack.callback(server.__exit__, *error)

    def ask(
        self, path: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        """Send a request through nginx on its own connection; return the answer with its body unread."""
        connection = self.connect()
        connection.request(method, path, body, {"Host": "shop.test", "Connection": "close", **(headers or {})})
        return connection.getresponse()

    def connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(HOST, self.ports[443], timeout=LIMIT, context=trusting())

    @contextmanager
    def websocket(self, path: str, origin: str = "") -> Iterator[WebSocket]:
        """Open a websocket through nginx, as a page of the site does unless `origin` is another.

        By a client with one thread: OpenSSL forbids that one reads while another writes. Of the handshakes of such a
        client one in a few hundred stood still.
        """
        address = f"{HOST}:{self.ports[443]}"
        # A socket of ours: it does not close each of its own.
        with (
            socket.create_connection((HOST, self.ports[443])) as tcp,
            trusting().wrap_socket(tcp) as tls,
            closing(
                create_connection(f"wss://{address}{path}", LIMIT, socket=tls, origin=origin or f"https://{address}")
            ) as ws,
        ):
            yield ws

    def json(self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Any:
        with self.ask(path, method, headers=headers) as response:
            data = response.read()
        assert response.status in (200, 201), (response.status, data)
        return json.loads(data)

    def orders(self) -> dict[int, int]:
        """How often each order was counted."""
        with Redis.from_url(self.redis_url) as redis:
            counted: Any = redis.hgetall("orders")
        return {int(number): int(times) for number, times in counted.items()}
