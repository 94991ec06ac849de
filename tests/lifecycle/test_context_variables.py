"""Context variables travel both ways over each crossing, and never from one request to the next."""

import pytest

from tests.support.keep_alive_clients import ask_all

from .servers import ASGI, GUNICORN, OTHERS, Kind

APP = "tests.lifecycle.variables_app:app"
SERVERS = {**GUNICORN, **OTHERS, "uvicorn": ASGI["uvicorn"]}
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
