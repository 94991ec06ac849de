"""No thread waits for what only it can do, and no request for the sync code of another, on real servers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from tests.support.http_client import ask
from tests.support.keep_alive_clients import ask_all
from tests.support.server_process import Server
from tests.support.waiting import wait_for
from tests.support.workers import one_worker_each

from .servers import ASGI, OTHERS, gunicorn

APP = "tests.lifecycle.waits_app:app"
# Two threads of gthread are ended by two requests that hang. Under gevent, `asyncio.run` in one greenlet makes a loop
# run for all of them, since they share the thread: one request at a time can do that.
SERVERS = {
    "gthread": gunicorn("-k gthread --threads 16"),
    "gthread-2": gunicorn("-k gthread --threads 2"),
    "gevent": gunicorn("-k gevent", "gunicorn gevent"),
    "waitress": OTHERS["waitress"],
    **ASGI,
}
HOOKS = ("before", "new loop", "after", "teardown", "error", "inner")


@pytest.fixture(scope="module", params=one_worker_each(SERVERS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def server(name: str) -> Iterator[Server]:
    with SERVERS[name].serve(APP) as server:
        yield server


@pytest.fixture
def threads(name: str) -> int:
    """How many requests the server answers at once, up to six."""
    return {"gthread-2": 2, "waitress": 4}.get(name, 6)


def check(server: Server, path: str, requests: int, clients: int) -> None:
    replies = ask_all(server.port, [path] * requests, clients=clients)
    assert [reply.body for reply in replies] == [b"done"] * requests


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("view", ["async", "def"])
def test_a_hook_runs_a_loop_of_its_own(name: str, server: Server, view: str, hook: str) -> None:
    check(server, f"/{view}?hook={quote(hook)}", requests=8, clients=1 if name == "gevent" else 4)


def test_other_requests_are_answered_while_a_hook_runs_a_loop(server: Server) -> None:
    """Under gevent they are in the same thread of the operating system, for which asyncio knows one running loop."""
    url = f"http://127.0.0.1:{server.port}"
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(ask, url, "/def?hook=hold")
        try:
            wait_for(lambda: ask(url, "/is-held").text == "True")
            answers = [ask(url, path).text for path in ("/async", "/ensured", "/streamed")]
        finally:
            ask(url, "/release")
        assert held.result().text == "done"
    assert answers == ["done"] * 3


@pytest.mark.parametrize("view", ["async", "def"])
def test_a_hook_reads_the_body_on_a_loop_of_its_own(server: Server, view: str) -> None:
    answer = ask(f"http://127.0.0.1:{server.port}", f"/{view}?hook=body", method="POST", body=b"a" * 100_000)
    assert answer.text == "done"


@pytest.mark.parametrize("view", ["async", "def"])
def test_a_body_that_is_late_is_waited_for_on_a_loop_of_its_own(server: Server, view: str) -> None:
    with server.connect() as connection:
        head = f"POST /{view}?hook=body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n"
        connection.sendall(head.encode() + b"a" * 50_000)
        time.sleep(0.2)  # by then somebody waits for the rest
        connection.sendall(b"a" * 50_000)
        assert b"".join(iter(lambda: connection.recv(65_536), b"")).endswith(b"done")


def test_threads_of_the_executor_wait_for_what_needs_the_executor(server: Server) -> None:
    for _ in range(4):
        check(server, "/legacy", requests=40, clients=40)


def test_sync_code_is_nested_three_deep(server: Server) -> None:
    check(server, "/deep", requests=60, clients=60)


def test_sync_code_of_one_request_does_not_wait_for_another(server: Server, threads: int) -> None:
    check(server, f"/together/{threads}", requests=threads, clients=threads)


def test_sync_code_asks_the_same_server(server: Server, threads: int) -> None:
    check(server, f"/visit/{server.port}", requests=8, clients=threads // 2)


def test_all_async_code_runs_on_one_loop(server: Server) -> None:
    for reply in ask_all(server.port, ["/loops"] * 8, clients=2):
        assert reply.json()["is_one"]


def test_threads_of_async_code_run_while_the_loop_waits(server: Server) -> None:
    for reply in ask_all(server.port, ["/threads"] * 8, clients=2):
        assert reply.json() == {"found": 5, "is_one": True}
