"""Refuse a request that names more than one host."""

from __future__ import annotations

from werkzeug.exceptions import BadRequest


class SeveralHosts(BadRequest):
    """400: the request has more than one Host header (RFC 9112 section 3.2)."""

    description = "The request has more than one Host header."


def refuse_several_hosts(host: str | bytes | None) -> None:
    """Raise SeveralHosts for the values of several Host headers: servers that take those join them with commas."""
    if host and ("," if isinstance(host, str) else b",") in host:  # type: ignore[operator]  # both are of one type
        raise SeveralHosts()
