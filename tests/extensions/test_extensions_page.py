"""The page about extensions says what the tests say."""

from __future__ import annotations

import subprocess
import sys

from .extensions_page import HERE, PAGE, described


def test_each_extension_has_a_row_that_agrees_with_its_module() -> None:
    """Of a row that fails its tests say so; that it is no longer what they say, only this one."""
    shown = [sys.executable, "-m", "tests.extensions.extensions_page", "--print"]
    made = subprocess.run(shown, cwd=HERE.parents[1], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert PAGE.read_text() == made, "make it anew: python -m tests.extensions.extensions_page"


def test_each_module_that_is_named_after_an_extension_is_in_the_table() -> None:
    named = {path for pattern in ("test_flask_*.py", "test_quart_*.py") for path in HERE.glob(pattern)}
    assert named - {HERE / "test_quart_twin.py"} <= described().keys()
