"""Print the tables of docs/mounts.md, with what the installed adapters do: `python -m tests.parity.adapters`."""

from __future__ import annotations

import json
import os
import sys

from . import DIRECTIONS, NO, outcome


def table(direction: str) -> None:
    cases, adapters = DIRECTIONS[direction]
    print("|", " | ".join([f"`{direction}`", *map(str, adapters)]), "|")
    print("|---" * (1 + len(adapters)) + "|")
    for words in cases:
        cells = [outcome(words, direction, adapter, NO)[0] for adapter in adapters]
        print("|", " | ".join([words, *cells]), "|", flush=True)
    print()


def column(direction: str, name: str, expected: dict[str, str]) -> None:
    """Print what one adapter does, and why, as JSON."""
    cases, adapters = DIRECTIONS[direction]
    (adapter,) = (each for each in adapters if str(each) == name)
    done = {words: outcome(words, direction, adapter, expected.get(words, NO)) for words in cases}
    print(json.dumps({words: (cell, repr(error)) for words, (cell, error) in done.items()}), flush=True)


if len(sys.argv) > 1:
    column(*sys.argv[1:3], json.loads(sys.argv[3]))
else:
    for direction in DIRECTIONS:
        table(direction)
os._exit(0)  # past the threads that hang
