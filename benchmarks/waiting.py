"""Views that wait, with many requests at once: the processor's time and the memory for each, without a server.

    python -m benchmarks.waiting dualapp wait_json 50 0.5

measures one framework in this process for half a second, 50 requests at once, and prints microseconds per request.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import median

from benchmarks.calls import ASGIDriver, Exchange, Request, scope_of
from benchmarks.cases import HELLO, PERSON, Expected
from benchmarks.inprocess import OURS
from benchmarks.rows import Row

AT_ONCE = (1, 50, 1000)
#: For what a request costs more when there are many.
FEW, MANY = 500, 8000
#: For the memory of a request that waits for a second, and when it is looked at.
HOLDING, HELD = 5000, 0.5
LIMITS: dict[str, float | None] = {"starlette": 1.0, "falcon": None, "blacksheep": None, "quart": None}
MEMORY_LIMITS: dict[str, float | None] = {"starlette": 1.5, "quart": None}
#: Requests in one batch, at least.
BATCH = 1000

ASKED = {
    "wait": ("a view that waits 1 ms", Request(), Expected(json=HELLO)),
    "wait_json": (
        "JSON in, JSON out, with a wait of 1 ms",
        Request(method="POST", headers=(("content-type", "application/json"),), body=json.dumps(PERSON).encode()),
        Expected(json={"person": PERSON, "age": 36}),
    ),
}


def rows() -> list[Row]:
    return [
        *waiting_rows(),
        Row(
            "busy asgi",
            "session and hooks, a wait of 5 ms, 8,000 at once against 500",
            "us",
            {f"{at_once:,}": partial(measure_apart, OURS, "busy", at_once) for at_once in (MANY, FEW)},
            {f"{FEW:,}": 1.15},
        ),
        Row(
            "memory asgi",
            "memory of a request that waits, 5,000 at once, ASGI",
            "KiB",
            {name: partial(measure_apart, name, "wait_long", HOLDING) for name in (OURS, *MEMORY_LIMITS)},
            MEMORY_LIMITS,
        ),
    ]


def waiting_rows() -> list[Row]:
    return [
        Row(
            f"{case} {at_once} asgi",
            f"{title}, {at_once} at once, ASGI",
            "us",
            {name: partial(measure_apart, name, case, at_once) for name in (OURS, *LIMITS)},
            LIMITS,
        )
        for case, (title, _, _) in ASKED.items()
        for at_once in AT_ONCE
    ]


def measure_apart(framework: str, case: str, at_once: int, seconds: float) -> float:
    """Measure in a new process, which knows of no other framework."""
    command = [sys.executable, "-m", __spec__.name, framework, case, str(at_once), str(seconds)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def measure(framework: str, case: str, at_once: int, seconds: float) -> float:
    module = import_module(f"benchmarks.frameworks.{framework}_asgi")
    with WaitingDriver(getattr(module, case)()) as driver:
        if case == "wait_long":
            return driver.memory_at_once(Request(), at_once)
        if case == "busy":
            request = with_session(driver)
        else:
            _, request, expected = ASKED[case]
            expected.check(driver.ask(request))
        driver.time_at_once(request, at_once, max(1, BATCH // at_once))
        figures, ends = [], time.perf_counter() + seconds
        while len(figures) < 3 or time.perf_counter() < ends:
            figures.append(driver.time_at_once(request, at_once, max(1, BATCH // at_once // 10)))
    return median(figures)


def with_session(driver: ASGIDriver) -> Request:
    """Return a request with the cookie of a session."""
    cookie = driver.ask(Request()).header("set-cookie").partition(";")[0]
    request = Request(headers=(("cookie", cookie),))
    Expected(json={"visits": 2}).check(driver.ask(request))
    return request


class WaitingDriver(ASGIDriver):
    """Asks for many requests at once, each in a task of its own, as a server does."""

    def time_at_once(self, request: Request, at_once: int, number: int) -> float:
        """Return the processor's microseconds for one request, of `number` times as many as there are at once."""
        return self._runner.run(self._time_at_once(request, at_once, number))

    async def _time_at_once(self, request: Request, at_once: int, number: int) -> float:
        scope, body = scope_of(request), request.body
        started = time.process_time()
        for _ in range(number):
            tasks = []
            for _ in range(at_once):
                exchange = Exchange(body)
                tasks.append(asyncio.ensure_future(self.app(scope.copy(), exchange.receive, exchange.send)))
            for task in tasks:
                await task
        return (time.process_time() - started) / number / at_once * 1e6

    def memory_at_once(self, request: Request, at_once: int) -> float:
        """Return how many KiB one request takes while it waits."""
        return self._runner.run(self._memory_at_once(request, at_once))

    async def _memory_at_once(self, request: Request, at_once: int) -> float:
        await self.app(scope_of(request), (exchange := Exchange(request.body)).receive, exchange.send)
        before = resident_memory()
        tasks = []
        for _ in range(at_once):
            exchange = Exchange(request.body)
            tasks.append(asyncio.ensure_future(self.app(scope_of(request), exchange.receive, exchange.send)))
        await asyncio.sleep(HELD)
        after = resident_memory()
        for task in tasks:
            await task
        return (after - before) / at_once / 1024


def resident_memory() -> int:
    """Return how many bytes of memory this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


if __name__ == "__main__":
    framework, case, at_once, seconds = sys.argv[1:]
    print(measure(framework, case, int(at_once), float(seconds)))
