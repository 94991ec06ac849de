"""What a client was told by earlier answers, and tells the server."""

from __future__ import annotations

from dataclasses import replace

from ..support.entry_driver import Answer
from .visits import TOLD, Visit


class Told:
    """The cookies and validators that a client has got."""

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}
        self.etag = self.modified = ""

    def hear(self, answer: Answer) -> None:
        for cookie in answer.all("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            if "Thu, 01 Jan 1970" in cookie:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        self.etag = next(iter(answer.all("etag")), self.etag)
        self.modified = next(iter(answer.all("last-modified")), self.modified)

    def fill(self, visit: Visit) -> Visit:
        """Put in the headers of a request what the client was told."""
        values = ("; ".join(f"{name}={value}" for name, value in self.cookies.items()), self.etag, self.modified)
        headers = []
        for name, value in visit.headers:
            for place, known in zip(TOLD, values, strict=True):
                value = value.replace(place, known)
            headers.append((name, value))
        return replace(visit, headers=tuple(headers))
