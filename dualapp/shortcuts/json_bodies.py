"""Parse the JSON body of a request without a request object: most views that take JSON need it for nothing else."""

from __future__ import annotations

from collections.abc import Callable
from json import JSONDecoder
from typing import TYPE_CHECKING, Any

from flask.json.provider import DefaultJSONProvider, JSONProvider

from ..compat.upstream import CACHED_DATA, CACHED_JSON
from ..wrappers.faces import has_own_faces
from ..wrappers.sync_request import Request
from .switches import is_on

if TYPE_CHECKING:
    import flask

    from ..exchange.exchange import Exchange

GET_JSON, LOADS = Request.get_json, DefaultJSONProvider.loads
decode: Callable[[str], tuple[Any, int]] = JSONDecoder().raw_decode


class JSONBody:
    """A body that `get_json()` has parsed, kept for a later request object."""

    __slots__ = ("_data", "value")

    def __init__(self, data: bytes, value: Any) -> None:
        self._data = data
        self.value = value

    @classmethod
    def of(cls, app: flask.Flask, exchange: Exchange) -> JSONBody | None:
        """Take and parse a body; None if `get_json()` would do more than that. A thread may wait.

        Raises ValueError, and leaves the body to the request object, if it is not JSON.
        """
        body, limit = exchange.body, app.config["MAX_CONTENT_LENGTH"]
        if not body.length or (limit is not None and body.length > limit) or not body.is_untouched:
            return None
        if exchange.content_type != "application/json" or not parses_as_flask(app):
            return None
        data = body.take_all()
        try:
            return cls(data, loads(app.json, data))
        except ValueError:
            body.arrived, body.taken = data, 0
            raise

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes of a request object that has parsed the body."""
        return {CACHED_DATA: self._data, CACHED_JSON: (self.value, self.value), "_is_body_taken": True}


def parses_as_flask(app: Any) -> bool:
    """Tell whether only the JSON provider may be the user's code when a body is parsed."""
    return has_own_faces(app) and Request.get_json is GET_JSON and is_on(app, "json")


def loads(provider: JSONProvider, data: bytes) -> Any:
    """Decode JSON as the provider does; Flask's own would look for the encoding and for white space around it."""
    if type(provider) is DefaultJSONProvider and "loads" not in vars(provider) and DefaultJSONProvider.loads is LOADS:
        try:
            text = data.decode()
            value, end = decode(text)
        except ValueError:
            pass
        else:
            if end == len(text):
                return value
    return provider.loads(data)
