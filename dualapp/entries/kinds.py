"""Tell WSGI apps from ASGI apps by the function that a server would call."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Any

from ..crossing.colour import is_async


class Kind(StrEnum):
    """Which servers an app is made for."""

    WSGI = "wsgi"
    ASGI = "asgi"
    #: A DualApp.
    BOTH = "both"


def kind_of(app: Any, said: str | None = None) -> Kind:
    """Return the kind of an app: what was `said`, else what its class or its parameters tell.

    Raises TypeError if neither does, and ValueError for an unknown word.
    """
    if said not in (None, Kind.WSGI, Kind.ASGI):
        raise ValueError(f"The kind of an app is 'wsgi' or 'asgi', not {said!r}.")
    told = told_kind(app)
    kind = told if said is None else Kind(said)
    if kind is None:
        raise TypeError(f"{app!r} may be a WSGI app or an ASGI app; say which: kind='wsgi' or kind='asgi'.")
    return kind


def told_kind(app: Any) -> Kind | None:
    """Return the kind that an app's or middleware's class or parameters tell, else None."""
    if not callable(app):
        raise TypeError(f"{app!r} is not an app: it cannot be called.")
    if callable(getattr(app, "wsgi", None)) and callable(getattr(app, "asgi", None)):
        return Kind.BOTH
    if inspect.isclass(app):
        return kind_of_function(partial(app.__call__, None))
    return kind_of_function(app if inspect.isroutine(app) else app.__call__)


def kind_of_function(function: Callable[..., Any]) -> Kind | None:
    """Return the kind that the colour or the parameters of a function tell, None if they do not."""
    if is_async(function):
        return Kind.ASGI
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a function of C
        return None
    positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    required = [each for each in positional if each.default is each.empty]
    is_fixed = all(each.kind is not each.VAR_POSITIONAL for each in parameters)
    return {2: Kind.WSGI, 3: Kind.ASGI}.get(len(required)) if is_fixed and len(positional) in (2, 3) else None
