"""The general road, forced by what any user may do to an app, so that no shortcut is taken in an answer of it."""

from __future__ import annotations

from typing import Any

import dualapp


class Response(dualapp.Response):
    """A class of one's own: each answer is made one of it, and it says itself what is sent of it."""

    def get_wsgi_headers(self, environ: Any) -> Any:
        return super().get_wsgi_headers(environ)


class GeneralRoad:
    """What an app has to inherit first; its own way to URL adapters leaves all matching to Werkzeug."""

    response_class = Response

    def create_url_adapter(self, request: Any) -> Any:
        return super().create_url_adapter(request)  # type: ignore[misc]  # of the app


ROADS: dict[str, tuple[type, ...]] = {"short": (), "general": (GeneralRoad,)}
