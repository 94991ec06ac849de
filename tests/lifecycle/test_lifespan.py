"""What runs before, while and after serving runs once in each process, in order, however the process ends."""

from collections.abc import Iterable
from contextlib import suppress
from http.client import RemoteDisconnected
from signal import SIGHUP, SIGINT, SIGTERM, Signals

import pytest

from tests.support.keep_alive_clients import ask, ask_in_turn
from tests.support.server_process import Server, ServerFailed
from tests.support.waiting import LIMIT
from tests.support.workers import slow_after

from .events import Events
from .servers import ASGI, BARE, BARE_CONFIG, GUNICORN, OTHERS, PRELOADED, Kind, end, gunicorn

APP = "tests.lifecycle.lifespan_app:app"
START = ["before, def", "before, async", "while begins, def", "while begins, async"]
STOP = ["while ends, async", "while ends, def", "after, def", "after, thread", "after, async"]

# Servers that end without a word to the app. By SIGTERM they die at once, as a Python program does that has no handler.
SILENT = {
    ("waitress", SIGTERM),
    ("werkzeug", SIGTERM),
    ("cheroot", SIGTERM),
    # A quick shutdown, says gunicorn, which leaves out the lifespan messages.
    ("gunicorn-asgi", SIGINT),
    # It does not end at gunicorn's quick shutdown, which kills it after a while, whatever app it serves.
    ("uvicorn-worker", SIGINT),
}


def each(kinds: dict[str, Kind]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("kind", kinds.values(), ids=kinds)


def serve(kind: Kind, events: Events, **environment: str) -> Server:
    return kind.serve(APP, {**events.environment, **environment})


def served(events: Events) -> Iterable[list[str]]:
    """The life of each process, without its requests; processes in which nothing happened are none."""
    return [[event for event in life if event != "request"] for life in events.by_process().values()]


def check_whole_lives(events: Events) -> None:
    for life in served(events):
        assert life == START + STOP


def wait_until_started(name: str, events: Events) -> None:
    """Wait until no process is starting."""
    if name not in BARE and "-w 2" in ENDED[name].command:
        events.wait_for(START[-1], times=2)


ENDED = {**GUNICORN, "gthread-preload": PRELOADED["gthread-preload"], **BARE, **OTHERS, **ASGI}


@pytest.mark.parametrize("number", slow_after(1, [SIGTERM, SIGINT]), ids=lambda number: number.name)
@pytest.mark.parametrize("name", ENDED)
def test_a_process_lives_once_and_in_order(name: str, number: Signals, events: Events) -> None:
    hurried = "--graceful-timeout 1" if (name, number) in SILENT else ""
    with serve(ENDED[name], events, GUNICORN_CMD_ARGS=hurried) as server:
        pid = ask(server.port, "/")["pid"]
        assert events.by_process()[pid] == [*START, "request"]
        wait_until_started(name, events)
        end(server, number)
    if (name, number) in SILENT:
        assert events.by_process() == {pid: [*START, "request"]}
    else:
        check_whole_lives(events)


@each({**GUNICORN, "gthread-preload": PRELOADED["gthread-preload"], **ASGI})
def test_the_start_is_before_the_first_request(kind: Kind, events: Events) -> None:
    """Where the server has a hook for it."""
    with serve(kind, events) as server:
        events.wait_for(START[-1], times=2 if "-w 2" in kind.command else 1)
        # A worker of granian that is told to end before it has accepted a connection may stay, whatever app it serves.
        ask(server.port, "/")


@each(BARE)
def test_without_a_hook_nothing_starts_before_the_first_request(kind: Kind, events: Events) -> None:
    with serve(kind, events) as server:
        assert events.all() == []
        pid = ask(server.port, "/")["pid"]
        assert events.by_process() == {pid: [*START, "request"]}


@each(
    {
        "gthread": gunicorn("-k gthread --max-requests 3"),
        "gevent": gunicorn("-k gevent --max-requests 3", "gunicorn gevent"),
    }
)
def test_a_worker_that_has_served_enough_stops_properly(kind: Kind, events: Events) -> None:
    with serve(kind, events) as server:
        for _ in range(3):
            list(ask_in_turn(server.port, ["/"]))
        events.wait_for(STOP[-1])
        events.wait_for(START[-1], times=2)
    first, second = served(events)
    assert first == second == START + STOP


@each({name: GUNICORN[name] for name in ("gthread", "gevent")})
def test_a_reload_ends_one_life_and_begins_another(kind: Kind, events: Events) -> None:
    with serve(kind, events) as server:
        workers = 2 if "-w 2" in kind.command else 1
        events.wait_for(START[-1], workers)
        server.process.send_signal(SIGHUP)
        events.wait_for(STOP[-1], workers)
        events.wait_for(START[-1], 2 * workers)
        end(server, SIGTERM)
    assert len(events.by_process()) == 2 * workers
    check_whole_lives(events)


@each({"gthread": GUNICORN["gthread"], "gthread-bare": BARE["gthread-bare"], "waitress": OTHERS["waitress"], **ASGI})
def test_work_goes_on_between_requests(kind: Kind, events: Events) -> None:
    with serve(kind, events) as server:
        ask(server.port, "/beat/20")
        events.wait_for("beat", times=20)


FUNCTIONS = dict(zip(START, ["prepare", "connect", "hold", "live"], strict=True))
failing = pytest.mark.parametrize("fail", slow_after(1, FUNCTIONS))


@failing
@each(ASGI)
def test_an_asgi_server_that_cannot_start_does_not_serve(kind: Kind, events: Events, fail: str) -> None:
    said = check_refusal(kind, events, fail).output  # hypercorn's exit status is 0 all the same
    assert said.count("\nLookupError: nothing to connect to\n") == 1  # the servers get the failure without its cause


@failing
@each({**GUNICORN, "sync-preload": PRELOADED["sync-preload"]})
def test_a_gunicorn_that_cannot_start_does_not_serve(kind: Kind, events: Events, fail: str) -> None:
    assert check_refusal(kind, events, fail).process.returncode != 0


def check_refusal(kind: Kind, events: Events, fail: str) -> Server:
    """Check that a server ends by itself and without a request, and return it."""
    server = serve(kind, events, FAIL=fail)
    # gunicorn listens before its workers start.
    with suppress(ServerFailed), server:
        server.process.wait(LIMIT)
    said = server.output
    assert f"Startup failed in tests.lifecycle.lifespan_app.{FUNCTIONS[fail]}\n" in said
    assert "LookupError: nothing to connect to" in said
    assert "request" not in events.all()
    return server


@failing
@each({"gthread-bare": BARE["gthread-bare"], **OTHERS})
def test_a_server_without_a_hook_that_cannot_start_answers_only_with_errors(
    kind: Kind, events: Events, fail: str
) -> None:
    with serve(kind, events, FAIL=fail) as server:
        statuses = {status_of(server.port, "/") for _ in range(4)}
        said = server.output
    # uWSGI closes the connection without an answer.
    assert statuses == {None if "uwsgi" in kind.command else 500}
    assert f"Startup failed in tests.lifecycle.lifespan_app.{FUNCTIONS[fail]}\n" in said
    assert "request" not in events.all()


def status_of(port: int, path: str) -> int | None:
    try:
        return next(ask_in_turn(port, [path])).status
    except RemoteDisconnected:
        return None


STOPPING = {"while ends, def": "hold", "while ends, async": "live", "after, def": "tidy", "after, async": "disconnect"}


@pytest.mark.parametrize("fail", slow_after(1, STOPPING))
@each({**GUNICORN, "gthread-bare": BARE["gthread-bare"], "waitress": OTHERS["waitress"], **ASGI})
def test_a_failure_at_the_end_is_logged_once_and_the_rest_runs(kind: Kind, events: Events, fail: str) -> None:
    with serve(kind, events, FAIL=fail) as server:
        ask(server.port, "/")
        if "-w 2" in kind.command and BARE_CONFIG not in kind.command:
            events.wait_for(START[-1], times=2)
        # uvicorn sends itself the signal again.
        assert end(server, SIGINT if "waitress" in kind.command else SIGTERM) in (0, -SIGTERM)
    check_whole_lives(events)
    lives = len(events.by_process())
    assert server.output.count(f"Shutdown failed in tests.lifecycle.lifespan_app.{STOPPING[fail]}\n") == lives
    assert server.output.count("\nLookupError: nothing to connect to\n") == lives
