"""Run a callback when a module is first imported; class attributes that are imported on first access."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any


class CallbackFinder(MetaPathFinder):
    """A finder on `sys.meta_path` that lets the other finders find one module, and calls back once it has run."""

    def __init__(self, module: str, callback: Callable[[], None]) -> None:
        self._module = module
        self._callback = callback

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find the module with the other finders, and wrap its loader; None for any other module."""
        if fullname != self._module:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            self._wrap(spec.loader)
        return spec

    def _wrap(self, loader: Any) -> None:
        load = loader.exec_module

        def exec_module(module: Any) -> None:
            load(module)
            self._callback()

        loader.exec_module = exec_module


class LazyAttribute:
    """A class attribute whose value is imported on access; instances may set their own."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load

    def __get__(self, instance: object, owner: type) -> Any:
        return self._load()


def after_import(module: str, callback: Callable[[], None]) -> None:
    """Call a function right after a module is first imported, in the importing thread; at once if it is imported."""
    if module in sys.modules:
        callback()
    else:
        sys.meta_path.insert(0, CallbackFinder(module, callback))
