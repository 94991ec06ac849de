"""Adapters between the protocols and mounted apps: the processor's time for a short response, and for a long one.

    python -m benchmarks.adapters
    python -m benchmarks.adapters as_wsgi a2wsgi hello 0.5

The first prints the table of docs/mounts.md. The second measures one contestant in this process for half a second, and
prints microseconds per request, or MB per second.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from statistics import median
from typing import Any

from benchmarks.calls import ASGIDriver, Driver, Request, WSGIDriver
from benchmarks.inprocess import OURS
from benchmarks.rows import Row

CHUNK, CHUNKS = b"x" * 65536, 400
MEGABYTES = len(CHUNK) * CHUNKS / 1e6
BATCH = 50
HEADERS = [("content-type", "text/plain")]
#: Where others have what ours are called.
ADAPTERS = {
    "as_wsgi": {"dualapp": "dualapp:as_wsgi", "a2wsgi": "a2wsgi:ASGIMiddleware"},
    "as_asgi": {"dualapp": "dualapp:as_asgi", "a2wsgi": "a2wsgi:WSGIMiddleware", "asgiref": "asgiref.wsgi:WsgiToAsgi"},
}
MOST_OF_HELLO = {"as_wsgi": 1 / 3, "as_asgi": 1 / 2}
TITLES = {"as_wsgi": "an ASGI app under WSGI", "as_asgi": "a WSGI app under ASGI"}


#: Apps that need no adapter: a word for the kind, its name, and the entry that it has itself.
MOUNTED = [("dual", "DualApp", "wsgi"), ("dual", "DualApp", "asgi"), ("flask", "Flask app", "wsgi")]
#: Where they are mounted.
MOUNTS = {"root": "/", "below": "/x"}


def rows() -> list[Row]:
    return [
        *(row_of_hello(way) for way in TITLES),
        *(row(way, "stream", f"64 KiB chunks of {TITLES[way]}", "MB/s", {"a2wsgi": 2.0}) for way in TITLES),
        *(row_of_mount(*kind, where) for kind in MOUNTED for where in MOUNTS),
    ]


def row_of_hello(way: str) -> Row:
    limits = dict.fromkeys([name for name in ADAPTERS[way] if name != OURS], MOST_OF_HELLO[way])
    return row(way, "hello", f"hello of {TITLES[way]}", "us", limits)


def row_of_mount(kind: str, name: str, entry: str, where: str) -> Row:
    contestants = {each: partial(measure_apart, f"{kind}_{entry}", each, "hello") for each in (where, "alone")}
    title = f"a {name} mounted at {MOUNTS[where]}, {entry.upper()}"
    return Row(f"mounted {kind} {entry} {where}", title, "us", contestants, {"alone": 1.15})


def row(way: str, case: str, title: str, unit: str, limits: Mapping[str, float | None]) -> Row:
    contestants = {name: partial(measure_apart, way, name, case) for name in (OURS, *limits)}
    return Row(f"{case} {way}", title, unit, contestants, limits, more_is_better=case == "stream")


def measure_apart(way: str, name: str, case: str, seconds: float) -> float:
    """Measure in a new process, which knows of no other adapter."""
    command = [sys.executable, "-m", __spec__.name, way, name, case, str(seconds)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def measure(way: str, name: str, case: str, seconds: float) -> float:
    driver_class: type[Driver] = ASGIDriver if way.endswith("asgi") else WSGIDriver
    request = request_to(name, case)
    number = BATCH if case == "hello" else 1
    with driver_class(app_of(way, name)) as driver:
        for _ in range(3):
            body = driver.ask(request).body
            assert body == (b"Hello" if case == "hello" else CHUNK * CHUNKS), body[:100]
        ends, figures = time.perf_counter() + seconds, []
        while len(figures) < 5 or time.perf_counter() < ends:
            before = time.process_time()
            driver.time([request], number)
            figures.append((time.process_time() - before) / number)
    return median(figures) * 1e6 if case == "hello" else MEGABYTES / median(figures)


def request_to(where: str, case: str) -> Request:
    return Request(f"{MOUNTS.get(where, '').rstrip('/')}/{case}")


def app_of(way: str, name: str) -> Any:
    if way in ADAPTERS:
        module, _, adapter = ADAPTERS[way][name].partition(":")
        return getattr(import_module(module), adapter)({"as_wsgi": asgi_app, "as_asgi": wsgi_app}[way])
    return mounted(way, name)


def mounted(kind: str, where: str) -> Any:
    """Make an app with one view, "alone" or mounted in a DualApp."""
    from flask import Flask

    from dualapp import DualApp

    app = DualApp("inner") if kind.startswith("dual") else Flask("inner")
    view: Callable[..., Any] = hello_async if kind == "dual_asgi" else hello
    app.add_url_rule("/hello", view_func=view)
    if where in MOUNTS:
        outer = DualApp("outer")
        outer.mount(MOUNTS[where], app)
        app = outer
    entry = kind.partition("_")[2]
    return getattr(app, entry) if isinstance(app, DualApp) else app


def hello() -> str:
    return "Hello"


async def hello_async() -> str:
    return "Hello"


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    """Sends a short response or a long one."""
    assert scope["type"] == "http"
    headers = [(name.encode(), value.encode()) for name, value in HEADERS]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"] == "/hello":
        await send({"type": "http.response.body", "body": b"Hello"})
        return
    for _ in range(CHUNKS):
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b""})


def wsgi_app(environ: Any, start_response: Any) -> Any:
    """Does the same."""
    start_response("200 OK", HEADERS)
    return [b"Hello"] if environ["PATH_INFO"] == "/hello" else chunks()


def chunks() -> Iterator[bytes]:
    for _ in range(CHUNKS):
        yield CHUNK


def print_table() -> None:
    from benchmarks.__main__ import measure as measure_rounds  # it imports this module
    from benchmarks.report import HEAD, cells, table
    from benchmarks.rows import comparisons

    figures = measure_rounds(rows(), rounds=7, seconds=0.5)
    compared = [cells(each) for row in rows() for each in comparisons(row, figures[row.key])]
    head = HEAD[: HEAD.index("target")]
    print("\n".join(table(head, [each[: len(head)] for each in compared])))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print_table()
    else:
        way, name, case, seconds = sys.argv[1:]
        print(measure(way, name, case, float(seconds)))
