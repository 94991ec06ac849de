"""Bind contexts for Quart's globals as well, from the first import of quart on, and show them as Quart's."""

from __future__ import annotations

from contextvars import Token
from importlib import import_module
from types import ModuleType
from typing import Any

from .upstream import AppContext, RequestContext

#: A token, which resets the context variable in its `var`.
Binding = Token[Any]

#: `quart_context`, once quart is imported.
module: ModuleType | None = None


def load() -> None:
    global module
    from . import quart_context

    module = quart_context


def quarts_context(context: Any) -> Any:
    """Return a context in Quart's shape: its request is the async face."""
    if context is None:
        return None
    import_module("quart")  # has `module` loaded
    shape: Any = module
    return shape.QuartContext(context) if isinstance(context, RequestContext) else shape.QuartAppContext(context)


def own_context(value: Any) -> Any:
    """Return the context that a value is, or that it shows in Quart's shape; None for any other value."""
    if module is not None and isinstance(value, module.QuartAppContext):
        return value.context
    return value if isinstance(value, AppContext | RequestContext) else None
