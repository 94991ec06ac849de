"""Requests as servers hand them over, and how long an entry takes for one: no server, no socket."""

from __future__ import annotations

import asyncio
import io
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

HEADERS = [("host", "127.0.0.1:8000"), ("user-agent", "benchmark"), ("accept", "*/*")]


def environ_of(path: str) -> dict[str, Any]:
    """Make the environ of a GET, as gunicorn would."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in HEADERS},
    }


def scope_of(path: str) -> dict[str, Any]:
    """Make the scope of a GET, as uvicorn would."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in HEADERS],
        "state": {},
        "extensions": {},
    }


def time_wsgi(app: Callable[..., Any], path: str, expected: bytes, number: int) -> float:
    """Return how many microseconds one request takes a WSGI app; AssertionError if the answer is another."""
    environ, answer = environ_of(path), b""

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        assert status.startswith("200")

    started = time.perf_counter()
    for _ in range(number):
        chunks = app(environ.copy(), start_response)
        answer = b"".join(chunks)
        if hasattr(chunks, "close"):
            chunks.close()
    elapsed = time.perf_counter() - started
    assert answer == expected, answer
    return elapsed / number * 1e6


async def time_asgi(app: Callable[..., Awaitable[None]], path: str, expected: bytes, number: int) -> float:
    """Return how many microseconds one request takes an ASGI app; AssertionError if the answer is another."""
    scope, sent = scope_of(path), []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    started = time.perf_counter()
    for _ in range(number):
        sent.clear()
        await app(scope.copy(), receive, send)
    elapsed = time.perf_counter() - started
    assert sent[0]["status"] == 200
    assert b"".join(message.get("body", b"") for message in sent[1:]) == expected
    return elapsed / number * 1e6


def interleaved(contestants: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure all contestants in turn, round by round, so that what disturbs the machine disturbs them alike."""
    figures: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, measure in contestants.items():
            figures[name].append(measure())
    return figures


def run_asgi(app: Callable[..., Awaitable[None]], path: str, expected: bytes, number: int) -> float:
    """Do what `time_asgi` does, on a loop of its own."""
    return asyncio.run(time_asgi(app, path, expected, number))


def show(title: str, ours: list[float], theirs: list[float], peer: str, most: float) -> bool:
    """Print one row, and tell whether the ratio of the medians is at most `most`."""
    ratio = statistics.median(ours) / statistics.median(theirs)
    spread = (max(ours) - min(ours)) / statistics.median(ours)
    print(
        f"{title:36} {statistics.median(ours):8.1f} us  {peer:10} {statistics.median(theirs):8.1f} us"
        f"  ratio {ratio:5.3f}  at most {most:5.3f}  {'ok' if ratio <= most else 'MISSED'}  (spread {spread:.0%})"
    )
    return ratio <= most
