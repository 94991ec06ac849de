"""Registries that advance the app's generation number when they change, so that outdated plans are made anew.

Flask refuses late decorators. It does not refuse `app.view_functions["index"] = fake`, an append to a list of hooks,
`url_map.add`, another session interface or a method replaced on the app: tests and extensions do all of these. Each
request compares the number that its plan was made under with the current one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cached_property, wraps
from itertools import count
from typing import TYPE_CHECKING, Any, Self, TypeVar

import flask
from werkzeug.routing import Map

from .subdomains import subdomains_of

C = TypeVar("C", bound=type)

#: The registries of hooks around websockets, which Quart's apps and blueprints have.
WEBSOCKET_HOOKS = ("before_websocket_funcs", "after_websocket_funcs", "teardown_websocket_funcs")

#: The app's registries of hooks, lists by the name of a blueprint, that plans are made of.
HOOKS = (
    "before_request_funcs",
    "after_request_funcs",
    "teardown_request_funcs",
    "url_value_preprocessors",
    *WEBSOCKET_HOOKS,
)

#: The settings that decide which requests the matcher may answer, and whether a debugger does.
SETTINGS = frozenset({"DEBUG", "SERVER_NAME", "TRUSTED_HOSTS"})


class Generation:
    """The current generation number of an app's plans."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.number = 0
        #: The functions chosen to answer at the two entries.
        self.wsgi_entry: Callable[..., Any] | None = None
        self.asgi_entry: Callable[..., Any] | None = None
        #: The mounts by requested path, where the path alone decides.
        self.found_mounts: dict[str, Any] = {}

    def advance(self) -> None:
        """Outdate all plans, the chosen entries and the found mounts."""
        self.number = next(self._numbers)
        self.wsgi_entry = self.asgi_entry = None
        self.found_mounts = {}  # a new one: a thread that is looking up a path by the old rules writes into the old one


def advances(*names: str) -> Callable[[C], C]:
    """Make methods of a container advance its `generation`."""

    def decorate(cls: C) -> C:
        for name in names:
            setattr(cls, name, advancing(getattr(cls, name)))
        return cls

    return decorate


def advancing(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def changed(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        finally:
            self.generation.advance()

    return changed


@advances("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "__setitem__", "__delitem__")
class HookList(list[Any]):
    """Hooks in their order."""

    def __init__(self, generation: Generation, functions: Any = ()) -> None:
        super().__init__(functions)
        self.generation = generation

    def __iadd__(self, functions: Any) -> Self:  # type: ignore[misc]  # `+` takes lists only
        self.extend(functions)
        return self


@advances("__setitem__", "__delitem__", "__ior__", "pop", "popitem", "clear", "update", "setdefault")
class ViewFunctions(dict[str, Any]):
    """The views of an app by endpoint."""

    def __init__(self, generation: Generation, views: Mapping[str, Any]) -> None:
        super().__init__(views)
        self.generation = generation


@advances("__delitem__", "pop", "popitem", "clear")
class HookRegistry(defaultdict[Any, list[Any]]):
    """Lists of hooks by the name of their blueprint; None is for all requests."""

    def __init__(self, generation: Generation, lists: Mapping[Any, list[Any]]) -> None:
        super().__init__(lambda: HookList(generation))
        self.generation = generation
        self.update(lists)

    def __setitem__(self, name: Any, functions: list[Any]) -> None:
        is_observed = isinstance(functions, HookList) and functions.generation is self.generation
        super().__setitem__(name, functions if is_observed else HookList(self.generation, functions))
        self.generation.advance()

    def setdefault(self, name: Any, default: Any = None) -> list[Any]:
        """Return the list of a name; set it to `default` if there is none."""
        if name not in self:
            self[name] = default or []
        return self[name]

    def update(self, *others: Any, **lists: Any) -> None:
        """Set several lists."""
        for name, functions in dict(*others, **lists).items():
            self[name] = functions


class RuleMap(Map):
    """Werkzeug's map of rules, which advances the generation."""

    generation = Generation()  # no app's; setting the map on an app replaces it

    @cached_property
    def subdomains(self) -> frozenset[str]:
        """The subdomains that rules name."""
        return subdomains_of(self)

    def add(self, rulefactory: Any) -> None:
        """Add a rule."""
        super().add(rulefactory)
        self._changed()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        self._changed()

    def _changed(self) -> None:
        vars(self).pop("subdomains", None)
        self.generation.advance()


@advances("update", "pop", "popitem", "clear", "setdefault", "__delitem__", "__ior__")
class Config(flask.Config):
    """Flask's configuration, which advances the generation for the keys in SETTINGS."""

    generation = Generation()  # as in RuleMap

    if TYPE_CHECKING:  # flask.Config is a plain `dict`, and to pyright its values are unknown

        def __getitem__(self, key: str) -> Any: ...
        def get(self, key: str, default: Any = None) -> Any: ...

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        if key in SETTINGS:  # other keys may be set at every request
            self.generation.advance()
