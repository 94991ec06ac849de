"""The host loop: each process that needs one has one, made when it is needed, and nobody waits in vain."""

from collections.abc import Iterable
from contextlib import suppress
from http.client import HTTPException
from typing import Any

import pytest

from tests.support.keep_alive_clients import Reply, ask_all
from tests.support.waiting import wait_for

from .servers import PRELOADED, WSGI, Kind, gunicorn

APP = "tests.lifecycle.loop_app:app"


def each(kinds: dict[str, Kind]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("kind", kinds.values(), ids=kinds)


def loops_of(replies: Iterable[Reply]) -> dict[int, set[int]]:
    """The loops that each process used."""
    loops: dict[int, set[int]] = {}
    for said in (reply.json() for reply in replies):
        assert said["beside"]
        loops.setdefault(said["pid"], set()).add(said["loop"])
    return loops


def check_one_loop(port: int) -> None:
    loops = loops_of(ask_all(port, ["/loop", "/forth"] * 40, clients=8))
    assert all(len(used) == 1 for used in loops.values()), loops


def check_threads(port: int) -> None:
    for said in (reply.json() for reply in ask_all(port, ["/back", "/forth/and/back"] * 20, clients=4)):
        assert said["thread"] == said["mine"]


@each(WSGI)
def test_a_process_has_one_loop_from_when_it_needs_it(kind: Kind) -> None:
    with kind.serve(APP) as server:
        before = [reply.json() for reply in ask_all(server.port, ["/process"] * 16, clients=4)]
        assert not any(process["has_loop"] for process in before)
        check_one_loop(server.port)
        check_threads(server.port)


# Not uWSGI: it forks in C without holding the interpreter lock. If a thread of the parent holds it at that moment,
# nobody ever lets go of it in the child, whose worker then waits for it before it is one (seen in 2 of 10 starts).
@each(PRELOADED)
def test_a_child_has_its_own_loop_after_the_parent_had_one(kind: Kind) -> None:
    with kind.serve(APP, {"LOOP_AT_IMPORT": "yes"}) as server:
        check_one_loop(server.port)
        check_threads(server.port)


MANY = {
    "gthread": Kind("gunicorn -b {bind} -k gthread --threads 8 ", "gunicorn"),
    "gevent": Kind("gunicorn -b {bind} -k gevent ", "gunicorn gevent"),
    "waitress": Kind("waitress-serve --listen={bind} --threads 8 ", "waitress"),
}


@pytest.mark.slow
@each(MANY)
def test_many_threads_at_once_get_their_own_answers(kind: Kind) -> None:
    with kind.serve(APP) as server:
        replies = ask_all(server.port, [f"/answer/{number}" for number in range(8 * 500)], clients=8)
    wrong: list[Any] = [reply for reply in replies if reply.json()["number"] != int(reply.path.rpartition("/")[2])]
    assert len(replies) == 8 * 500
    assert not wrong


@each({"gevent": MANY["gevent"]})
def test_greenlets_wait_for_the_loop_together(kind: Kind) -> None:
    with kind.serve(APP) as server:
        peaks = [reply.json()["peak"] for reply in ask_all(server.port, ["/crowd/50"] * 50, clients=50)]
    assert peaks == [50] * 50


ENDINGS = ["background", "background/def", "task", "waiting", "callback", "gather", "heartbeat"]


@each({**MANY, "sync": gunicorn("-k sync")})
def test_what_ends_the_loop_of_a_main_thread_does_not_end_the_host_loop(kind: Kind) -> None:
    """Nor does it keep the process from ending: the server must end by SIGTERM."""
    with kind.serve("tests.lifecycle.ending_app:app") as server:
        for path in [*ENDINGS, "stop"]:
            replies = ask_all(server.port, [f"/{path}", *["/fine"] * 4], clients=1)
            assert [reply.body for reply in replies] == [b"done"] * 5, path
        if "gthread" in kind.command:  # elsewhere the thread that sends the stream ends, as with a def generator
            with suppress(HTTPException):
                ask_all(server.port, ["/stream"], clients=1)
            assert ask_all(server.port, ["/fine"], clients=1)[0].body == b"done"
        wait_for(lambda: server.output.count("which runs on") >= len(ENDINGS), because=lambda: server.output)
    if "waitress" not in kind.command:  # it ends at once
        assert "The shutdown ran." in server.output
    assert "SystemExit in a task of the host loop" in server.output
    assert "KeyboardInterrupt in a task of the host loop" in server.output
    assert "in interrupt" in server.output
