"""Places where a request waits at a gate: until its client has left, or its task was cancelled."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass

from dualapp import DualApp, request, stream_with_context

from .registry import part


@dataclass
class Gate:
    """Stands in the way of requests; who opens it lets them all pass."""

    is_open: bool = True
    #: The thread in which a request has come to it.
    visitor: int | None = None


@part("/wait", "/wait?place=before", "/wait?place=after", "/wait/{size}", "/wait/{size}?context")
def waits(app: DualApp) -> None:
    log, gate = app.extensions["log"], app.extensions["gate"]

    async def pass_gate():
        gate.visitor = threading.get_ident()
        while not gate.is_open:
            await asyncio.sleep(0.001)

    @app.before_request
    async def before_gate():
        log.append("request begun")
        if request.args.get("place") == "before":
            await pass_gate()

    @app.after_request
    async def after_gate(response):
        if request.args.get("place") == "after":
            await pass_gate()
        return response

    @app.teardown_request
    async def teardown_gate(error):
        log.append("request torn down")

    @app.teardown_appcontext
    async def teardown_app(error):
        log.append("app torn down")

    @app.route("/wait", methods=["GET", "POST"])
    async def wait():
        if "place" not in request.args:
            await pass_gate()
        return "passed"

    @app.route("/wait/<int:number>", methods=["GET", "POST"])
    async def wait_within(number):
        async def chunks():
            log.append("stream opened")
            try:
                for _ in range(number % 10):
                    yield "word"
                await pass_gate()
                yield "last"
            finally:
                log.append("stream closed")

        return stream_with_context(chunks()) if "context" in request.args else chunks()


@part("/wait?place=hook", is_hook=True)
def waiting_hooks(app: DualApp) -> None:
    gate = app.extensions["gate"]

    @app.before_request
    async def wait_before():
        if request.args.get("place") == "hook":
            gate.visitor = threading.get_ident()
            while not gate.is_open:
                await asyncio.sleep(0.001)
