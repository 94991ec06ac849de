"""An error that comes of a missing or an unnecessary `await` says so."""

from __future__ import annotations

import gc
import html
import json
import logging
import re
from collections.abc import Iterator
from types import CoroutineType

import pytest

from dualapp import DualApp

from ..conftest import Serve

RULE = "In `def` code call it the Flask way; in `async def` code await it the Quart way."


async def async_value():
    return {"a": 1}


def subscribed(value):
    return value["a"]


def unpacked(value):
    _a, _b = value


def joined(value):
    return ",".join([value])


def entered(value):
    with value:
        pass


#: Each thing that Python does with a value and not with a coroutine.
USES = [
    subscribed,
    unpacked,
    joined,
    entered,
    lambda value: value.get("a"),
    lambda value: len(value),
    lambda value: list(value),
    lambda value: "a" in value,
    lambda value: value + 1,
    lambda value: "a" + value,
    lambda value: value < 1,
    lambda value: -value,
    lambda value: value(),
    lambda value: int(value),
    lambda value: {**value},
    lambda value: print(*value),
    lambda value: value % 2,
    lambda value: json.dumps(value),
    lambda value: json.loads(value),
]


def build(app: DualApp) -> None:
    app.testing = True

    @app.get("/use/<int:number>")
    async def use(number):
        value = async_value()
        return USES[number](value)

    @app.get("/expression")
    async def expression():
        return async_value()["a"]

    @app.get("/json")
    async def unserialised():
        return {"value": async_value()}

    @app.get("/async")
    async def async_much():
        return await {}

    @app.get("/async/for")
    async def async_much_for():
        async for _ in []:
            pass

    @app.get("/async/with")
    async def async_much_with():
        async with {}:
            pass

    @app.get("/unrelated")
    async def unrelated():
        return [] + 1

    @app.get("/told")
    async def told():
        raise TypeError("the coroutine was lost")


def notes_of(serve: Serve, target: str) -> str:
    error = serve(build, twin=False).get(target, escapes=True).error
    assert isinstance(error, TypeError | AttributeError), error
    notes = [note for note in getattr(error, "__notes__", []) if "`await`" in note]
    assert all(note.endswith(RULE) for note in notes)
    assert len(notes) < 2
    return "".join(notes)


@pytest.fixture(autouse=True)
def coroutines_end_with_their_test() -> Iterator[None]:
    """Close those that an error still holds, in the log or in a thread: another test would be told of them."""
    yield
    for value in gc.get_objects():
        if type(value) is CoroutineType and value.__name__ == "async_value":
            value.close()


pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'async_value' was never awaited")


@pytest.mark.parametrize("number", range(len(USES)))
def test_a_coroutine_that_is_used_as_a_value(serve: Serve, number: int) -> None:
    # Threads that have served an app in debug mode know where it was called.
    note = notes_of(serve, f"/use/{number}")
    assert re.match(r"An `await` is missing: async_value(, called in use \(.*\),)? is a coroutine until", note)


def test_a_coroutine_that_no_variable_holds(serve: Serve) -> None:
    note = notes_of(serve, "/expression")
    assert re.search(r"missing: a call in expression \(\S+test_await_notes.py, line \d+\) returned a coroutine", note)
    assert ("expression is not `async def`" in note) is not serve.is_async


def test_a_coroutine_in_json(serve: Serve) -> None:
    note = notes_of(serve, "/json")
    assert re.search("async_value(, called in unserialised .*)? is a coroutine", note)
    assert "not `async def`" not in note


@pytest.mark.parametrize(("target", "view"), [("", "much"), ("/for", "much_for"), ("/with", "much_with")])
def test_a_value_that_is_awaited(serve: Serve, target: str, view: str) -> None:
    note = notes_of(serve, f"/async{target}")
    assert re.search(rf"Unnecessary `await` or `async` in async_{view} \(\S+test_await_notes.py, line \d+\)", note)


@pytest.mark.parametrize("target", ["/unrelated", "/told"])
def test_other_errors_have_no_such_note(serve: Serve, target: str) -> None:
    assert notes_of(serve, target) == ""


def test_the_log_has_the_note_in_production_too(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    def untested(app: DualApp) -> None:
        app.testing = False

    assert serve(build, untested, twin=False).get("/use/0").status == 500
    assert RULE in logging.Formatter().format(caplog.records[-1])


def test_debug_mode_knows_where_the_call_was(serve: Serve) -> None:
    def debugging(app: DualApp) -> None:
        app.debug, app.testing = True, False

    page = html.unescape(serve(build, debugging, twin=False).get("/use/0").text)
    assert re.search(r"async_value, called in use \(\S+test_await_notes.py, line \d+\), is a coroutine", page)


def test_debug_mode_says_in_which_view_a_coroutine_was_lost(serve: Serve) -> None:
    def losing(app: DualApp) -> None:
        app.debug = True

        @app.get("/")
        async def loses():
            async_value()
            return "lost"

    with pytest.warns(RuntimeWarning, match=r"(?s)async_value' was never awaited.*, in loses\n") as warned:
        assert serve(losing, twin=False).get("/").text == "lost"
    assert len(warned) == 1
