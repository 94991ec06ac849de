"""A DualApp mounted in a Starlette or FastAPI app, or by hypercorn's dispatcher, lives within that app's lifespan."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from ..support.server_command import started_by
from ..support.server_process import ROOT
from ..support.waiting import LIMIT

HERE = Path(__file__).parent

SERVERS = [
    "uvicorn --port {port} mounted.outer:",
    "hypercorn -b {bind} asgi:mounted.outer:",
    "granian --port {port} --interface asgi mounted.outer:",
    "gunicorn -b {bind} -k asgi mounted.outer:",
]


@pytest.mark.parametrize("outer", ["in_starlette", "in_fastapi", "in_hypercorn"])
@pytest.mark.parametrize("line", SERVERS)
def test_an_outer_app_starts_serves_and_stops_it(line: str, outer: str) -> None:
    server = started_by(line + outer, environment={"PYTHONPATH": f"{HERE}:{ROOT}"})
    with server, httpx.Client(base_url=server.url, timeout=LIMIT, trust_env=False) as client:
        for colour in ("async", "def"):
            assert client.get(f"/in/{colour}").json() == {"here": f"/in/{colour}", "number": 7}
        assert client.get("/in/moved").headers["Location"] == "/in/def"
        assert client.post("/in/count", content=(b"x" * 10_000 for _ in range(50))).json() == {"size": 500_000}
        assert [client.get(path).status_code for path in ("/in/nowhere", "/async")] == [404, 404]
        with connect(f"{server.url.replace('http', 'ws')}/in/echo", open_timeout=LIMIT, proxy=None) as talk:
            talk.send("hello")
            assert talk.recv(timeout=LIMIT) == "/in hello"
    told = [line for line in server.output.splitlines() if line.split()[-1:] in (["started"], ["stopped"])]
    own = ["dashboard started", "dashboard stopped"]
    assert told == (own if outer == "in_hypercorn" else ["outer started", *own, "outer stopped"])
