"""The parts by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...support.recolour import Build


@dataclass(frozen=True)
class Part:
    """A piece of an app: it registers views, hooks or handlers."""

    build: Build
    #: Requests that lead to it: a method unless it is GET, and a target. `{int}` stands for a value of that pool,
    #: `{read+}` for several with commas.
    targets: tuple[str, ...] = ()
    #: Arguments of a query that change what it does, whatever the target.
    arguments: tuple[str, ...] = ()
    #: Whether its colour may differ from that of the views.
    is_hook: bool = False
    #: What the app's constructor must be given.
    options: tuple[tuple[str, Any], ...] = ()


PARTS: dict[str, Part] = {}


def part(*targets: str, **traits: Any) -> Callable[[Build], Build]:
    """Register a function that builds a part of an app."""

    def register(build: Build) -> Build:
        PARTS[build.__name__] = Part(build, targets, **traits)
        return build

    return register
