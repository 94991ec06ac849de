"""The tables of docs/mounts.md say what other adapters between the protocols do, and what ours do."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ..parity.adapters import DIRECTIONS, YES
from ..support.server_process import ROOT

LINES = (ROOT / "docs" / "mounts.md").read_text().splitlines()


def rows_of(direction: str) -> dict[str, list[str]]:
    """Return the rows of the table of one direction: the words of a case, and what each adapter does."""
    begin = next(number for number, line in enumerate(LINES) if line.startswith(f"| `{direction}` |"))
    end = LINES.index("", begin)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES[begin:end]]
    return {words: cells for words, *cells in rows if words != "---"}


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_table_has_each_case_and_ours_passes_all(direction: str) -> None:
    cases, adapters = DIRECTIONS[direction]
    head, *rows = rows_of(direction).items()
    assert head == (f"`{direction}`", [str(adapter) for adapter in adapters])
    assert [(words, cells[0]) for words, cells in rows] == [(words, YES) for words in cases]


@pytest.mark.slow  # where an adapter waits for ever, the table says so after a minute
@pytest.mark.parametrize(
    ("direction", "number"),
    [
        pytest.param(direction, number, id=f"{direction} {adapters[number]}")
        for direction, (_, adapters) in DIRECTIONS.items()
        for number in range(1, len(adapters))
    ],
)
def test_the_table_says_what_others_do(direction: str, number: int) -> None:
    head, *rows = rows_of(direction).items()
    expected = {words: cells[number] for words, cells in rows}
    # In a process of its own: some hang, and leave threads and tasks behind.
    command = [sys.executable, "-m", "tests.parity.adapters", direction, head[1][number], json.dumps(expected)]
    printed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    done = json.loads(printed.splitlines()[-1])
    assert {words: cell for words, (cell, _) in done.items()} == expected, done
