"""A browser: it keeps cookies, fills in forms, and remembers all answers, so that two visits can be compared."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partialmethod
from typing import Any
from urllib.parse import urlencode

from tests.support.entry_driver import Answer, Headers, mask
from tests.support.http_client import SERVER_HEADERS

Send = Callable[[str, str, Headers, bytes], Answer]

TOKEN = re.compile(r'(?<=value=")[\w.-]{40,}(?=")')
# What is another each time: that token, Dash's own in each of its pages, and the time in a file's name.
CHANCE = re.compile(rf'{TOKEN.pattern}|(?<="end_id":")[^"]+|(?<=_)\d{{4}}-\d\d-\d\d_\d\d-\d\d-\d\d(?=\.)')


class Browser:
    def __init__(self, send: Send) -> None:
        self.send = send
        self.jar: dict[str, str] = {}
        self.seen: list[object] = []

    def ask(self, method: str, target: str, headers: Mapping[str, str] = {}, body: bytes = b"") -> Answer:
        lines = [("Host", "localhost"), ("User-Agent", "browser/1"), *headers.items()]
        if self.jar:
            lines.append(("Cookie", "; ".join(f"{name}={value}" for name, value in self.jar.items())))
        answer = self.send(method, target, lines, body)
        for name, value in (line.partition(";")[0].split("=", 1) for line in answer.all("set-cookie")):
            self.jar[name] = value
        self.seen.append((method, target, *essence(answer)))
        return answer

    get = partialmethod(ask, "GET")
    delete = partialmethod(ask, "DELETE")

    def post_json(self, target: str, value: Any) -> Answer:
        return self.ask("POST", target, {"Content-Type": "application/json"}, json.dumps(value).encode())

    def post_form(self, target: str, method: str = "POST", **fields: Any) -> Answer:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask(method, target, kind, urlencode(fields).encode())

    def fill_in(self, page: str, target: str = "", **fields: Any) -> Answer:
        """Open a page with a form, and send the form with the token that it carries."""
        token = TOKEN.search(self.get(page).text)
        assert token, f"no token in the form on {page}"
        return self.post_form(target or page, csrf_token=token[0], **fields)


def essence(answer: Answer) -> tuple[object, ...]:
    """What must be the same whoever answers: all but what a server says of itself, and what chance decides."""
    # Quart gives 204 a length of 0, which it must not have (RFC 9110 section 8.6).
    dropped = SERVER_HEADERS | ({"content-length"} if answer.status == 204 else set())
    headers = [mask(name, CHANCE.sub("...", value)) for name, value in answer.headers if name not in dropped]
    return answer.status, sorted(headers), CHANCE.sub("...", answer.text)
