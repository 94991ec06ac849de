"""What test_adapters.py serves: a WSGI app that answers in the ways of PEP 3333 that frameworks have no need of."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from dualapp import DualApp, as_asgi, as_wsgi

#: A file of more than one chunk, which has a path.
FILE = Path(__file__).parents[2] / "dualapp" / "app.py"
TEXT = [("Content-Type", "text/plain")]
waits = {"may go on": False}


def write(environ: Any, start_response: Any) -> Iterable[bytes]:
    write = start_response("200 OK", TEXT)
    write(b"written ")
    write(b"")
    write(b"x" * 200_000)
    return [b" returned", b"", b" last"]


def write_only(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [*TEXT, ("Content-Length", "7")])(b"written")
    return []


def too_long(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [*TEXT, ("Content-Length", "8")])
    return [b"0123", b"45", b"6789", b"10"]


def write_too_long(environ: Any, start_response: Any) -> Iterable[bytes]:
    write = start_response("200 OK", [*TEXT, ("Content-Length", "8")])
    for chunk in (b"0123", b"45", b"6789", b"10"):
        write(chunk)
    return [b"11"]


def too_long_file(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Sends the first bytes of a file, as a part of it that was asked for."""
    start_response("200 OK", [*TEXT, ("Content-Length", "8")])
    return environ["wsgi.file_wrapper"](FILE.open("rb"))  # type: ignore[no-any-return]  # PEP 3333 has it iterable


def no_content(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Gives a body to a status that has none."""
    start_response("204 No Content", [])
    return [b"not sent"]


def not_modified(environ: Any, start_response: Any) -> Iterable[bytes]:
    """The same."""
    start_response("304 Not Modified", [])(b"not sent")
    return []


def write_and_wait(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Writes, and goes on when another client asks for that."""
    start_response("200 OK", TEXT)(b"first ")
    while not waits["may go on"]:
        time.sleep(0.01)
    return [b"last"]


def go_on(environ: Any, start_response: Any) -> Iterable[bytes]:
    waits["may go on"] = True
    start_response("200 OK", TEXT)
    return [b"gone on"]


def write_and_fail(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", TEXT)(b"begun")
    raise LookupError("meant, at last")


def replace(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [*TEXT, ("X-Old", "1")])
    return replaced(start_response, "early")


def replace_late(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", TEXT)
    yield b"begun"
    yield from replaced(start_response, "after a chunk")


def replace_after_write(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", TEXT)(b"begun")
    return replaced(start_response, "after a write")


def replaced(start_response: Any, when: str) -> Iterable[bytes]:
    """Replace a head by that of an error page, as middleware that shows errors does."""
    try:
        raise LookupError(f"meant, {when}")
    except LookupError:
        write = start_response("500 Oh", [*TEXT, ("X-New", "1")], sys.exc_info())
    write(b"an error ")
    return [b"page"]


def file(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](FILE.open("rb"))  # type: ignore[no-any-return]  # as above


def sized_file(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [*TEXT, ("Content-Length", str(FILE.stat().st_size))])
    return environ["wsgi.file_wrapper"](FILE.open("rb"), 1000)  # type: ignore[no-any-return]  # as above


def rest_of_file(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Sends a file from where it was read to."""
    opened = FILE.open("rb")
    opened.seek(1000)
    start_response("200 OK", [*TEXT, ("Content-Length", str(FILE.stat().st_size - 1000))])
    return environ["wsgi.file_wrapper"](opened)  # type: ignore[no-any-return]  # as above


def no_file(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Sends an object that is no file, but can be read."""
    start_response("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](io.BytesIO(b"y" * 300_000))  # type: ignore[no-any-return]  # as above


WAYS: dict[str, Callable[[Any, Any], Iterable[bytes]]] = {
    f"/{way.__name__}": way
    for way in (
        write,
        write_only,
        too_long,
        write_too_long,
        too_long_file,
        no_content,
        not_modified,
        write_and_wait,
        go_on,
        write_and_fail,
        replace,
        replace_late,
        replace_after_write,
        file,
        sized_file,
        rest_of_file,
        no_file,
    )
}


def wsgi_app(environ: Any, start_response: Any) -> Iterable[bytes]:
    return WAYS[environ["PATH_INFO"]](environ, start_response)


adapted = as_asgi(wsgi_app)
there_and_back = as_wsgi(adapted)
mounted, adapted_and_mounted = DualApp(__name__), DualApp(__name__)
mounted.mount("/", wsgi_app)
adapted_and_mounted.mount("/", adapted)
