"""What an echoed message costs the server: websockets of this library against a bare ASGI app and Quart.

    python -m benchmarks.websocket_messages [--quick] [--only gthread]

Processor time of the server's worker for each message, of 16 bytes and of 1 KiB, with one client, which waits for each
answer, and with several at once; in turn, several rounds. The least counts, for what else the machine does only adds to
it, as it empties the caches; medians are shown beside it. All ASGI servers are uvicorn as it is installed here
(uvloop, the `websockets` library). The client is the same for all: sockets, and frames that were made before.
"""

from __future__ import annotations

import argparse
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from quart import Quart
from quart import websocket as quart_websocket

from benchmarks.rows import MISSED, verdict
from benchmarks.servers import GUNICORN, processor_time, worker_of
from dualapp import DualApp, websocket
from tests.support.server_process import HOST, Server, free_port

UVICORN = "uvicorn --host {host} --port {port} --log-level warning "
GTHREAD = GUNICORN + "--worker-class gthread --threads 4 "
MODULE = "benchmarks.websocket_messages"

app = DualApp(__name__)


@app.websocket("/async")
async def echo() -> None:
    while True:
        await websocket.send(await websocket.receive())


@app.websocket("/sync")
def sync_echo() -> None:
    while True:
        websocket.send(websocket.receive())


quart_app = Quart(__name__)


@quart_app.websocket("/async")
async def quart_echo() -> None:
    while True:
        await quart_websocket.send(await quart_websocket.receive())


async def bare(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        raise NotImplementedError  # the way to tell a server that there is no lifespan here
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


@dataclass(frozen=True)
class Contestant:
    command: str
    path: str = "/async"
    #: How many times the figure of another contestant this one's may be at most.
    limits: dict[str, float] = field(default_factory=dict)


CONTESTANTS = {
    "bare, uvicorn": Contestant(f"{UVICORN} {MODULE}:bare"),
    "Quart, uvicorn": Contestant(f"{UVICORN} {MODULE}:quart_app"),
    "async def, uvicorn": Contestant(f"{UVICORN} {MODULE}:app", limits={"bare, uvicorn": 1.25, "Quart, uvicorn": 0.65}),
    "async def, gthread": Contestant(f"{GTHREAD} {MODULE}:app", limits={"bare, uvicorn": 1.2}),
    "def, uvicorn": Contestant(f"{UVICORN} {MODULE}:app", "/sync"),
    "def, gthread": Contestant(f"{GTHREAD} {MODULE}:app", "/sync"),
}
#: Those that the others are compared with.
PEERS = ("bare, uvicorn", "Quart, uvicorn")
SIZES = (16, 1024)
CLIENTS = (1, 16)


@contextmanager
def serving(contestant: Contestant) -> Iterator[Server]:
    port = free_port()
    script, *arguments = shlex.split(contestant.command.format(host=HOST, port=port))
    with Server([str(Path(sys.executable).with_name(script)), *arguments], port) as server:
        yield server


def opened(server: Server, path: str) -> socket.socket:
    """Open a websocket (RFC 6455 section 4), with no compression."""
    connection = socket.create_connection((HOST, server.port), 60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(
        f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    if b" 101 " not in head:
        raise RuntimeError(head)
    return connection


def frames(size: int) -> tuple[bytes, bytes]:
    """Make a client's frame of a message of so many bytes, masked with zeros, and the server's."""
    length = bytes([size]) if size < 126 else bytes([126]) + size.to_bytes(2, "big")
    payload = b"x" * size
    return bytes([0x81, length[0] | 0x80]) + length[1:] + bytes(4) + payload, b"\x81" + length + payload


def cost(server: Server, path: str, size: int, clients: int, messages: int) -> float:
    """Return the microseconds of the worker's processor time for one message."""
    asked, answer = frames(size)
    with ExitStack() as stack:
        connections = [stack.enter_context(opened(server, path)) for _ in range(clients)]
        echo_all(connections, asked, answer, messages // 10)
        before = processor_time(worker_of(server.pid))
        echo_all(connections, asked, answer, messages)
        return (processor_time(worker_of(server.pid)) - before) / messages / 1000


def echo_all(connections: list[socket.socket], asked: bytes, answer: bytes, messages: int) -> None:
    for _ in range(messages // len(connections)):
        for connection in connections:
            connection.sendall(asked)
        for connection in connections:
            if connection.recv(len(answer), socket.MSG_WAITALL) != answer:
                raise RuntimeError("another message came back")


Figures = dict[str, list[float]]


def measure(names: list[str], size: int, clients: int, messages: int, rounds: int) -> Figures:
    figures: Figures = {name: [] for name in names}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(serving(CONTESTANTS[name])) for name in names}
        for _ in range(rounds):
            for name, server in servers.items():
                figures[name].append(cost(server, CONTESTANTS[name].path, size, clients, messages))
    return figures


def show(figures: Figures) -> bool:
    """Print the least figures and the medians, and their ratios; tell whether a limit is missed."""
    is_missed = False
    for name, values in figures.items():
        print(f"  {name:<20} {min(values):6.1f} us (median {median(values):6.1f})", end="")
        for peer in PEERS:
            if peer == name or peer not in figures:
                continue
            ratio, of_medians = min(values) / min(figures[peer]), median(values) / median(figures[peer])
            of_rounds = [ours / theirs for ours, theirs in zip(values, figures[peer], strict=True)]
            target = ""
            if (limit := CONTESTANTS[name].limits.get(peer)) is not None:
                said = verdict(ratio, of_rounds, limit)
                is_missed |= said == MISSED
                target = f", at most {limit}: {said}"
            print(f"   {peer.split(',')[0]} x {ratio:.2f} ({of_medians:.2f}{target})", end="")
        print(flush=True)
    return is_missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less of everything, to see that it works")
    parser.add_argument("--only", default="", help="only contestants whose name has this in it, and the bare app")
    options = parser.parse_args()
    rounds, messages = (3, 2_000) if options.quick else (15, 4_000)
    names = [name for name in CONTESTANTS if options.only in name or name.startswith("bare")]
    is_missed = False
    for size in SIZES:
        for clients in CLIENTS:
            print(f"{size} bytes, {clients} at once")
            is_missed |= show(measure(names, size, clients, messages, rounds))
    return 1 if is_missed else 0


if __name__ == "__main__":
    sys.exit(main())
