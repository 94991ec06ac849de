"""The differences that are meant, each with its reason and a request that shows it.

A request that shows its difference no more fails `test_known.py`: then the entry has to go.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from .comparison import Difference, Facts
from .parts.bodies import LIMIT_OF_VIEW
from .visits import Visit
from .worlds import FLASK, World


@dataclass(frozen=True)
class Known:
    """A difference that is meant."""

    reason: str
    #: Whether a difference is of this kind; it looks at the request before it looks at the answers.
    covers: Callable[[World, Difference], bool]
    #: One that is.
    world: World
    visits: Sequence[Visit]


def known(world: World, difference: Difference) -> Known | None:
    """Return the entry that covers a difference, None if there is none."""
    return next((entry for entry in KNOWN if entry.covers(world, difference)), None)


def is_error_of_stream(world: World, difference: Difference) -> bool:
    got = difference.got
    return difference.way == FLASK and "in a stream" in got["error"] and not got["body"]


def keeps_one_context(world: World, difference: Difference) -> bool:
    if difference.way != FLASK or difference.facts != ["notes"]:
        return False
    ours, more = difference.expected["notes"], [*difference.got["notes"]]
    for note in ours:
        if note in more:
            more.remove(note)
        else:
            return False
    return all(re.search("tear|torn|popped|pushed", str(note)) for note in more)  # none: in another order


def is_body_cut_short(world: World, difference: Difference) -> bool:
    return difference.way == FLASK and difference.visit.truncated


def is_malformed_form(world: World, difference: Difference) -> bool:
    return difference.way == FLASK and is_malformed(difference.visit)


def is_malformed(visit: Visit) -> bool:
    content_type, options = parse_options_header(dict(visit.headers).get("Content-Type"))
    body = visit.body if isinstance(visit.body, bytes) else b"".join(visit.body)
    try:
        FormDataParser(silent=False).parse(io.BytesIO(body), content_type, len(body), options)
    except ValueError:
        return content_type == "multipart/form-data"
    return False


def is_at_limit(world: World, difference: Difference) -> bool:
    visit, limits = difference.visit, limits_of(world, difference.visit)
    looks_before = re.search("(data|form|files|values),(.*,)?limit", visit.path) or "before=" in visit.query
    is_set_late = looks_before and "limit" in visit.path
    return difference.way == FLASK and limits != [] and bool(is_set_late or is_chunked_or_of(visit, limits))


def limits_of(world: World, visit: Visit) -> list[int]:
    limits = [world.config.get("MAX_CONTENT_LENGTH"), LIMIT_OF_VIEW if "limit" in visit.path else None]
    return [limit for limit in limits if limit is not None]


def is_chunked_or_of(visit: Visit, lengths: list[int]) -> bool:
    has_length = isinstance(visit.body, bytes) and not isinstance(visit.length, str)
    return not has_length or len(visit.body) in lengths


def is_read_to_its_break(world: World, difference: Difference) -> bool:
    answers = [difference.expected, difference.got]
    return difference.way != FLASK and breaks_off(difference.visit) and any(map(is_refusal, answers))


def breaks_off(visit: Visit) -> bool:
    has_length = isinstance(visit.length, int) and isinstance(visit.body, bytes)
    return visit.truncated or (has_length and len(visit.body) < visit.length)


def is_refusal(answer: Facts) -> bool:
    trapped = [name for _, _, name in answer["log"] if name in ("BadRequest", "ClientDisconnected")]
    is_page = answer["status"] == 400 or b"400 Bad Request" in answer["body"]  # a hook may change the status
    return is_page or re.search(rb"\[\s*400,", answer["body"]) is not None or bool(trapped)


def closes_file(world: World, difference: Difference) -> bool:
    called = [note for note in difference.expected["notes"] if note == "called on close"]
    lacks_call = difference.expected["notes"] == [*difference.got["notes"], *called]
    return difference.way == FLASK and difference.facts == ["notes"] and lacks_call


def is_page_of_head(world: World, difference: Difference) -> bool:
    visit, is_page = difference.visit, difference.got["status"] >= 400
    looks_at_body = "after=etag" in visit.query or "after=data" in visit.query
    return difference.way == FLASK and visit.method == "HEAD" and is_page and looks_at_body and "after" in world.parts


def is_unsendable_head(world: World, difference: Difference) -> bool:
    told = [*difference.expected["log"], difference.expected["error"]]
    return difference.way == FLASK and any("UnsendableHead" in entry for entry in told)


def has_padded_value(world: World, difference: Difference) -> bool:
    values = [(name, value.strip(" \t")) for name, value in difference.got["headers"]]
    return difference.way == FLASK and difference.facts == ["headers"] and values == difference.expected["headers"]


def reads_pieces_last(world: World, difference: Difference) -> bool:
    is_async, what = difference.way.endswith("async"), difference.facts
    return is_async and ",pieces" in difference.visit.path and what in (["body"], ["body", "headers"])


KNOWN = [
    Known(
        "a stream that fails before its first chunk is a 500 page here; Flask has sent the status (docs/from-flask.md)",
        is_error_of_stream,
        World(parts=("streams",)),
        [Visit(target="/words/fail")],
    ),
    Known(
        "`stream_with_context` keeps the one context; Flask pushes it again, and tears it down twice",
        keeps_one_context,
        World(parts=("streams", "listening")),
        [Visit(target="/words/a?how=context")],
    ),
    Known(
        "a body that breaks off is a 400 here; in Flask it is what has arrived, or an error (docs/from-flask.md)",
        is_body_cut_short,
        World(parts=("reading",)),
        [Visit("POST", "/read/data", body=b"cut", length=6, truncated=True)],
    ),
    Known(
        "a malformed multipart body is a 400 here, and an empty form in Flask (docs/from-flask.md)",
        is_malformed_form,
        World(parts=("reading",)),
        [Visit("POST", "/read/form", [("Content-Type", "multipart/form-data")], b"no boundary")],
    ),
    Known(
        "a chunked body over MAX_CONTENT_LENGTH is a 413 here, one of exactly that length is not (docs/from-flask.md);"
        " a limit that a view sets counts for what it has not read yet, though it has looked for a form before",
        is_at_limit,
        World(parts=("reading",), config={"MAX_CONTENT_LENGTH": 1}),
        [Visit("POST", "/read/data", body=(b"a", b"b"))],
    ),
    Known(
        "a body that breaks off is a 400 where its break is read: a WSGI server's read may fail before it gives what"
        " has arrived, and sync code may find another fault before it reads on",
        is_read_to_its_break,
        World(parts=("reading",)),
        [Visit("POST", "/read/limit,data", body=(b"more than eight",), truncated=True)],
    ),
    Known(
        "what was given to `call_on_close` is called at the end of a file too; Flask only closes the file",
        closes_file,
        World(parts=("sent_files", "after")),
        [Visit(target="/send/short.txt?after=call")],
    ),
    Known(
        "`request.stream` starts anew when Werkzeug has looked for a form in a body that it keeps; `request.body` not",
        reads_pieces_last,
        World(parts=("reading",)),
        [Visit("POST", "/read/json,files,pieces", [("Content-Type", "application/json")], b"[]")],
    ),
    Known(
        "for HEAD too, a hook finds the page of an error in its response, with the ETag of GET; Flask has none there",
        is_page_of_head,
        World(parts=("after",)),
        [Visit("HEAD", "/nowhere?after=etag")],
    ),
    Known(
        "a status or a header that HTTP does not allow is a 500 page here; Flask gives it to the server",
        is_unsendable_head,
        World(parts=("conditional",)),
        [Visit(target="/tagged/%00")],
    ),
    Known(
        "white space around a header's value is no part of it (RFC 9110 section 5.5); Flask gives it to the server",
        has_padded_value,
        World(parts=("plain",)),
        [Visit(target="/type?value=%20")],
    ),
]
