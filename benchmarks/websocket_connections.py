"""What websockets cost a gthread worker of four threads: idle ones in memory, busy ones to those who ask over HTTP.

    python -m benchmarks.websocket_connections [--quick]

Memory is what the worker's resident set grows by, while HTTP requests are answered. Beside busy websockets, and beside
background tasks that are as busy, an `async def` view is asked one request after the other; what passes meanwhile is
counted in the worker's processor time, which the load of the machine does not change.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.rows import MISSED, verdict
from dualapp import DualApp, websocket
from tests.support.server_command import children_of
from tests.support.server_process import HOST, Server, free_port
from tests.support.websocket_wire import DEFLATE, TEXT, Wire, frame

app = DualApp(__name__)
tasks: list[asyncio.Task[None]] = []

IDLE, BUSY, ASKED = 2000, 1000, 300
#: Additions of a step of a background task: 20 microseconds or so.
STEP = 700
#: KiB of an idle websocket.
TARGET = 20.0
TICKS = os.sysconf("SC_CLK_TCK")


@app.websocket("/echo")
async def echo() -> None:
    async for message in websocket:
        await websocket.send(message)


@app.get("/sync")
def sync_view() -> str:
    return "hello"


@app.get("/async")
async def async_view() -> str:
    await asyncio.sleep(0)
    return "hello"


@app.get("/work/<int:count>")
async def work(count: int) -> str:
    """Keep the loop busy, in steps that are about as long as those of a websocket."""
    tasks.extend(asyncio.create_task(busy()) for _ in range(count))
    return "begun"


async def busy() -> None:
    while True:
        sum(range(STEP))
        await asyncio.sleep(0)


class Worker:
    """One worker of gunicorn's, and what the kernel says of its process."""

    def __init__(self, port: int, pid: int) -> None:
        self.port, self._pid = port, pid

    @property
    def resident(self) -> int:
        """KiB."""
        match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self._pid}/status").read_text())
        if match is None:
            raise RuntimeError("the worker has no memory")
        return int(match[1])

    @property
    def processor_time(self) -> float:
        """Seconds."""
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def ask(self, path: str, count: int = 1) -> None:
        connection = HTTPConnection(HOST, self.port, timeout=60)
        for _ in range(count):
            connection.request("GET", path)
            answer = connection.getresponse()
            if answer.status != 200 or not answer.read():
                raise RuntimeError(f"{path} was answered with {answer.status}")
        connection.close()

    def open(self, *headers: tuple[str, str]) -> Wire:
        wire = Wire(socket.create_connection((HOST, self.port), 60)).open("/echo", *headers)
        if wire.status != 101:
            raise RuntimeError(f"a handshake was answered with {wire.status}")
        return wire


@contextmanager
def worker() -> Iterator[Worker]:
    port = free_port()
    options = ["-b", f"{HOST}:{port}", "-k", "gthread", "--threads", "4", "--log-level", "warning"]
    command = [str(Path(sys.executable).with_name("gunicorn")), *options, "benchmarks.websocket_connections:app"]
    with Server(command, port, is_ready=lambda server: bool(children_of(server.pid))) as server:
        yield Worker(port, children_of(server.pid)[0])


def memory_of_idle(count: int, *headers: tuple[str, str]) -> float:
    """How many KiB one takes, after one message each way, while HTTP is answered."""
    with worker() as served:

        def opened(number: int) -> list[Wire]:
            wires = [served.open(*headers) for _ in range(number)]
            for wire in wires:
                wire.send(TEXT, b"hello")
                wire.recv()
            served.ask("/sync", 100)
            served.ask("/async", 100)
            return wires

        warm = opened(50)
        before = served.resident
        wires = opened(count)
        taken = served.resident - before
        for wire in [*warm, *wires]:
            wire.socket.close()
    return taken / count


def time_of_answers(count: int, websockets: int, steps: int) -> float:
    """How many milliseconds of processor time pass until an async view has answered, beside websockets or tasks."""
    context = multiprocessing.get_context("spawn")
    with worker() as served:
        are_open, is_over = context.Event(), context.Event()
        client = context.Process(target=talk, args=(served.port, websockets, are_open, is_over))
        if websockets:
            client.start()
            are_open.wait()
        else:
            served.ask(f"/work/{steps}")
        served.ask("/async", count // 10)
        before = served.processor_time
        served.ask("/async", count)
        passed = served.processor_time - before
        is_over.set()
        if websockets:
            client.join()
    return passed / count * 1000


def talk(port: int, count: int, are_open: Event, is_over: Event) -> None:
    """Have each of so many websockets say something again as soon as it hears it."""
    wires = [Worker(port, 0).open() for _ in range(count)]
    asyncio.run(talk_at_once(wires, are_open, is_over))


async def talk_at_once(wires: list[Wire], are_open: Event, is_over: Event) -> None:
    loop = asyncio.get_running_loop()
    for wire in wires:
        await loop.create_connection(Talker, sock=wire.socket)
    are_open.set()
    await asyncio.to_thread(is_over.wait)


class Talker(asyncio.Protocol):
    """One who repeats itself."""

    words = frame(TEXT, b"sixteen bytes...")

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self.words)

    def data_received(self, data: bytes) -> None:
        self.transport.write(self.words)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less of everything, to see that it works")
    quick = parser.parse_args().quick
    idle, asked, rounds = (200, 30, 1) if quick else (IDLE, ASKED, 3)
    sizes = [memory_of_idle(idle) for _ in range(rounds)]
    said = verdict(median(sizes), sizes, TARGET)
    deflated = median(memory_of_idle(idle, DEFLATE) for _ in range(rounds))
    print(f"{idle} idle websockets: {median(sizes):.1f} KiB each, target {TARGET:.0f}: {said}")
    print(f"{idle} compressed ones: {deflated:.1f} KiB each")
    ways = {f"{BUSY} busy websockets": (BUSY, 0), f"{BUSY} busy tasks": (0, BUSY), "one busy task": (0, 1)}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (websockets, steps) in ways.items():
            times[name].append(time_of_answers(asked, websockets, steps))
    for name, values in times.items():
        print(f"an answer of an async view beside {name}: {median(values):.2f} ms of processor time")
    return 1 if said == MISSED else 0


if __name__ == "__main__":
    sys.exit(main())
