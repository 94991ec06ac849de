"""What belongs to a loop survives from request to request, on both entries, for thousands of requests."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

asyncpg = pytest.importorskip("asyncpg", reason="asyncpg not installed here")

from tests.support import http_client  # noqa: E402
from tests.support.keep_alive_clients import Reply, ask, ask_all  # noqa: E402 - the skip comes first
from tests.support.server_command import started_by  # noqa: E402
from tests.support.server_process import Server  # noqa: E402

from ..support.postgres_server import postgres  # noqa: E402
from .app import POOL_SIZE  # noqa: E402

GTHREAD = "gunicorn -b {bind} -k gthread -w 2 --threads 4 --preload "
# The lines, and how many processes each starts.
SERVERS = {"gthread": (GTHREAD, 2), "uvicorn": ("uvicorn --port {port} --no-access-log ", 1)}
CLIENTS = 8

on_each_server = pytest.mark.parametrize(("line", "processes"), SERVERS.values(), ids=SERVERS)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture(scope="module")
def neighbour() -> Iterator[str]:
    with started_by("uvicorn --port {port} --no-access-log examples.basic:app") as server:
        yield server.url


@contextmanager
def serving(line: str, database: str, neighbour: str) -> Iterator[Server]:
    environment = {"DATABASE_URL": database, "NEIGHBOUR_URL": neighbour}
    with started_by(f"{line}tests.resources.app:app", environment=environment) as server:
        ask(server.port, "/square/1")  # it has connected
        yield server
    assert "different loop" not in server.output
    assert "Traceback" not in server.output


def check_squares(replies: list[Reply], count: int, processes: int) -> None:
    assert len(replies) == count
    assert all(reply.json()["answer"] == int(reply.path.rpartition("/")[2]) ** 2 for reply in replies)
    assert len({reply.json()["pid"] for reply in replies}) <= processes


@pytest.mark.slow
@on_each_server
def test_a_pool_of_connections_serves_ten_thousand_requests(
    line: str, processes: int, database: str, neighbour: str
) -> None:
    with serving(line, database, neighbour) as server, ThreadPoolExecutor(1) as pool:
        paths = [f"/square/{number}" for number in range(10_000)]
        asking = pool.submit(ask_all, server.port, paths, CLIENTS)
        connections = asyncio.run(most_connections(database, asking))
    check_squares(asking.result(), 10_000, processes)
    assert connections == POOL_SIZE * processes


async def most_connections(database: str, until: Future[list[Reply]]) -> int:
    """Count the app's connections again and again while it is asked, and give the highest count."""
    connection = await asyncpg.connect(database)
    counts = [0]
    try:
        while not until.done():
            counts.append(
                await connection.fetchval("select count(*) from pg_stat_activity where application_name = 'tests'")
            )
            await asyncio.sleep(0.02)
    finally:
        await connection.close()
    return max(counts)


@on_each_server
def test_a_client_of_another_service_is_shared(line: str, processes: int, database: str, neighbour: str) -> None:
    with serving(line, database, neighbour) as server:
        replies = ask_all(server.port, [f"/neighbour/{number}" for number in range(2000)], CLIENTS)
    check_squares(replies, 2000, processes)


@on_each_server
def test_a_lock_is_shared(line: str, processes: int, database: str, neighbour: str) -> None:
    with serving(line, database, neighbour) as server:
        replies = [reply.json() for reply in ask_all(server.port, [f"/count/{n}" for n in range(4000)], CLIENTS)]
    counted = defaultdict(list)
    for reply in replies:
        counted[reply["pid"]].append(reply["answer"])
    for counts in counted.values():
        assert sorted(counts) == list(range(1, len(counts) + 1))


@on_each_server
def test_the_example_keeps_its_notes_in_postgres(line: str, processes: int, database: str) -> None:
    with started_by(f"{line}examples.database:app", environment={"DATABASE_URL": database}) as server:
        text = f"written by {line.split()[0]}"
        written = http_client.ask(
            server.url, "/notes", method="POST", body=json.dumps({"text": text}).encode(), headers=JSON
        )
        assert written.status == 201
        assert text in ask(server.port, "/notes")


JSON = {"Content-Type": "application/json"}
