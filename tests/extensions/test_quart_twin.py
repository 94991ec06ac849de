"""The comparison with plain Quart: it tells what differs, and only that."""

from __future__ import annotations

from secrets import token_hex

import pytest

from dualapp import DualApp, request

from .quart_twin import ServeBesideQuart


def test_another_answer_is_told(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        kind = type(app).__name__

        @app.get("/body")
        async def body():
            return kind

        @app.get("/header")
        async def header():
            return "", {"X-Kind": kind}

        @app.get("/status")
        async def status():
            return "", 200 if kind == "DualApp" else 404

        @app.get("/cookie")
        async def cookie():
            return "", {"Set-Cookie": f"{kind}=1"}

    client = serve_beside_quart(build, chance={"x-chance"})
    for path in ("/body", "/header", "/status", "/cookie"):
        with pytest.raises(AssertionError, match="not what plain Quart answers"):
            client.get(path)


def test_what_chance_decides_is_left_out(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        secret = token_hex()

        @app.get("/")
        async def index():
            return {"known": request.cookies.get("name") == secret}, {
                "Set-Cookie": f"name={secret}",
                "X-Chance": secret,
            }

    client = serve_beside_quart(build, chance={"x-chance"})
    answer = client.get("/")
    assert client.get("/", [answer.cookie]).json() == {"known": True}


def test_both_are_started_and_stopped_once(serve_beside_quart: ServeBesideQuart) -> None:
    events = []

    def build(app: DualApp) -> None:
        kind = type(app).__name__

        @app.while_serving
        async def serving():
            events.append(f"{kind} starts")
            yield
            events.append(f"{kind} stops")

        @app.get("/")
        async def index():
            return "index"

    client = serve_beside_quart(build)
    client.get("/")
    client.get("/")
    serve_beside_quart.ends.close()
    assert sorted(events) == ["DualApp starts", "DualApp stops", "Quart starts", "Quart stops"]
