"""Redirects. Most are sent as a view made them, so that all but where they lead to is left for who asks for it."""

from __future__ import annotations

from typing import Any, Self

from ..compat.upstream import STATUS_LINES
from ..wrappers.response import Response
from ..wrappers.sending import is_uri

# What Werkzeug says that it makes redirects of.
REDIRECT_CODES = {301, 302, 303, 305, 307, 308}

CONTENT_TYPE = ("Content-Type", "text/html; charset=utf-8")

#: What a response has that is made.
PARTS = vars(Response.of(b"", "", 200, [])).keys()


class Redirect(Response):
    """A redirect that has nothing but its location and its code, until somebody asks for anything else."""

    location_and_code: tuple[str, int]

    @classmethod
    def to(cls, location: str, code: int) -> Self:
        """Make one; the constructor makes a response as that of any other class."""
        redirect = cls.__new__(cls)
        vars(redirect)["location_and_code"] = location, code
        return redirect

    def __getattr__(self, name: str) -> Any:
        """Make all parts when the first is asked for; those that were set meanwhile stay as they are."""
        if name in PARTS:
            for part, value in vars(complete(*self.location_and_code)).items():
                vars(self).setdefault(part, value)
        return super().__getattribute__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "__class__":  # Werkzeug's `force_type` sets it, and another class needs all parts
            self.headers  # noqa: B018 - with it come the others
            vars(self).pop("location_and_code", None)
        super().__setattr__(name, value)

    @property
    def is_unobserved(self) -> bool:
        """Whether nobody has asked for anything, or set it."""
        return len(vars(self)) == 1


def is_simple_redirect(location: Any, code: Any) -> bool:
    """Tell whether Werkzeug would make a redirect of these, and send the location as it is."""
    return (
        type(location) is str
        and type(code) is int
        and code in REDIRECT_CODES
        and not Response.autocorrect_location_header
        and is_uri(location) is not None
    )


def complete(location: str, code: int) -> Response:
    """Make the response that a redirect is."""
    page = page_to(location)
    fields = [CONTENT_TYPE, ("Content-Length", str(len(page))), ("Location", location)]
    return Response.of(page, STATUS_LINES[code], code, fields)


def page_to(location: str) -> bytes:
    """Make Werkzeug's page for clients that do not follow."""
    link = location.replace("&", "&amp;").replace("'", "&#39;")  # all there is to escape in what `is_uri`
    return (
        "<!doctype html>\n"
        "<html lang=en>\n"
        "<title>Redirecting...</title>\n"
        "<h1>Redirecting...</h1>\n"
        "<p>You should be redirected automatically to the target URL: "
        f'<a href="{link}">{link}</a>. If not, click the link.\n'
    ).encode()
