"""What a crossing costs: the colour that is not at home, against the peers' way to do the same.

    python -m benchmarks.crossings [--quick]

Each contestant has a process of its own per round, because Flask's async views find our host loop where ours have run.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from benchmarks.calls import interleaved, run_asgi, show, time_wsgi

GREETING = {"hello": "world"}


def dualapp_async_wsgi(number: int) -> float:
    from dualapp import DualApp

    app = DualApp("ours")

    @app.get("/")
    async def index() -> dict[str, str]:
        return GREETING

    return measured(time_wsgi, app.wsgi, b'{"hello":"world"}\n', number)


def flask_async_wsgi(number: int) -> float:
    from flask import Flask

    app = Flask("theirs")

    @app.get("/")
    async def index() -> dict[str, str]:
        return GREETING

    return measured(time_wsgi, app, b'{"hello":"world"}\n', number)


def dualapp_sync_asgi(number: int) -> float:
    from dualapp import DualApp

    app = DualApp("ours")

    @app.get("/")
    def index() -> dict[str, str]:
        return GREETING

    return measured(run_asgi, app.asgi, b'{"hello":"world"}\n', number)


def starlette_sync_asgi(number: int) -> float:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    def index(request: Request) -> JSONResponse:
        return JSONResponse(GREETING)

    return measured(run_asgi, Starlette(routes=[Route("/", index)]), b'{"hello":"world"}', number)


def measured(measure: Callable[..., float], app: Any, expected: bytes, number: int) -> float:
    """Warm up, then measure."""
    measure(app, "/", expected, max(number // 10, 10))
    return measure(app, "/", expected, number)


CONTESTANTS = [dualapp_async_wsgi, flask_async_wsgi, dualapp_sync_asgi, starlette_sync_asgi]


def in_own_process(name: str, number: int) -> float:
    command = [sys.executable, "-m", "benchmarks.crossings", "--measure", name, str(number)]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def main(quick: bool) -> int:
    number, rounds = (500, 3) if quick else (3000, 7)
    names = [contestant.__name__ for contestant in CONTESTANTS]
    figures = interleaved({name: lambda name=name: in_own_process(name, number) for name in names}, rounds)
    packages = ["flask", "starlette", "asgiref", "anyio"]
    print(f"Python {platform.python_version()},", ", ".join(f"{name} {version(name)}" for name in packages))
    ok = [
        show("async view under WSGI", figures["dualapp_async_wsgi"], figures["flask_async_wsgi"], "Flask", 1 / 6),
        show("sync view under ASGI", figures["dualapp_sync_asgi"], figures["starlette_sync_asgi"], "Starlette", 0.65),
    ]
    return 0 if all(ok) else 1


if __name__ == "__main__":
    if "--measure" in sys.argv:
        print(
            json.dumps({contestant.__name__: contestant for contestant in CONTESTANTS}[sys.argv[2]](int(sys.argv[3])))
        )
    else:
        sys.exit(main("--quick" in sys.argv))
