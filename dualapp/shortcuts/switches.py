"""Which shortcuts an app may take: all, unless a test or a benchmark switches some off.

`_shortcuts` of an app's class is the private setting; it is looked at when plans are made.
"""

from __future__ import annotations

from typing import Any

#: matcher: find rules with compiled patterns. plain: send a view's value without a response object. static: answer
#: from what is known of a file. sessions: keep what signs cookies. redirects: make most of a redirect late.
ALL = frozenset({"matcher", "plain", "static", "sessions", "redirects"})


def is_on(app: Any, name: str) -> bool:
    """Tell whether an app may take a shortcut."""
    return name in getattr(app, "_shortcuts", ALL)
