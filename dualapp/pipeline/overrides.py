"""Find the methods of an app that a subclass, an extension or an agent that wraps Flask's class has replaced."""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType
from typing import Any

import flask
from flask import Flask  # by this name also where tests have put another class in its place

from ..compat.upstream import as_written
from ..crossing.colour import Function
from .conventions import with_context
from .steps import STEPS

FRAMEWORKS = ("flask", "dualapp")

#: Steps of ours that call Flask's, which may be wrapped: a wrapper must not replace ours.
CALLING_FLASKS = frozenset({"log_exception", "make_default_options_response", "make_response"})


def is_replaced(app: flask.Flask | flask.Blueprint, name: str) -> bool:
    """Tell whether a method of an app or a blueprint has a definition that is neither Flask's nor dualapp's."""
    return name in vars(app) or not all(map(is_frameworks, definitions_of(type(app).__mro__, name)))


def definitions_of(classes: Iterable[type], name: str) -> list[Any]:
    """Return what classes define under a name, in their order."""
    return [vars(cls)[name] for cls in classes if name in vars(cls)]


def is_frameworks(method: Any) -> bool:
    """Tell whether a method is defined in flask or dualapp."""
    return package_of(method.fget if isinstance(method, property) else method) in FRAMEWORKS


def package_of(method: Any) -> str:
    """Return the package that a function is defined in: a wrapper has the globals of the wrapper's module."""
    function = written(method)
    return function.__globals__.get("__name__", "").partition(".")[0] if type(function) is FunctionType else ""


def written(method: Any) -> Any:
    """Return a method as it was written, without what Flask 3.2 and `callable_from_both` put around it."""
    return as_written(vars(method)["written"] if is_callable_from_both(method) else method)


def is_callable_from_both(method: Any) -> bool:
    """Tell whether a method is one that `callable_from_both` has made."""
    return type(method) is FunctionType and "written" in vars(method)


def overrides_of(app: flask.Flask) -> dict[str, Function]:
    """Return the overrides of an app's steps, as the pipeline calls them."""
    return {name: with_context(func, name) for name in STEPS if (func := override_of(app, name)) is not None}


def override_of(app: flask.Flask, name: str) -> Any:
    """Return what was set on the app as a step, or defined above our own; None if nothing was."""
    if name in vars(app):
        return written(vars(app)[name])
    first = definitions_of(type(app).__mro__, name)[0]
    if is_frameworks(first):
        # Responses that the shortcuts make were not made by Flask's method.
        return getattr(app, name) if name == "make_response" and is_replaced(app, name) else None
    return written(first).__get__(app) if is_callable_from_both(first) else getattr(app, name)


def step_of(app: flask.Flask, name: str) -> Function:
    """Return a step as it is called outside the pipeline: with the context first, in the colour of its override."""
    override = override_of(app, name)
    return getattr(app, name) if override is None else with_context(override, name)


def beneath_ours(app: flask.Flask) -> dict[str, Function]:
    """Return what is defined beneath our own steps, or wrapped around Flask's, as the pipeline calls it."""
    found = {name: replaced_beneath(type(app).__mro__, name) for name in STEPS}
    return {name: with_context(method.__get__(app), name) for name, method in found.items() if method is not None}


def replaced_beneath(classes: tuple[type, ...], name: str) -> Any:
    """Return the first definition after our own that is not a framework's, None if there is none."""
    is_ours = [name in vars(cls) and package_of(vars(cls)[name]) == "dualapp" for cls in classes]
    beneath = classes[is_ours.index(True) + 1 :] if True in is_ours else ()
    if name in CALLING_FLASKS:
        beneath = tuple(cls for cls in beneath if cls not in Flask.__mro__)
    return next((method for method in definitions_of(beneath, name) if not is_frameworks(method)), None)
