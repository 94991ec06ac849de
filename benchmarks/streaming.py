"""Streams by this library against streams by the bare servers: how fast they are, and what an idle one costs.

    python -m benchmarks.streaming [--quick]

Speed: 64 KiB chunks through a socket, by generators of both colours on both entries, against a bare app that does the
same on the same server; in turn, several rounds, medians. Memory: idle event streams under uvicorn, per stream.
"""

import argparse
import asyncio
import re
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.rows import MISSED, verdict
from dualapp import DualApp, Response
from tests.support.server_process import HOST, Server, free_port

CHUNK = bytes(64 * 1024)
MiB = 1024**2
BUFFER = bytearray(4 * MiB)

app = DualApp(__name__)


@app.get("/sync/<int:count>")
def stream(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield CHUNK


@app.get("/async/<int:count>")
async def stream_async(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield CHUNK


@app.get("/events")
async def events() -> Response:
    return Response(beats(), mimetype="text/event-stream")


async def beats() -> Any:
    while True:
        yield b"data: beat\n\n"
        await asyncio.sleep(3600)


def bare_wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    count = int(environ["PATH_INFO"].rpartition("/")[2])
    return (CHUNK for _ in range(count))


async def bare_asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        raise NotImplementedError  # the way to tell a server that there is no lifespan here
    is_events = scope["path"] == "/events"
    kind = b"text/event-stream" if is_events else b"text/html; charset=utf-8"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    if is_events:
        await bare_events(receive, send)
    else:
        for _ in range(int(scope["path"].rpartition("/")[2])):
            await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def bare_events(receive: Any, send: Any) -> None:
    """Send beats until the client leaves, which a stream has to watch for."""
    beating = asyncio.create_task(bare_beats(send))
    while (await receive())["type"] != "http.disconnect":
        pass
    beating.cancel()


async def bare_beats(send: Any) -> None:
    async for beat in beats():
        await send({"type": "http.response.body", "body": beat, "more_body": True})


def gunicorn(name: str) -> Server:
    port = free_port()
    options = ["-b", f"{HOST}:{port}", "-k", "gthread", "--threads", "4", "--log-level", "warning"]
    return Server([script("gunicorn"), *options, f"benchmarks.streaming:{name}"], port)


def uvicorn(name: str) -> Server:
    port = free_port()
    options = ["--host", HOST, "--port", str(port), "--log-level", "warning"]
    return Server([script("uvicorn"), *options, f"benchmarks.streaming:{name}"], port)


def script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def begin(server: Server, path: str) -> socket.socket:
    connection = socket.create_connection((HOST, server.port), 60)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
    return connection


def speed(server: Server, path: str, size: int) -> float:
    """How many MB a second arrive."""
    received, start = 0, time.perf_counter()
    with begin(server, path) as connection:
        while count := connection.recv_into(BUFFER):
            received += count
    if received < size:
        raise RuntimeError(f"{path}: {received} bytes arrived of {size}")
    return received / 1e6 / (time.perf_counter() - start)


def compare_speeds(size: int, rounds: int) -> bool:
    count = size // len(CHUNK)
    with ExitStack() as stack:
        servers = {
            ("wsgi", "bare"): stack.enter_context(gunicorn("bare_wsgi")),
            ("wsgi", "dual"): stack.enter_context(gunicorn("app")),
            ("asgi", "bare"): stack.enter_context(uvicorn("bare_asgi")),
            ("asgi", "dual"): stack.enter_context(uvicorn("app")),
        }
        ways = [
            (entry, who, colour)
            for entry in ("wsgi", "asgi")
            for who, colour in (("bare", "sync"), ("dual", "sync"), ("dual", "async"))
        ]
        speeds: dict[tuple[str, str, str], list[float]] = {way: [] for way in ways}
        for number in range(rounds + 1):
            for entry, who, colour in ways:
                measured = speed(servers[entry, who], f"/{colour}/{count}", size)
                if number > 0:  # the first round warms up
                    speeds[entry, who, colour].append(measured)
    return print_speeds(speeds)


def print_speeds(speeds: dict[tuple[str, str, str], list[float]]) -> bool:
    """Print the medians and their ratios; tell whether a target is missed."""
    print(f"{'entry':<6} {'generator':<10} {'MB/s':>7} {'bare MB/s':>10} {'ratio':>6} {'target':>7}")
    is_missed = False
    for (entry, who, colour), values in speeds.items():
        if who == "dual":
            target = 0.9 if (entry == "asgi") == (colour == "async") else 0.5
            bare = speeds[entry, "bare", "sync"]
            ratio = median(values) / median(bare)
            said = verdict(ratio, ratios(values, bare), target, more_is_better=True)
            is_missed |= said == MISSED
            print(
                f"{entry:<6} {colour:<10} {median(values):7.0f} {median(bare):10.0f} {ratio:6.2f} {target:7.1f}  {said}"
            )
    return is_missed


def ratios(ours: list[float], theirs: list[float]) -> list[float]:
    return [each / other for each, other in zip(ours, theirs, strict=True)]


def memory_per_stream(name: str, count: int) -> float:
    """How many KiB an idle event stream keeps."""
    with uvicorn(name) as server, ExitStack() as stack:

        def listen(number: int) -> None:
            connections = [stack.enter_context(begin(server, "/events")) for _ in range(number)]
            for connection in connections:
                received = b""
                while b"beat" not in received:
                    received += connection.recv(65536)

        listen(20)
        before = resident(server.pid)
        listen(count)
        return (resident(server.pid) - before) / count


def resident(pid: int) -> int:
    match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    if match is None:
        raise RuntimeError(f"process {pid} has no memory")
    return int(match[1])


def compare_memory(count: int, rounds: int) -> bool:
    sizes: dict[str, list[float]] = {"bare_asgi": [], "app": []}
    for _ in range(rounds):
        for name, values in sizes.items():
            values.append(memory_per_stream(name, count))
    bare, dual = median(sizes["bare_asgi"]), median(sizes["app"])
    ratio = dual / bare
    said = verdict(ratio, ratios(sizes["app"], sizes["bare_asgi"]), 1.5)
    print(
        f"\n{count} idle event streams: {dual:.1f} KiB each, bare {bare:.1f} KiB, ratio {ratio:.2f}, target 1.5: {said}"
    )
    return said == MISSED


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less of everything, to see that it works")
    quick = parser.parse_args().quick
    is_slow = compare_speeds((64 if quick else 512) * MiB, 3 if quick else 7)
    is_large = compare_memory(100 if quick else 1000, 3)
    return 1 if is_slow or is_large else 0


if __name__ == "__main__":
    sys.exit(main())
