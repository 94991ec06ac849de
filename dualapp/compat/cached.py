"""Attributes that are made when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from functools import cached_property as cached_property  # typed alike
else:

    class cached_property:
        """What `functools.cached_property` does, in a fifth of its steps: each request makes several."""

        def __init__(self, make: Callable[[Any], Any]) -> None:
            self._make = make
            self.__doc__ = make.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            self._name = name

        def __get__(self, instance: Any, owner: type) -> Any:
            if instance is None:
                return self
            made = instance.__dict__
            if self._name not in made:  # it is, where a subclass has its own and asks for ours with `super`
                made[self._name] = self._make(instance)
            return made[self._name]
