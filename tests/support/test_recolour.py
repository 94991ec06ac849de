"""The parity tests stand on `recolour`: what it makes must be the same program, one colour down."""

from __future__ import annotations

import asyncio
import inspect
import time
import traceback
from typing import Any

import pytest

from .recolour import recolour


def answer(value: Any) -> Any:
    return value


def test_await_becomes_a_call() -> None:
    async def view(name: str) -> str:
        return (await answer({"x": name}))["x"]

    assert not inspect.iscoroutinefunction(recolour(view))
    assert recolour(view)("a") == "a"


def test_loops_blocks_and_comprehensions() -> None:
    class Both:
        def __enter__(self) -> list[int]:
            return [1, 2]

        def __exit__(self, *_: object) -> None: ...

    async def view() -> Any:
        async with Both() as numbers:  # type: ignore[attr-defined]
            doubled = [2 * n async for n in numbers]
            async for n in numbers:
                doubled.append(n)
        return doubled

    assert recolour(view)() == [2, 4, 1, 2]


def test_functions_within_keep_the_colour_their_name_says() -> None:
    def build() -> list[Any]:
        async def view() -> None: ...

        async def async_view() -> None: ...

        def sync_view() -> None: ...

        return [view, async_view, sync_view]

    assert [*map(inspect.iscoroutinefunction, recolour(build)())] == [False, True, False]
    assert [*map(inspect.iscoroutinefunction, recolour(build, everything=True)())] == [False, False, False]


def test_async_generators_become_generators() -> None:
    async def numbers() -> Any:
        yield 1

    assert list(recolour(numbers)()) == [1]


def test_sleep_has_a_colour_of_its_own() -> None:
    async def view() -> None:
        await asyncio.sleep(0.01)

    start = time.monotonic()
    recolour(view)()
    assert time.monotonic() - start >= 0.01


def test_closures_and_decorators_within_are_kept_and_those_outside_are_not() -> None:
    seen: list[str] = []

    def note(function: Any) -> Any:
        seen.append(function.__name__)
        return function

    @pytest.mark.skipif(False, reason="an outer decorator")
    def build() -> Any:
        @note
        async def view() -> None: ...

        return view

    recolour(build)()
    assert seen == ["view"]


def test_a_traceback_points_to_the_test() -> None:
    async def view() -> None:
        raise LookupError

    with pytest.raises(LookupError) as error:
        recolour(view)()
    frame = traceback.extract_tb(error.tb)[-1]
    assert frame.filename == __file__
    assert frame.line == "raise LookupError"


def test_names_may_be_replaced() -> None:
    async def view() -> Any:
        return answer(1)

    assert recolour(view, names={"answer": lambda _: 2})() == 2
