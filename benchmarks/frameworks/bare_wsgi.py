"""No framework under WSGI: the floor."""

from collections.abc import Callable
from typing import Any

BODY = b'{"hello":"world"}\n'
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", HEADERS)
    return [BODY]


def hello() -> Callable[..., list[bytes]]:
    return app
