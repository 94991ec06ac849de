"""Lines of a program that import packages with other source text, as another version of them would have it."""

from __future__ import annotations

from collections.abc import Mapping

LINES = """
import re
from importlib.machinery import SourceFileLoader as Loader

def edited(loader, module, get_code=Loader.get_code):
    if module.partition(".")[0] not in {packages!r}:
        return get_code(loader, module)
    source = loader.get_source(module)
    for pattern, replacement in {edits!r}.items():
        source = re.sub(pattern, replacement, source)
    return compile(source, loader.path, "exec", dont_inherit=True)

Loader.get_code = edited
"""


def editing(packages: tuple[str, ...], edits: Mapping[str, str]) -> str:
    """Return the lines, which are to run before a package is imported; `edits` are patterns and what replaces them."""
    return LINES.format(packages=packages, edits=dict(edits))
