"""Whether contexts are bound for Quart's globals as well: from the moment in which somebody imports quart."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Token
from types import ModuleType
from typing import Any

#: A context variable that was set, as what resets it: its `reset`, and the token for that.
Binding = tuple[Callable[[Token[Any]], None], Token[Any]]

#: `quart_context`, once quart is imported.
module: ModuleType | None = None


def load() -> None:
    global module
    from . import quart_context

    module = quart_context
