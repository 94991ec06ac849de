"""What a server of the other protocol is told: with the command of this process if that names the entry."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

from dualapp import DualApp
from dualapp.entries.wrong_entry import WrongEntry

app = DualApp("wrong")
entries: Any = app  # called with what its entries do not take


async def receive() -> dict[str, str]:
    return {"type": "lifespan.startup"}


def told(scope: dict[str, str], *, is_asgi2: bool) -> tuple[list[Any], str]:
    """Return the messages that an ASGI server gets from the WSGI entry, and the error."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def call() -> None:
        await (entries.wsgi(scope)(receive, send) if is_asgi2 else entries.wsgi(scope, receive, send))

    with pytest.raises(WrongEntry) as caught:
        asyncio.run(call())
    return sent, str(caught.value)


@pytest.mark.parametrize("is_asgi2", [True, False])
def test_an_asgi_server_is_told_when_it_starts(monkeypatch: pytest.MonkeyPatch, is_asgi2: bool) -> None:
    monkeypatch.setattr("sys.argv", ["/bin/uvicorn", "--port", "1", "shop.main:app.wsgi"])
    sent, error = told({"type": "lifespan"}, is_asgi2=is_asgi2)
    assert sent == [{"type": "lifespan.startup.failed", "message": error}]
    assert error.endswith("run `uvicorn --port 1 shop.main:app.asgi`.")
    assert "\n" not in error


def test_an_asgi_server_without_lifespan_is_told_at_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["serve.py"])
    assert told({"type": "http", "path": "/"}, is_asgi2=False) == (
        [],
        "`app.wsgi` is for WSGI servers, and this is an ASGI server: serve `app.asgi`.",
    )


def test_a_wsgi_server_is_told_at_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/bin/gunicorn", "shop:app.asgi", "-w", "4"])
    with pytest.raises(WrongEntry, match=r"run `gunicorn shop:app\.wsgi -w 4`"):
        entries.asgi({"PATH_INFO": "/"}, lambda *_: None)


@pytest.mark.parametrize(
    ("word", "interface"), [("shop:app", "asgi"), ("shop:app.asgi", "asgi"), ("shop:app.wsgi", "wsgi")]
)
def test_granian_is_told_when_it_starts(monkeypatch: pytest.MonkeyPatch, word: str, interface: str) -> None:
    monkeypatch.setattr("sys.argv", ["/bin/granian", word])
    for entry in (app, app.wsgi, app.asgi):
        with pytest.raises(SystemExit, match=f"granian --interface {interface} {word}"):
            entry.__rsgi_init__(None)  # type: ignore[union-attr]  # which granian looks for


def test_servers_that_guess_take_each_entry_for_what_it_is() -> None:
    assert inspect.isfunction(app.asgi)
    assert not inspect.isfunction(app.wsgi)
    with pytest.raises(TypeError):  # uvicorn looks whether it is a factory
        entries.wsgi()
    with pytest.raises(TypeError):
        entries.asgi()
