"""Tasks in the background, of both colours, from views of both colours, on both entries."""

from itertools import product
from signal import SIGINT, SIGTERM

import pytest

from tests.support.keep_alive_clients import ask
from tests.support.server_process import Server
from tests.support.waiting import LIMIT, LONG, wait_for

from .events import Events
from .servers import ASGI, BARE_CONFIG, OTHERS, Kind, end, gunicorn

NAME = "tests.lifecycle.background_app"
APP = f"{NAME}:app"
SERVERS = {
    "sync": gunicorn("-k sync"),
    "gthread": gunicorn("-k gthread --threads 4"),
    "gthread-bare": gunicorn(f"-k gthread --threads 4 {BARE_CONFIG}"),
    "gevent": gunicorn("-k gevent", "gunicorn gevent"),
    "waitress": OTHERS["waitress"],
    "uwsgi": Kind(OTHERS["uwsgi"].command.replace("--processes 2", "--processes 1"), "pyuwsgi"),
    "uvicorn": ASGI["uvicorn"],
    "hypercorn": ASGI["hypercorn"],
    "granian": ASGI["granian"],
}
on_each_server = pytest.mark.parametrize("kind", SERVERS.values(), ids=SERVERS)
VIEWS = ("def", "async")


@on_each_server
def test_the_answer_does_not_wait_for_the_task(kind: Kind, events: Events) -> None:
    with kind.serve(APP, events.environment) as server:
        for view, task in product(VIEWS, ("sync", "async")):
            assert ask(server.port, f"/{view}/wait_{task}") == {"answered": f"wait_{task}"}
        # Variables travel to the task, and nothing comes back from it.
        events.wait_for(f"begins in {NAME}, Paris, with a request", times=4)
        assert events.all().count("ends") == 0
        assert ask(server.port, "/open") == {"city": "nowhere"}
        events.wait_for("ends", times=4)


@on_each_server
def test_a_failure_is_logged_and_sent(kind: Kind, events: Events) -> None:
    with kind.serve(APP, events.environment) as server:
        for view, task in product(VIEWS, ("sync", "async")):
            ask(server.port, f"/{view}/fail_{task}")
        for task in ("sync", "async"):
            events.wait_for(f"logged LookupError('{task}') in {NAME}", times=2)
            wait_for_output(server, f"Exception in background task {NAME}.fail_{task}\n", times=2)


def wait_for_output(server: Server, text: str, times: int) -> None:
    wait_for(lambda: server.output.count(text) >= times, because=lambda: f"{text!r} was not logged {times} times")


def how_they_ended(kind: Kind, seconds: float, timeout: float, events: Events) -> list[str]:
    end_with(f"last_{{task}}/{seconds:.1f}", kind, timeout, events)
    return sorted(events.all())


def end_with(path: str, kind: Kind, timeout: float, events: Events) -> str:
    """End a server that has four tasks in the background; return what it said."""
    environment = {**events.environment, "FLASK_BACKGROUND_TASK_SHUTDOWN_TIMEOUT": str(timeout)}
    with kind.serve(APP, environment) as server:
        for view, task in product(VIEWS, ("sync", "async")):
            ask(server.port, f"/{view}/{path.format(task=task)}")
        events.wait_for("begins", times=4)
        end(server, SIGTERM if "gunicorn" in kind.command else SIGINT, requests=4)
    return server.output


@on_each_server
def test_short_tasks_end_before_the_process(kind: Kind, events: Events) -> None:
    assert how_they_ended(kind, 0.5, LIMIT, events) == ["begins"] * 4 + ["ends"] * 4


@on_each_server
def test_long_tasks_are_not_waited_for(kind: Kind, events: Events) -> None:
    """The process ends within the limit for all events, and they would take ten times as long."""
    # What runs in a thread cannot be cancelled; it ends with the process.
    assert how_they_ended(kind, LONG, 0.5, events) == ["begins"] * 4 + ["cancelled"] * 2


@on_each_server
def test_tasks_that_never_end_are_named_and_left(kind: Kind, events: Events) -> None:
    """A server waits for all tasks of its loop, so one that swallows its cancellation would keep the process."""
    said = end_with("hang_{task}", kind, 0.5, events)
    assert sorted(events.all()) == ["begins"] * 4 + ["swallows CancelledError"] * 2 + ["swallows GeneratorExit"] * 2
    for task in ("sync", "async"):
        assert said.count(f"Background task {NAME}.hang_{task} goes on after it was cancelled: it is left behind") == 2
