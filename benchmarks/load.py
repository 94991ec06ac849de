"""As many requests as one client sends a server: by wrk where it is installed, else by a few connections of our own.

python -m benchmarks.load 8000 2 8
"""

from __future__ import annotations

import re
import selectors
import shutil
import socket
import subprocess
import sys
import time

from tests.support.server_process import HOST

CONNECTIONS = 8
WRK = shutil.which("wrk")
REQUEST = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: benchmark\r\nAccept: */*\r\n\r\n".encode()
BODY = b'{"hello":"world"}\n'


class LoadFailed(Exception):
    """The server gave a wrong answer, or none."""


def generator() -> str:
    if WRK is None:
        return "benchmarks/load.py"
    return " ".join(subprocess.run([WRK, "-v"], capture_output=True, text=True).stdout.split()[:2])


def requests_answered(port: int, seconds: float, connections: int = CONNECTIONS) -> tuple[int, float]:
    """Load a server from another process, and return how many requests it has answered, and in how many seconds."""
    if WRK is None:
        command = [sys.executable, "-m", "benchmarks.load", str(port), str(seconds), str(connections)]
        count, elapsed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
        return int(count), float(elapsed)
    # wrk knows whole seconds only.
    command = [WRK, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}", "--timeout=10s", f"http://{HOST}:{port}/"]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    answered = re.search(r"(\d+) requests in ([\d.]+)s", said)
    if answered is None or "Non-2xx" in said or "Socket errors" in said:
        raise LoadFailed(said)
    return int(answered[1]), float(answered[2])


class Connection:
    """One client that asks again as soon as it has its answer, on a new connection where the server has closed."""

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self.port, self.selector = port, selector
        self.count = 0
        self.open()

    def open(self) -> None:
        self.received = b""
        self.socket = socket.create_connection((HOST, self.port), 10)
        self.selector.register(self.socket, selectors.EVENT_READ, self)
        self.socket.sendall(REQUEST)

    def close(self) -> None:
        self.selector.unregister(self.socket)
        self.socket.close()

    def take(self) -> None:
        data = self.socket.recv(65536)
        self.received += data
        if self.received.endswith(BODY):
            if not self.received.startswith(b"HTTP/1.1 200 "):
                raise LoadFailed(self.received)
            self.count += 1
            closes = b"\r\nconnection: close\r\n" in self.received.lower()
            self.received = b""
            if not closes:
                self.socket.sendall(REQUEST)
                return
        elif data:
            return
        elif self.received:
            raise LoadFailed(self.received)
        self.close()
        self.open()


def load(port: int, seconds: float, connections: int) -> tuple[int, float]:
    with selectors.DefaultSelector() as selector:
        clients = [Connection(port, selector) for _ in range(connections)]
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            ready = selector.select(10)
            if not ready:
                raise LoadFailed("no answer within ten seconds")
            for key, _ in ready:
                key.data.take()
        elapsed = time.perf_counter() - started
        for client in clients:
            client.close()
    return sum(client.count for client in clients), elapsed


if __name__ == "__main__":
    print(*load(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
