"""The requests that every server gets, and the status that each has to have. `{c}` is the colour of the view."""

import json
from base64 import b64encode
from dataclasses import dataclass, replace
from typing import Self

from tests.support import entry_driver

MEBIBYTE = bytes(range(256)) * 4096


@dataclass(frozen=True)
class Ask(entry_driver.Ask):
    """One request, and the status of its answer."""

    status: int = 200

    def coloured(self, colour: str) -> Self:
        return replace(self, target=self.target.replace("{c}", colour))


def get(target: str, *headers: tuple[str, str], status: int = 200, method: str = "GET") -> Ask:
    return Ask(method, target, headers, status=status)


def post(target: str, body: bytes | tuple[bytes, ...], kind: str = "", status: int = 200) -> Ask:
    """A body that is a tuple is sent in chunks."""
    headers = (("Content-Type", kind),) if kind else ()
    return Ask("POST", target, headers, body, 0 if body == b"" else None, status=status)


def multipart(boundary: str = "frontier") -> Ask:
    parts = [
        ('name="title"', "", "Grüße".encode()),
        ('name="title"', "", b"again"),
        ('name="file"; filename="a.bin"', "Content-Type: application/x-test\r\n", MEBIBYTE[:70000]),
    ]
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {name}\r\n{kind}\r\n".encode() + content + b"\r\n"
        for name, kind, content in parts
    )
    return post("/{c}/form", body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}")


JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
BASIC = "Basic " + b64encode("Aladdin:öffne dich".encode()).decode()

ASKS = {
    # paths and query strings
    "plain": get("/{c}/echo"),
    "utf8-percent-encoded": get("/{c}/echo/caf%C3%A9/%E2%82%AC"),
    "utf8-raw": get("/{c}/echo/café"),
    "not-utf8": get("/{c}/echo/%FF%FE"),
    "malformed-percent": get("/{c}/echo/100%/%zz"),
    "percent-slash": get("/{c}/echo/a%2Fb"),
    "percent-twice": get("/{c}/echo/a%252Fb"),
    "percent-question": get("/{c}/echo/what%3F%23"),
    "percent-nul": get("/{c}/echo/a%00b"),
    "percent-newline": get("/{c}/echo/a%0D%0Ab", status=404),
    "plus-and-semicolon": get("/{c}/echo/a+b;c=d,e"),
    "dots": get("/{c}/echo/a/../b/./c"),
    "slashes-inside": get("/{c}//echo", status=308),
    "slashes-first": get("//{c}/echo"),
    "slash-missing": get("/{c}/folder?a=1", status=308),
    "query": get("/{c}/echo?q=%C3%A9&q=a+b&empty=&flag"),
    "query-not-utf8": get("/{c}/echo?q=%ff%fe"),
    "query-of-marks": get("/{c}/echo?a=1?b=2&url=http://x/y"),
    "query-empty": get("/{c}/echo?"),
    # headers
    "repeated-header": get("/{c}/echo", ("X-Many", "one"), ("X-Many", "two"), ("X-Many", "three")),
    "repeated-cookie": get("/{c}/echo", ("Cookie", "a=1; b=2"), ("Cookie", "c=3")),
    "odd-cookies": get("/{c}/echo", ("Cookie", 'a="x y"; =nameless; b; c=%C3%A9')),
    "underscore-header": get("/{c}/echo", ("X_Forged", "yes"), ("X-Fine", "yes")),
    "latin1-header": get("/{c}/echo", ("X-Latin", "café")),
    "empty-header": get("/{c}/echo", ("X-Empty", "")),
    "basic-auth": get("/{c}/echo", ("Authorization", BASIC)),
    "broken-auth": get("/{c}/echo", ("Authorization", "Basic ???")),
    "long-header": get("/{c}/echo", ("X-Long", "x" * 7000)),
    # methods
    "head": get("/{c}/echo", method="HEAD"),
    "head-large": get("/{c}/large", method="HEAD"),
    "head-stream": get("/{c}/stream", method="HEAD"),
    "head-404": get("/{c}/missing", status=404, method="HEAD"),
    "options": get("/{c}/only-get", method="OPTIONS"),
    "put": get("/{c}/echo", method="PUT"),
    "not-allowed": get("/{c}/only-get", status=405, method="DELETE"),
    "unknown-method": get("/{c}/only-get", status=405, method="BREW"),
    # bodies
    "json": post("/{c}/json", json.dumps({"ü": [1, None, "€"]}).encode(), JSON),
    "json-chunked": post("/{c}/json", (b'{"a":', b" 1}"), JSON),
    "json-broken": post("/{c}/json", b'{"a":', JSON, 400),
    "json-media-type": post("/{c}/json", b"{}", "text/plain", 415),
    "form": post("/{c}/form", b"a=1&a=2&name=J%C3%BCrgen+K", FORM),
    "form-not-utf8": post("/{c}/form", b"a=%ff", FORM),
    "multipart": multipart(),
    "multipart-broken": post("/{c}/form", b"--x\r\nno end", "multipart/form-data; boundary=x", 400),
    "body-empty": post("/{c}/upload", b""),
    "body-none": Ask("POST", "/{c}/upload"),
    "body-1MiB": post("/{c}/upload", MEBIBYTE),
    "body-1MiB-streamed": post("/{c}/upload/stream", MEBIBYTE),
    "chunked": post("/{c}/upload", (b"one", b"two" * 1000, b"three")),
    "chunked-1MiB": post("/{c}/upload", tuple(MEBIBYTE[at : at + 65536] for at in range(0, len(MEBIBYTE), 65536))),
    "chunked-streamed": post("/{c}/upload/stream", (b"one", b"two" * 1000, b"three")),
    "at-the-limit": post("/{c}/limited", b"x" * 1000),
    "over-the-limit": post("/{c}/limited", b"x" * 1001, status=413),
    "chunked-over-the-limit": post("/{c}/limited", (b"x" * 600, b"x" * 600), status=413),
    "body-unread": post("/{c}/unread", b"x" * 30000),
    "chunked-unread": post("/{c}/unread", (b"x" * 30000,)),
    # answers
    "large": get("/{c}/large"),
    "stream": get("/{c}/stream"),
    "no-content": get("/{c}/empty", status=204),
    "nothing": get("/{c}/nothing"),
    "redirect": get("/{c}/redirect", status=303),
    "missing": get("/{c}/missing", status=404),
    "boom": get("/{c}/boom", status=500),
    # Errors that are no Exception would end a thread of a WSGI server, and a task of an ASGI server.
    "cancelled": get("/{c}/cancelled", status=500),
    "generator-exit": get("/{c}/generator-exit", status=500),
    "set-cookies": get("/{c}/cookies"),
    "set-headers": get("/{c}/headers", status=201),
    "static": get("/static/hello.txt"),
    "static-part": get("/static/hello.txt", ("Range", "bytes=5-8"), status=206),
    "static-unchanged": get("/static/hello.txt", ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"), status=304),
}

# Sent one after another on one connection.
KEPT = ["plain", "json", "head", "chunked", "no-content", "stream", "missing", "redirect", "static-unchanged", "plain"]


@dataclass(frozen=True)
class Broken:
    """Bytes that are no good request; the client then waits, or cuts: it says that no more will come."""

    data: bytes
    cut: bool = False

    def coloured(self, colour: str) -> Self:
        return replace(self, data=self.data.replace(b"{c}", colour.encode()))


def broken_head(target: bytes = b"/{c}/echo", line: bytes = b"") -> Broken:
    return Broken(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + line + b"\r\n")


def broken_body(lines: bytes, body: bytes, *, cut: bool = False) -> Broken:
    head = b"POST /{c}/upload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    return Broken(head + lines + b"\r\n" + body, cut)


CHUNKED = b"Transfer-Encoding: chunked\r\n"
LAST = b"0\r\n\r\n"

BROKEN = {
    "no-http": Broken(b"what is this?\r\n\r\n"),
    "head-cut": Broken(b"GET /{c}/echo HTTP/1.1\r\nHost: loc", cut=True),
    "nul-in-path": broken_head(b"/{c}/echo/a\0b"),
    "newline-in-path": broken_head(b"/{c}/echo/a\nb"),
    "nul-in-header": broken_head(line=b"X-Nul: a\0b\r\n"),
    "newline-in-header": broken_head(line=b"X-Folded: a\r\n b\r\n"),
    "space-before-colon": broken_head(line=b"X-Spaced : a\r\n"),
    "no-colon": broken_head(line=b"nonsense\r\n"),
    "length-of-letters": broken_body(b"Content-Length: abc\r\n", b"abc"),
    "length-negative": broken_body(b"Content-Length: -3\r\n", b"abc"),
    "length-twice": broken_body(b"Content-Length: 3\r\nContent-Length: 4\r\n", b"abcd"),
    "length-cut": broken_body(b"Content-Length: 100\r\n", b"only this", cut=True),
    "length-and-chunks": broken_body(CHUNKED + b"Content-Length: 3\r\n", b"3\r\nabc\r\n" + LAST),
    "chunk-of-letters": broken_body(CHUNKED, b"zz\r\nabc\r\n" + LAST),
    "chunk-negative": broken_body(CHUNKED, b"-3\r\nabc\r\n" + LAST),
    "chunk-too-short": broken_body(CHUNKED, b"2\r\nabc\r\n" + LAST),
    "chunk-cut": broken_body(CHUNKED, b"5\r\nab", cut=True),
    "chunk-last-missing": broken_body(CHUNKED, b"3\r\nabc\r\n", cut=True),
}

# Not broken, but more than it says: what comes after the length is not the body's.
TRAILING = broken_body(b"Content-Length: 3\r\n", b"abc and more")
