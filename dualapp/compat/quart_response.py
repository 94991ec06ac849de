"""Quart's response class, as a base class of ours."""

from __future__ import annotations

from quart.wrappers.response import Response
from werkzeug.sansio.response import Response as SansIOResponse


class QuartResponse(Response):
    """Quart's response class with the constructor of Werkzeug's sans-IO response, which Quart's comes before.

    Werkzeug's response calls it as the next constructor; Quart's would make a second body.
    """

    __init__ = SansIOResponse.__init__
