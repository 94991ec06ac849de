"""What waits for an import: what is to be done once a module is there, and attributes that are made then."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any


class Expected(MetaPathFinder):
    """Waits among the finders of modules for one of them, and leaves it to the others to find it."""

    def __init__(self, module: str, callback: Callable[[], None]) -> None:
        self._module = module
        self._callback = callback

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find the module, if it is the one, with a loader that tells when it is there."""
        if fullname != self._module:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            self._attend(spec.loader)
        return spec

    def _attend(self, loader: Any) -> None:
        load = loader.exec_module

        def exec_module(module: Any) -> None:
            load(module)
            self._callback()

        loader.exec_module = exec_module


class LateAttribute:
    """An attribute of a class, and of its instances until they have their own, that is imported when asked for."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load

    def __get__(self, instance: object, owner: type) -> Any:
        return self._load()


def after_import(module: str, callback: Callable[[], None]) -> None:
    """Call a function when a module is imported, in the code that imports it; at once if it is there."""
    if module in sys.modules:
        callback()
    else:
        sys.meta_path.insert(0, Expected(module, callback))
