"""Redirects whose headers and body are made on first access: most are sent without any access."""

from __future__ import annotations

from typing import Any, Self

from ..compat.upstream import STATUS_LINES
from ..wrappers.response import Response
from ..wrappers.sending import is_uri

# The codes that Werkzeug's `redirect` accepts.
REDIRECT_CODES = {301, 302, 303, 305, 307, 308}

CONTENT_TYPE = ("Content-Type", "text/html; charset=utf-8")

#: The attributes of a response that its constructor sets.
PARTS = vars(Response.of(b"", "", 200, [])).keys()


class Redirect(Response):
    """A redirect that has only its location and code until another attribute is read or set."""

    location_and_code: tuple[str, int]

    @classmethod
    def to(cls, location: str, code: int) -> Self:
        """Make a lazy redirect; the constructor of this class makes an ordinary response."""
        redirect = cls.__new__(cls)
        vars(redirect)["location_and_code"] = location, code
        return redirect

    def __getattr__(self, name: str) -> Any:
        """Make all parts when one is read for the first time; those that were set keep their values."""
        if name in PARTS:
            for part, value in vars(complete(*self.location_and_code)).items():
                vars(self).setdefault(part, value)
        return super().__getattribute__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "__class__":  # Werkzeug's `force_type` sets it, and other classes do not make parts on access
            self.headers  # noqa: B018 - makes all parts
            vars(self).pop("location_and_code", None)
        super().__setattr__(name, value)

    @property
    def is_unobserved(self) -> bool:
        """Whether no attribute was read or set."""
        return len(vars(self)) == 1


def is_simple_redirect(location: Any, code: Any) -> bool:
    """Tell whether Werkzeug would make a redirect of these arguments, and send the location as it is."""
    return (
        type(location) is str
        and type(code) is int
        and code in REDIRECT_CODES
        and not Response.autocorrect_location_header
        and is_uri(location) is not None
    )


def complete(location: str, code: int) -> Response:
    """Make the complete response of a redirect."""
    page = page_to(location)
    fields = [CONTENT_TYPE, ("Content-Length", str(len(page))), ("Location", location)]
    return Response.of(page, STATUS_LINES[code], code, fields)


def page_to(location: str) -> bytes:
    """Make Werkzeug's page for clients that do not follow redirects."""
    link = location.replace("&", "&amp;").replace("'", "&#39;")  # `is_uri` matches no other character to escape
    return (
        "<!doctype html>\n"
        "<html lang=en>\n"
        "<title>Redirecting...</title>\n"
        "<h1>Redirecting...</h1>\n"
        "<p>You should be redirected automatically to the target URL: "
        f'<a href="{link}">{link}</a>. If not, click the link.\n'
    ).encode()
