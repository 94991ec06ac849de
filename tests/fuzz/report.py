"""Print a difference as a program that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any

from .comparison import Difference, differences
from .visits import Visit
from .worlds import World

PROGRAM = """\
# Run it in the root of the project: {title}
from tests.fuzz.report import show
from tests.fuzz.visits import Visit
from tests.fuzz.worlds import World

show(
    {world},
{visits}
)
"""


def program(title: str, world: World, visits: Sequence[Visit]) -> str:
    """Write a program that asks these requests of this app and prints what differs."""
    return PROGRAM.format(
        title=title, world=source(world), visits="\n".join(f"    {source(visit)}," for visit in visits)
    )


def source(what: World | Visit) -> str:
    """Write an expression, with the values that are not the usual ones."""
    told = [f"{name}={value!r}" for name, value in unusual(what)]
    return f"{type(what).__name__}({', '.join(told)})"


def unusual(what: World | Visit) -> list[tuple[str, Any]]:
    pairs = [(field.name, getattr(what, field.name), usual(field)) for field in fields(what)]
    return [(name, value) for name, value, default in pairs if value != default]


def usual(field: Any) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def described(difference: Difference) -> str:
    """Write what differs, one fact after the other."""
    lines = [f"{difference.way}, {difference.visit.method} {difference.visit.target}"]
    for fact in difference.facts:
        lines += [f"  {fact:11} {difference.expected[fact]!r}", f"  {'':7}not {difference.got[fact]!r}"]
    return "\n".join(lines)


def show(world: World, *visits: Visit) -> None:
    """Print what differs when these requests are made, known or not."""
    found = [described(difference) for difference in differences(world, visits)]
    print("\n".join(found) or "no difference")
