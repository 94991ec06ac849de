"""Server-sent events through every server: event by event, pings in between, and clients that leave."""

from __future__ import annotations

import pytest

from tests.support.event_source import EventSource
from tests.support.waiting import wait_for
from tests.support.workers import one_worker_each

from .conftest import LINES
from .wire import Caller, reset


@pytest.fixture(scope="module", params=one_worker_each(LINES))
def name(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


def test_each_event_arrives_before_the_next_is_made(caller: Caller, colour: str) -> None:
    gate, source = f"events-{colour}", EventSource()
    with caller.ask(f"/{colour}/event-stream/{gate}/3") as response:
        assert response.getheader("Content-Type") == "text/event-stream; charset=utf-8"
        for number in range(3):
            comments = source.comments
            while len(source.events) == number or source.comments < comments + 2:
                source.feed(response.read1())
            assert [event.data for event in source.events] == [str(n) for n in range(number + 1)]
            caller.open(f"{gate}-{number}")
        while piece := response.read1():
            source.feed(piece)
    assert len(source.events) == 3


@pytest.mark.parametrize("says_goodbye", [True, False], ids=["close", "reset"])
def test_a_client_that_left_a_waiting_stream_is_noticed(caller: Caller, colour: str, says_goodbye: bool) -> None:
    gate = f"left-{colour}-{says_goodbye}"
    client, source = caller.send(f"GET /{colour}/event-stream/{gate}/1 HTTP/1.1"), EventSource()
    while not source.events:
        source.feed(client.recv(65536))
    assert caller.seen(f"{gate} closed") == 0
    client.close() if says_goodbye else reset(client)
    wait_for(lambda: caller.seen(f"{gate} closed") == 1)
