"""Send the same requests to an app in all of its ways, and find the facts in which the answers differ."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest import mock
from wsgiref.validate import WSGIWarning

from itsdangerous import TimestampSigner

from ..support.entry_driver import Answer, Client, Violation, mask_time
from ..support.waiting import wait_for
from .endings import answer_of, lenient_validator, server_loop
from .told import Told
from .visits import Visit
from .worlds import EVERY_WAY, FIRST, FLASK, World, served

Facts = dict[str, Any]
#: Has all signatures made at one time: an app may answer with what it has signed.
ONE_TIME = mock.patch.object(TimestampSigner, "get_timestamp", return_value=1_000_000_000)
#: The level of errors that nobody can catch.
UNRAISABLE = "UNRAISABLE"
#: Of the log: level, message and exception.
Record = tuple[str, str, str]


@dataclass(frozen=True)
class Difference:
    """One request of which not all is the same in two ways of serving it, or not as it must be in one."""

    number: int
    visit: Visit
    way: str
    #: What came of it, by the name of the fact: what is expected, and what there is in this way.
    expected: Facts
    got: Facts

    @property
    def facts(self) -> list[str]:
        """The names of what differs."""
        names = [name for name, value in self.expected.items() if self.got[name] != value]
        return [name for name in names if name != "reason"] if self.way.startswith("asgi") else names  # ASGI has none

    @property
    def has_hung(self) -> bool:
        """Whether a request has no answer, or leaves something behind."""
        return bool(self.got.get("left behind")) or self.got["error"].startswith("Hang")

    def is_like(self, other: Difference) -> bool:
        """Whether both are probably the same fault: a case that is made smaller must show no other."""
        return self.way == other.way and self.facts[0] == other.facts[0]


def differences(world: World, visits: Sequence[Visit], ways: Sequence[str] = EVERY_WAY) -> Iterator[Difference]:
    """Serve each request in several ways, and give those that differ from the first one."""
    with served(world, ways) as clients, recording() as records, lenient_validator(), ONE_TIME:
        told = {way: Told() for way in clients}
        for number, visit in enumerate(visits):
            compare = ended_early if visit.end else compared
            found = [Difference(number, visit, *parts) for parts in compare(clients, told, records, visit)]
            found = [difference for difference in found if difference.facts]
            yield from found
            if found:  # from here on they would be told different things
                told = {way: Told() for way in clients}
            if any(difference.has_hung for difference in found):  # what is left of it would hang the others, too
                return


def compared(
    clients: dict[str, Client], told: dict[str, Told], records: list[Record], visit: Visit
) -> Iterator[tuple[str, Facts, Facts]]:
    """Have a request answered in all ways: as in the first one, and in none against the protocol."""
    seen = {}
    for way, client in clients.items():
        client.app.extensions["log"].clear()  # a thread of a request that was cancelled may have noted its end since
        answer = answer_of(client, told[way].fill(visit))
        told[way].hear(answer)
        if way == FLASK:  # files that it leaves open are found now, and not during a request of ours
            gc.collect(0)
            records[:] = [record for record in records if record[0] != UNRAISABLE or record in seen[FIRST]["log"]]
        facts = facts_of(answer, client, records)
        if not is_given_up(answer, visit):
            seen[way] = facts
    first = seen[FIRST]
    yield FIRST, {**first, "violation": ""}, first
    yield from ((way, first, facts) for way, facts in seen.items())


def is_given_up(answer: Answer, visit: Visit) -> bool:
    """Tell whether the app has noticed that the client is gone, as it may at any time where the body breaks off."""
    return visit.truncated and not answer.complete and answer.error is None


def facts_of(answer: Answer, client: Client, records: list[Record]) -> Facts:
    notes = client.app.extensions["log"]
    facts = {
        "violation": str(answer.error) if isinstance(answer.error, Violation) else "",
        "status": answer.status,
        "body": answer.body,
        "headers": [mask_time(*header) for header in answer.headers],
        "error": repr(answer.error),
        "notes": [*notes],
        "log": [*records],
        "reason": answer.reason,
    }
    notes.clear()
    records.clear()
    return facts


def ended_early(
    clients: dict[str, Client], told: object, records: list[Record], visit: Visit
) -> Iterator[tuple[str, Facts, Facts]]:
    """Have a request end early in each way: what was sent is the beginning of the answer, and nothing stays behind."""
    for way, client in clients.items():
        if way == FLASK:  # what it leaves behind is its own affair
            continue
        notes = client.app.extensions["log"]
        whole = answer_of(client, replace(visit, end="", leave=None))
        notes.clear()
        part = answer_of(client, visit)
        left = settled(notes)
        got = {**facts_of(part, client, records), "left behind": left}
        expected = {**got, "violation": "", "left behind": ""}
        if part.status and whole.status:  # no status: an error before the first chunk left it to the WSGI server
            expected |= {"status": whole.status, "body": whole.body[: len(part.body)]}
        yield way, expected, got


def settled(notes: list[Any]) -> str:
    """Wait for the end of what goes on after a request; tell what does not end."""
    loop = server_loop()

    def rest() -> list[Any]:
        loop.run_until_complete(asyncio.sleep(0))
        return [*unbalanced(notes), *asyncio.all_tasks(loop)]

    try:
        wait_for(lambda: not rest(), because=rest)
    except AssertionError as error:
        server_loop.cache_clear()
        return str(error)
    return ""


#: What must be noted as often as what comes first.
PAIRS = {"stream opened": "stream closed"}
#: What must be noted once at most: an app that notes it has it noted for each request.
ONCE = ("request torn down", "app torn down")


def unbalanced(notes: list[Any]) -> list[str]:
    pairs = [last for first, last in PAIRS.items() if notes.count(first) != notes.count(last)]
    return pairs + [once for once in ONCE if "request begun" in notes and notes.count(once) != 1]


class Recorder(logging.Handler):
    """Keeps what is logged, and errors that nobody can catch."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[Record] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "asyncio" and record.getMessage().startswith("Executing"):
            return  # in debug mode: the machine is busy
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        self.records.append((record.levelname, record.getMessage(), error))

    def keep_unraisable(self, unraisable: Any) -> None:
        what = getattr(unraisable.object, "__qualname__", type(unraisable.object).__name__)
        if what == "SpooledTemporaryFile.__del__":
            return  # Werkzeug's parser leaves a form that breaks off to the garbage collector, which has its own time
        self.records.append((UNRAISABLE, what, repr(unraisable.exc_value)))

    def keep_of_thread(self, args: threading.ExceptHookArgs) -> None:
        self.records.append(("THREAD", "", repr(args.exc_value)))


@contextmanager
def recording() -> Iterator[list[Record]]:
    """Record what is logged, and errors that nobody can catch, instead of having it shown."""
    root, recorder = logging.getLogger(), Recorder()
    with (
        mock.patch.object(root, "handlers", [recorder]),
        mock.patch.object(sys, "unraisablehook", recorder.keep_unraisable),
        mock.patch.object(threading, "excepthook", recorder.keep_of_thread),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", UserWarning)  # of Werkzeug, about large cookies
        warnings.filterwarnings("ignore", "Unknown REQUEST_METHOD", WSGIWarning)
        yield recorder.records
