"""Context variables travel both ways over each crossing, and never from one request to the next.

A token that one function of a request keeps is valid in the others, and in its stream.
"""

from itertools import product

import pytest

from tests.streams.wire import Caller, read_until
from tests.support.keep_alive_clients import ask_all
from tests.support.waiting import wait_for

from .events import Events
from .servers import ASGI, GUNICORN, OTHERS, Kind
from .tokens_app import HOOKS, VIEWS
from .tokens_app import app as tokens_app

APP = "tests.lifecycle.variables_app:app"
TOKENS = "tests.lifecycle.tokens_app:app"
PLAIN = [name for name in VIEWS if name.startswith("plain")]
STREAMS = [name for name in VIEWS if name not in PLAIN]
SERVERS = {**GUNICORN, **OTHERS, **{name: ASGI[name] for name in ("uvicorn", "hypercorn", "granian")}}
on_each_server = pytest.mark.parametrize("kind", SERVERS.values(), ids=SERVERS)


@on_each_server
def test_variables_travel_both_ways_and_no_further(kind: Kind) -> None:
    paths = [f"/{colour}/{number}" for number in range(100) for colour in ("def", "async")]
    with kind.serve(APP) as server:
        replies = ask_all(server.port, paths, clients=8)
    assert len(replies) == len(paths)
    for reply in replies:
        name = reply.path.rpartition("/")[2]
        crossed = [f"{name}, async", f"{name}, sync", f"{name}, sync again", "ours"]
        assert reply.json()["trace"] == ["hook, async", "hook, sync", *crossed]


@on_each_server
def test_a_thread_or_a_task_may_work_for_a_request(kind: Kind) -> None:
    paths = [f"/copied/{colour}/{number}" for number in range(50) for colour in ("def", "async")]
    with kind.serve(APP) as server:
        replies = ask_all(server.port, paths, clients=8)
    assert all(reply.json()["said"] == [reply.path] for reply in replies)


@on_each_server
def test_a_token_of_one_hook_is_good_in_the_next(kind: Kind, events: Events) -> None:
    paths = [f"/{hooks}/{name}/{number}" for hooks, name, number in product(HOOKS, PLAIN, range(10))]
    with kind.serve(TOKENS, events.environment) as server:
        replies = ask_all(server.port, paths, clients=8)
        for path in paths:
            events.wait_for(f"{path} torn down by NoneType")
    assert [(reply.status, reply.body) for reply in replies] == [(200, b"plain")] * len(paths)


@on_each_server
@pytest.mark.parametrize("leaves", [False, True], ids=["whole", "left"])
def test_the_end_of_a_stream_has_its_context_and_its_tokens(kind: Kind, events: Events, leaves: bool) -> None:
    """The client reads the whole stream, or leaves within it."""
    paths = [f"/{hooks}/{name}/{10**9 if leaves else 3}" for hooks, name in product(HOOKS, STREAMS)]
    with kind.serve(TOKENS, events.environment) as server:
        for path in paths:
            with Caller(server.port).send(f"GET {path} HTTP/1.1\r\nConnection: close") as client:
                read_until(client, b"xxx")
                while not leaves and client.recv(65536):
                    pass
        for path in paths:
            error = "GeneratorExit" if leaves else "NoneType"
            expected = [f"{path} ended with word in {tokens_app.name}", f"{path} torn down by {error}"]
            wait_for(lambda path=path, expected=expected: of(path, events)[-2:] == expected, because=events.all)


def of(path: str, events: Events) -> list[str]:
    return [event for event in events.all() if event.startswith(f"{path} ")]
