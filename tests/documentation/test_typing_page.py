"""The program of docs/typing.md is one that the type checkers read, and runs."""

from __future__ import annotations

from tests.support.server_process import ROOT
from tests.typing.greeting import app

from .page import Page


def test_the_page_shows_a_program_that_is_checked() -> None:
    blocks = Page(ROOT / "docs" / "typing.md").blocks("python")
    checked = (ROOT / "tests" / "typing" / "greeting.py").read_text()
    assert checked.partition("\n\n")[2] == "\n\n".join(blocks)


def test_the_program_answers() -> None:
    client = app.test_client()
    assert client.get("/greet?name=Ann").text == "Hello, Ann!"
    assert client.post("/greet", data={"name": "Ann"}).get_json() == {"greeting": "Hello, Ann, at last!"}
    assert client.post("/exact", data="Ann").text == "Ann"
    assert client.post("/exact/later", data="Ann").text == "Ann"
