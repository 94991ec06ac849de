"""Bind contexts for Quart's globals as well, from the first import of quart on."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Token
from types import ModuleType
from typing import Any

#: What undoes setting a context variable: its `reset` method, and the token to pass to it.
Binding = tuple[Callable[[Token[Any]], None], Token[Any]]

#: `quart_context`, once quart is imported.
module: ModuleType | None = None


def load() -> None:
    global module
    from . import quart_context

    module = quart_context
