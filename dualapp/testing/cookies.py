"""Cookies of the test client as Quart's client shows and takes them."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

from werkzeug.test import Cookie


def cookiejar_cookie(cookie: Cookie) -> SimpleNamespace:
    """Return a cookie with the attributes of `http.cookiejar.Cookie`."""
    expires = None if cookie.expires is None else int(cookie.expires.timestamp())
    if cookie.max_age is not None:  # Max-Age has precedence (RFC 6265 section 4.1.2.2)
        expires = int(time.time()) + cookie.max_age
    return SimpleNamespace(
        name=cookie.key,
        value=cookie.value,
        domain=cookie.domain,
        path=cookie.path,
        secure=bool(cookie.secure),
        expires=expires,
    )


def without_server(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Translate cookie arguments of Quart's client, which begin with a server name, into those of Werkzeug's."""
    server = args[0] if args else kwargs["server_name"]
    others = {name: value for name, value in kwargs.items() if name != "server_name"}
    return args[1:], {**others, "domain": others.get("domain") or server or "localhost"}
