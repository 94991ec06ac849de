"""Read the arguments and the headers of a request without a request object: many views need nothing else of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..wrappers.faces import has_own_faces
from ..wrappers.sync_request import split_query
from .switches import is_on

if TYPE_CHECKING:
    from werkzeug.datastructures import EnvironHeaders, ImmutableMultiDict

    from ..exchange.exchange import Exchange


def arguments_of(exchange: Exchange) -> ImmutableMultiDict[str, str] | None:
    return split_query(exchange.query_string.decode())


def headers_of(exchange: Exchange) -> EnvironHeaders:
    return exchange.headers


READERS: dict[str, Callable[[Exchange], Any]] = {"args": arguments_of, "headers": headers_of}


def part_of(context: Any, name: str) -> Any:
    """Return an attribute of the request, kept for a later request object; None to make that object.

    `context` is a `dualapp.pipeline.context.Context` without a request object, `name` a key of READERS.
    """
    parts = context.parts
    if parts is None:
        if not (has_own_faces(context.app) and is_on(context.app, "parts")):
            return None
        parts = context.parts = {}
    if name not in parts and (part := READERS[name](context.exchange)) is not None:
        parts[name] = part
    return parts.get(name)
