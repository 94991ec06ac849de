"""Ask a real server over a real connection, and look at the answer as bytes and header lines."""

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit

from .waiting import LIMIT

# Servers write these themselves, each in its own way: they say nothing about the app.
SERVER_HEADERS = {"connection", "date", "server", "transfer-encoding"}


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the header lines sorted by name without `SERVER_HEADERS`, the body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def __getitem__(self, name: str) -> str:
        """Return the only header of this name."""
        (value,) = self.get_all(name)
        return value

    def get_all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]

    @property
    def text(self) -> str:
        return self.body.decode()


def ask(
    url: str, path: str, *, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Send one request on its own connection and read the whole answer."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=LIMIT)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        lines = [(name.lower(), value) for name, value in response.getheaders() if name.lower() not in SERVER_HEADERS]
        # sorted() keeps the order of equal names, which has a meaning; a key on the name alone sees to it.
        return Answer(response.status, tuple(sorted(lines, key=lambda line: line[0])), response.read())
    finally:
        connection.close()
