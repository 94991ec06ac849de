"""Values that the random requests are made of."""

from __future__ import annotations

from typing import Any

from .parts.bodies import WAYS_TO_READ
from .parts.errors import RAISED
from .parts.files import FILES
from .parts.responses import KINDS

#: Values for the placeholders in targets; they are percent-encoded when they are filled in.
POOLS: dict[str, list[str]] = {
    "int": ["0", "1", "7", "-1", "007", "12", "1.5", "\u0663", "9" * 30, "+1", "1_0", ""],
    "number": ["1.5", "-0.5", "1", "1e3", ".5", "1.", "nan", "01.50", "1.5x"],
    "text": [
        *(
            "a",
            "b c",
            "me",
            "end",
            "edit",
            "\u00e9",
            "\u20ac",
            "\U0001f600",
            "%",
            "%2F",
            "x/y",
            "..",
            ".",
            "~",
            "",
            "\\",
        ),
        *(
            "a;p=1",
            "a+b",
            "a&b=c",
            "?",
            "#",
            '"',
            "<b>",
            "\n",
            "\0",
            " a ",
            "a" * 300,
            "x-y.1",
            ":80",
            "@",
            "\u2028",
            "ab",
        ),
    ],
    "word": ["one", "two words", "drei", "me", "abc", "ABC", "en", "de", "One"],
    "uuid": ["00000000-0000-0000-0000-000000000007", "ABCDEF00-0000-0000-0000-000000000007", "7", "0" * 32],
    "code": [
        *map(str, (400, 401, 403, 404, 405, 409, 412, 413, 416, 418, 429, 500, 502, 503, 200, 204, 299, 304, 999))
    ],
    "size": ["0", "1", "2", "3", "5", "-1", "100", "70000"],
    "read": WAYS_TO_READ,
    "raised": [*RAISED],
    "kind": KINDS,
    "file": [*FILES, "none.txt", "folder", "../short.txt", "folder/../short.txt", "short.txt/"],
    "send": [
        *("plain", "etag=no", "name=n.txt", "name=%C3%BC%20%22.txt", "age=0", "age=60", "type=text/x", "modified=1000"),
        *("tag=own&age=5", "name=&type=image/png", "plain&etag=no"),
    ],
    "etag": ["a", "b", "W", 'q"', "\u00e9"],
    "words": ["a", "b", "empty", "bytes", "umlaut", "sleep", "large", "fail", "c"],
    "session": [
        *("get", "set", "count", "pop", "clear", "nested", "modified", "permanent", "temporary", "flash", "flashed"),
        *("types", "bad"),
    ],
    "before": ["abort", "return", "response", "raise", "form", "data", "json", "session", "later", "sleep", "none"],
    "after": ["header", "replace", "raise", "data", "session", "cookie", "status", "empty", "etag", "call", "none"],
    "teardown": ["session", "none"],
    "url": [
        "/plain",
        "/a b",
        "//elsewhere/x",
        "http://elsewhere/\u00fc?q=\u20ac",
        "",
        "relative/x",
        "?q=1",
        "#f",
        "/%zz",
    ],
    "cookie": [
        *(
            "value=1",
            "key=b&value=%C3%BC",
            "value=a%3Bb&age=5",
            "value=x&path=/x&domain=example.org",
            "samesite=Strict",
        ),
        *("samesite=None&secure=1", "httponly=1&value=", "key=&value=1", "age=0&value=x", "value=" + "x" * 60),
    ],
    "host": [
        *(
            "example.org",
            "api.example.org",
            "ann.example.org",
            "a.deep.example.org",
            "example.org:8080",
            "localhost:80",
        ),
        *("EXAMPLE.ORG", "[::1]:80", "127.0.0.1", "a b", "a/b@c", "[::", "x:y", "\xfc", "", "example.org.", "..", "-"),
    ],
    "query": [
        *("", "a=1", "a=1&a=2", "a", "=", "a=%C3%A9&b=%FF", "a=b+c&%26=%3D", "&&", "a=\xe9", "a=%zz", "a=1;b=2", "?"),
        *("=1&=2", "a=%00", "a==b", "q=" + "x" * 500, "ranges", "weak", "a[]=1&a[]=2"),
    ],
}

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get"]
METHOD_WEIGHTS = [45, 10, 22, 5, 3, 4, 5, 1, 2, 1]

#: The time of the files, one before it and one after it, and what is none.
DATES = [
    "Sun, 13 Sep 2020 12:26:40 GMT",
    "Sun, 13 Sep 2020 12:26:39 GMT",
    "Mon, 14 Sep 2020 00:00:00 GMT",
    "Sunday, 13-Sep-20 12:26:40 GMT",
    "yesterday",
]
ETAGS = ['"a"', 'W/"a"', '"b", "a"', "*", "a", '"', 'W/"W"', '"\xe9"', "<etag>", 'W/<etag>, "x"']
RANGES = [
    *(
        "bytes=0-3",
        "bytes=5-",
        "bytes=-5",
        "bytes=2-100000",
        "bytes=100000-",
        "bytes=3-1",
        "bytes=0-1,3-4",
        "lines=0-3",
    ),
    *("bytes=-0", "bytes=", "nonsense", "bytes=a-b", "bytes=0-0", "Bytes=0-3", "bytes=-100000", "bytes=70000-70005"),
]

#: Headers by what they are about; `<cookies>`, `<etag>` and `<modified>` are what an earlier answer said.
HEADERS: dict[str, dict[str, list[str]]] = {
    "conditions": {
        "If-None-Match": ETAGS,
        "If-Match": ETAGS,
        "If-Modified-Since": ["<modified>", *DATES],
        "If-Unmodified-Since": ["<modified>", *DATES],
        "Range": RANGES,
        "If-Range": [*ETAGS[:2], "<etag>", "<modified>", *DATES],
    },
    "cookies": {
        "Cookie": [
            *("<cookies>", "<cookies>", "<cookies>", "a=1", "a=1; b=2; a=3", 'q="quoted; \\073"', "=;;;=\xff; a"),
            *("a=\xc3\xbc", "session=forged", "session=a.b.c", "$Version=1; a=1", "a=1;b=2", "a=1,b=2", ""),
        ],
    },
    "content negotiation": {
        "Accept": ["*/*", "text/html;q=0.5, application/json", "q=;q=x;q=2", "text/*;level=1", "application/json;q=0"],
        "Accept-Language": ["de, en;q=0.7", "*;q=abc", ""],
        "Accept-Encoding": ["gzip, br;q=0", "identity;q=0, *;q=0", "zip"],
        "Accept-Charset": ["utf-8", "\xff"],
    },
    "who asks": {
        "Authorization": [
            "Basic YTpi",
            "Basic YTrDvA==",
            "Basic",
            "Basic =",
            "Bearer abc",
            'Digest username="',
            "\xff a",
        ],
        "User-Agent": ["fuzz/1", "", "\x01"],
        "Referer": ["http://elsewhere/", "\xe9"],
        "Origin": ["http://origin", "null"],
        "X-Forwarded-For": ["1.2.3.4, 5.6.7.8", "unknown"],
        "X-Forwarded-Proto": ["https"],
        "X-Forwarded-Host": ["forwarded.example"],
        "X-Forwarded-Prefix": ["/prefix"],
        "Forwarded": ["for=1.2.3.4;proto=https"],
    },
    "odd ones": {
        "X-Odd": ["a\x01b", "a\tb", "\xff", "x" * 9000, "", "1", "\x7f", "a,b", "a;b"],
        "x-odd": ["2"],
        "X_Odd": ["underscored"],
        "X-HTTP-Method-Override": ["DELETE"],
        "X-Requested-With": ["XMLHttpRequest"],
        "Upgrade": ["websocket", "h2c"],
        "Connection": ["Upgrade", "close", "keep-alive, X-Odd"],
        "Expect": ["100-continue", "nothing"],
        "Date": [DATES[0], "today"],
        "Max-Forwards": ["3", "-"],
        "Pragma": ["no-cache"],
        "Cache-Control": ["max-age=5", "max-age=many", "no-store, private"],
        "Content-Encoding": ["gzip"],
        "Access-Control-Request-Method": ["PUT"],
        "Access-Control-Request-Headers": ["X-Odd, x-other"],
        "Content-MD5": ["x"],
        "Proxy": ["http://evil"],
    },
}

#: Longer than what is read ahead.
LARGE = (b"x" * 99 + b"\n") * 700
BOUNDED = "multipart/form-data; boundary=cut"
CONTENT_TYPES = {
    "json": [
        "application/json",
        "application/json; charset=utf-8",
        "application/problem+json",
        "APPLICATION/JSON",
        "text/json",
    ],
    "form": ["application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=latin-1"],
    "multipart": [
        BOUNDED,
        'multipart/form-data; boundary="cut"',
        "multipart/form-data",
        "multipart/form-data; boundary=x",
    ],
    "other": [
        "text/plain",
        "application/octet-stream",
        "",
        ";;;charset",
        "text/plain; charset=utf-16",
        "a" * 200,
        "multipart/mixed",
    ],
}


def multipart(*parts: tuple[str, bytes], end: bytes = b"--cut--\r\n") -> bytes:
    return b"".join(b"--cut\r\n%s\r\n\r\n%s\r\n" % (head.encode(), body) for head, body in parts) + end


FIELD = 'Content-Disposition: form-data; name="a"'
FILE = 'Content-Disposition: form-data; name="f"; filename="f.txt"\r\nContent-Type: text/plain'
BODIES: dict[str, list[bytes]] = {
    "json": [
        *(
            b"{}",
            b'{"a": 1}',
            b"[1, null, 1.5e3]",
            b'"\xc3\xbc"',
            b"{",
            b"",
            b"\xff",
            b"NaN",
            b" [] ",
            b'{"a":1}x',
            b"null",
        ),
        *(
            "[]".encode("utf-16"),
            b"\xef\xbb\xbf{}",
            b'"\\ud800"',
            b"[" * 50 + b"]" * 50,
            b'{"a": "%s"}' % (b"x" * 70_000),
        ),
    ],
    "form": [
        *(b"a=1", b"a=1&a=2&b=", b"a=%C3%BC+%FF", b"", b"&&=&", b"a", b"a=\xff", b"a=" + b"x" * 600, b"a=1;b=2", b"%"),
        b"&".join(b"k%d=%d" % (n, n) for n in range(1200)),
    ],
    "multipart": [
        multipart((FIELD, b"1")),
        multipart((FIELD, b"1"), (FIELD, b"\xc3\xbc"), (FILE, b"content\r\n--not")),
        multipart((FILE, b"")),
        multipart((FILE, b"x" * 70_000)),
        multipart((FIELD, b"x" * 700)),
        multipart((FIELD, b"1"), end=b""),
        multipart((FIELD, b"1"), end=b"--cut"),
        multipart((FIELD, b"1"))[:-30],
        multipart(("X-No: name", b"1")),
        multipart(('Content-Disposition: form-data; name="a"\r\nContent-Type: text/plain; charset=latin-1', b"\xfc")),
        multipart(("Content-Disposition: form-data; name*=UTF-8''%C3%BC; filename*=UTF-8''%E2%82%AC.txt", b"2")),
        multipart(),
        multipart(*[(FIELD, b"%d" % n) for n in range(20)]),
        b"before" + multipart((FIELD, b"1")) + b"after",
        b"--cut",
        b"\r\n",
        b"",
        b"no parts at all",
    ],
    "other": [b"text", b"\x00\xff", b"two\nlines\n", b"", LARGE, b"y" * 8, b"y" * 9, b"y" * 100, b"\xc3\xbc"],
}

#: A Content-Length that is no number; servers that look answer 400 themselves. None is empty: under WSGI that is none.
NO_LENGTHS = ["abc", "-1", "+4", "4, 4", "4_0", "0x4", "\xb2"]

#: Settings of apps: most apps have none of them.
CONFIG: dict[str, list[Any]] = {
    "MAX_CONTENT_LENGTH": [0, 1, 8, 100, 70_000],
    "MAX_FORM_MEMORY_SIZE": [0, 5, 100],
    "MAX_FORM_PARTS": [0, 1, 10],
    "BODY_READ_AHEAD": [0, 10],
    "TRUSTED_HOSTS": [["localhost", ".example.org"], []],
    "SERVER_NAME": ["example.org", "localhost", "localhost:80"],
    "PROPAGATE_EXCEPTIONS": [True],
    "TESTING": [True],
    "DEBUG": [True],
    "TRAP_HTTP_EXCEPTIONS": [True],
    "TRAP_BAD_REQUEST_ERRORS": [True],
    "APPLICATION_ROOT": ["/app"],
    "PREFERRED_URL_SCHEME": ["https"],
    "PROVIDE_AUTOMATIC_OPTIONS": [False],
    "SECRET_KEY": [None],
    "SESSION_COOKIE_NAME": ["s"],
    "SESSION_COOKIE_PATH": ["/session"],
    "SESSION_COOKIE_DOMAIN": ["example.org"],
    "SESSION_COOKIE_SAMESITE": ["Lax"],
    "SESSION_COOKIE_SECURE": [True],
    "SESSION_COOKIE_HTTPONLY": [False],
    "SESSION_COOKIE_PARTITIONED": [True],
    "SESSION_REFRESH_EACH_REQUEST": [False],
    "SEND_FILE_MAX_AGE_DEFAULT": [60],
    "MAX_COOKIE_SIZE": [50, 0],
}
