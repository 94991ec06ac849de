"""The general road: apps whose shortcuts are switched off, and whose classes are made and sent as any user's are."""

from __future__ import annotations

from typing import Any

import dualapp


class Response(dualapp.Response):
    """A class that says itself which headers are sent."""

    def get_wsgi_headers(self, environ: Any) -> Any:
        return super().get_wsgi_headers(environ)


class Request(dualapp.Request):
    """A class with a constructor of its own, which is called with an environ for each request."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


class GeneralRoad:
    """What an app has to inherit first."""

    _shortcuts: frozenset[str] = frozenset()
    request_class = Request
    response_class = Response


ROADS: dict[str, tuple[type, ...]] = {"short": (), "general": (GeneralRoad,)}
