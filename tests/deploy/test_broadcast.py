"""A Broadcast over Redis: two processes are one channel, and when Redis is gone the members are told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from redis import Redis
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from dualapp.broadcast.redis_relay import RedisRelay
from dualapp.exchange.conversation import Data
from tests.servers.test_websockets import COLOURS, opened
from tests.support.redis_server import redis_server
from tests.support.server_command import started_by
from tests.support.server_process import Server, ServerFailed, free_port
from tests.support.waiting import LIMIT, wait_for

APP = "tests.servers.broadcast_app:app"
GUNICORN = "gunicorn -b {bind} -k gthread --threads 4"
LINES = [
    f"{GUNICORN} {APP}",
    f"uvicorn --host {{host}} --port {{port}} {APP}",
]


@contextmanager
def processes(redis_url: str) -> Iterator[list[Server]]:
    """Serve the app twice, once for each entry; both know this Redis."""
    with ExitStack() as stack:
        environment = {"FLASK_BROADCAST_URL": redis_url}
        yield [stack.enter_context(started_by(line, environment=environment)) for line in LINES]


@pytest.fixture(scope="module")
def servers(redis_url: str) -> Iterator[list[Server]]:
    with processes(redis_url) as servers:
        yield servers


@contextmanager
def joined(server: Server, path: str) -> Iterator[ClientConnection]:
    with opened(server, path, max_size=None) as ws:
        assert ws.recv(LIMIT) == "joined"
        yield ws


@COLOURS
def test_what_one_process_hears_reaches_the_members_of_the_other(servers: list[Server], colour: str) -> None:
    under_wsgi, under_asgi = servers
    with joined(under_wsgi, f"/{colour}/tea") as ada, joined(under_asgi, f"/{colour}/tea") as bob:
        for speaker in (ada, bob):
            for message in ("text", b"bytes", "", b"", "ü" * 100_000):
                speaker.send(message)
                assert [ada.recv(LIMIT), bob.recv(LIMIT)] == [message, message]


@COLOURS
def test_channels_do_not_mix(servers: list[Server], colour: str) -> None:
    with joined(servers[0], f"/{colour}/tea") as tea, joined(servers[1], f"/{colour}/coffee") as coffee:
        tea.send("tea")
        coffee.send("coffee")
        assert [tea.recv(LIMIT), coffee.recv(LIMIT)] == ["tea", "coffee"]


@COLOURS
def test_what_others_publish_is_ignored(servers: list[Server], redis_url: str, colour: str) -> None:
    with Redis.from_url(redis_url) as redis, joined(servers[0], f"/{colour}/tea") as tea:
        for content in (b"", b"x", b"t\xff", b"hello"):
            redis.publish("tests.servers.broadcast_app:tea", content)
        tea.send("heard")
        assert tea.recv(LIMIT) == "heard"


def test_a_channel_may_have_no_name(redis_url: str) -> None:
    async def talk() -> None:
        heard: asyncio.Queue[tuple[str, Data]] = asyncio.Queue()
        async with RedisRelay(redis_url, "nameless:", lambda *message: heard.put_nowait(message), print) as relay:
            for _ in range(2):
                await relay.subscribe("")
                await relay.publish("", "heard")
                assert await heard.get() == ("", "heard")
                await relay.unsubscribe("")
                wait_for(lambda: redis.pubsub_channels("nameless*") == [b"nameless"])  # it listens on

    with Redis.from_url(redis_url) as redis:
        asyncio.run(asyncio.wait_for(talk(), LIMIT))


@COLOURS
def test_redis_is_asked_for_the_channels_that_have_members(servers: list[Server], redis_url: str, colour: str) -> None:
    with Redis.from_url(redis_url) as redis:

        def subscribers() -> int:
            ((_, number),) = redis.pubsub_numsub("tests.servers.broadcast_app:kitchen")
            return int(number)

        for _ in range(3):
            assert subscribers() == 0
            with joined(servers[0], f"/{colour}/kitchen"), joined(servers[0], f"/{colour}/kitchen"):
                assert subscribers() == 1
                with joined(servers[1], f"/{colour}/kitchen"):
                    assert subscribers() == 2
            wait_for(lambda: subscribers() == 0)


def test_members_are_closed_when_redis_is_gone_and_join_again_when_it_is_back() -> None:
    port = free_port()
    with ExitStack() as stack:
        with redis_server(port) as url:
            under_wsgi, under_asgi = stack.enter_context(processes(url))
            members = [
                stack.enter_context(joined(server, path))
                for server, path in ((under_wsgi, "/async/tea"), (under_wsgi, "/sync/tea"), (under_asgi, "/async/tea"))
            ]
        assert [end_of(member) for member in members] == [(1012, "Connect again: messages may be missing.")] * 3
        early, early_sync = (stack.enter_context(opened(under_wsgi, path)) for path in ("/async/tea", "/sync/tea"))
        with redis_server(port):
            assert [early.recv(LIMIT), early_sync.recv(LIMIT)] == ["joined", "joined"]
            with joined(under_asgi, "/async/tea") as late:
                late.send("back")
                assert [ws.recv(LIMIT) for ws in (early, early_sync, late)] == ["back"] * 3
    for server in (under_wsgi, under_asgi):
        assert "The connection to Redis broke" in server.output
        assert "Traceback" not in server.output


@COLOURS
@pytest.mark.parametrize("which", [0, 1])
def test_who_waits_for_redis_keeps_no_server_from_ending(colour: str, which: int) -> None:
    with ExitStack() as stack:
        with redis_server() as url:
            server = stack.enter_context(processes(url))[which]
            with joined(server, f"/{colour}/tea"):
                pass
        wait_for(lambda: "The connection to Redis broke" in server.output)
        with opened(server, f"/{colour}/tea") as ws:
            server.stop()
            assert not server.hung
            with pytest.raises(ConnectionClosed):
                ws.recv(LIMIT)


def end_of(ws: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as end:
        ws.recv(LIMIT)
    assert end.value.rcvd is not None
    return end.value.rcvd.code, end.value.rcvd.reason


@pytest.mark.parametrize("line", LINES)
def test_a_redis_that_is_not_there_is_named(line: str) -> None:
    port = free_port()
    environment = {"FLASK_BROADCAST_URL": f"redis://127.0.0.1:{port}"}
    server = started_by(line.replace(f"{GUNICORN}", f"{GUNICORN} -c python:dualapp.gunicorn"), environment=environment)
    with suppress(ServerFailed), server:  # gunicorn listens before its workers have started
        server.process.wait(LIMIT)
    assert server.process.returncode not in (0, None)
    assert f"connecting to 127.0.0.1:{port}" in server.output


class BrokenPubSub:
    """A connection that has broken, of which its listener has not heard yet."""

    async def subscribe(self, channel: str) -> None:
        raise ConnectionError

    unsubscribe = subscribe


def test_who_joins_or_leaves_when_the_connection_has_just_broken_is_closed_as_the_others() -> None:
    """It is no error of the view: the listener, which hears of it next, closes all members with 1012."""

    async def join_and_leave() -> None:
        relay = RedisRelay("redis://127.0.0.1:1", "app:", print, print)
        relay._pubsub = BrokenPubSub()
        relay._connected.set()
        joining = asyncio.create_task(relay.subscribe("tea"))
        await asyncio.sleep(0)
        relay._confirmed["tea"].set()
        await relay.unsubscribe("tea")
        await joining

    asyncio.run(join_and_leave())
