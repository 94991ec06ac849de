"""Check the head of a response: whether every server can send its status line and its headers.

Each server treats a head that HTTP does not allow in its own way: it closes the connection, ends its process, or sends
the head as it is. So the pipeline checks it, and answers one 500 page instead.
"""

from __future__ import annotations

import re
from typing import Any

import werkzeug
from werkzeug.datastructures import Headers
from werkzeug.urls import iri_to_uri

from ..compat.upstream import STATUS_LINES, fields_of

# A final status code (RFC 9110 sections 15.3 to 15.6) and a reason phrase (RFC 9112 section 4).
is_status_line = re.compile(r"[2-5]\d\d [\t -~\x80-\xff]*", re.ASCII).fullmatch
# RFC 9110 sections 5.1 and 5.6.2.
is_token = re.compile(r"[!#$%&'*+.^`|~\w-]+", re.ASCII).fullmatch
is_field_value = re.compile(r"[\t -~\x80-\xff]*").fullmatch

USUAL_STATUSES = {line for code, line in STATUS_LINES.items() if code >= 200}
WHITE_SPACE = " \t"
#: Their values are IRIs, of which Werkzeug makes URIs when it sends the response.
LOCATIONS = {"location", "content-location"}

# Headers that were checked before. Values may be anything, so this set is bounded; long ones hardly ever come again.
known: set[tuple[str, str]] = set()
MOST_KNOWN = 1024
LONGEST_KNOWN = 64

LONGEST_SHOWN = 200


class UnsendableHead(ValueError):
    """The status or a header of a response cannot be sent."""


def check_head(response: werkzeug.Response) -> None:
    """Raise UnsendableHead if not every server can send this status and these headers.

    White space at the ends of a header value is not part of it (RFC 9110 section 5.5), and removed.
    """
    status: Any = response.status
    if status not in USUAL_STATUSES and not is_status_line(status):
        raise UnsendableHead(f"The status {shown(status)} cannot be sent: use a code from 200 to 599.")
    headers: Any = response.headers
    if not isinstance(headers, Headers):
        headers = response.headers = Headers(headers)
    fields = fields_of(headers)
    if not known.issuperset(fields):
        for index, field in enumerate(fields):
            if field not in known and (sent := checked_header(*field)) != field:
                headers[index] = sent


def checked_header(name: object, value: str) -> tuple[str, str]:
    """Return a header as it is sent; raise UnsendableHead if it cannot be."""
    if not isinstance(name, str) or not is_token(name):
        raise UnsendableHead(f"The header {shown(name)} cannot be sent: a name is letters, digits and hyphens.")
    is_location = name.lower() in LOCATIONS
    text = value if is_location else value.strip(WHITE_SPACE)
    if not (is_iri if is_location else is_text)(text):
        raise UnsendableHead(
            f"The header {shown(name)} cannot be sent: {shown(value)}. A value is encoded as Latin-1 and has no control"
            " characters."
        )
    if len(text) <= LONGEST_KNOWN:
        if len(known) >= MOST_KNOWN:
            known.clear()
        known.add((name, text))
    return name, text


def is_text(value: str) -> bool:
    """Tell whether a value without white space at its ends is allowed (RFC 9110 section 5.5)."""
    return (value.isascii() and value.isprintable()) or is_field_value(value) is not None


def is_iri(value: str) -> bool:
    try:
        iri_to_uri(value)
    except ValueError:
        return False
    return True


def is_sendable(response: werkzeug.Response) -> bool:
    """Tell whether `check_head` accepts a response."""
    try:
        check_head(response)
    except UnsendableHead:
        return False
    return True


def shown(text: object) -> str:
    """Return a value as a log can show it."""
    return ascii(text)[:LONGEST_SHOWN]
