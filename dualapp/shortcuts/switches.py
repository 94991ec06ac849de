"""Tell which shortcuts an app may take: all, unless a test or a benchmark switches some off.

The private attribute `_shortcuts` of an app or its class holds their names; it is read when plans are made.
"""

from __future__ import annotations

from typing import Any

#: matcher: match with compiled rules. plain: send a view's value without a response object. static: send cached headers
#: of a file. sessions: cache what signs cookies. redirects: make the headers and the body of a redirect on access.
#: json: parse a JSON body without a request object. parts: read arguments and headers without one.
ALL = frozenset({"matcher", "plain", "static", "sessions", "redirects", "json", "parts"})


def is_on(app: Any, name: str) -> bool:
    """Tell whether an app may take a shortcut."""
    return name in getattr(app, "_shortcuts", ALL)
