"""What the files of examples/deploy make of a request: the proxy, static files, sessions, events, uploads, health."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import pytest
from websocket import WebSocketBadStatusException

from tests.support.event_source import EventSource
from tests.support.server_process import HOST, ServerFailed, free_port
from tests.support.waiting import LIMIT, wait_for
from tests.support.workers import one_worker_each

from .site import Site

KiB = 1024
BODY = bytes(range(256)) * (4 * KiB)


@pytest.fixture(scope="module", params=one_worker_each(["gunicorn", "uvicorn"]))
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp(request.param), redis_url)
    if request.param == "gunicorn":
        servers = [site.server("shop.service", 8000, "--workers", "2")]
    else:
        servers = [site.server("shop@.service", port) for port in (8001, 8002)]
    with site.serving(f"upstream.{request.param}.conf", *servers):
        yield site


def test_the_app_knows_the_scheme_the_host_and_the_client(served: Site) -> None:
    assert served.json("/where") == {"url": "https://shop.test/where", "client": HOST}


def test_what_a_client_says_of_itself_is_replaced(served: Site) -> None:
    forged = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "ftp"}
    assert served.json("/where", headers=forged) == {"url": "https://shop.test/where", "client": HOST}


def test_http_is_redirected_to_https(served: Site) -> None:
    connection = http.client.HTTPConnection(HOST, served.ports[80])
    connection.request("POST", "/orders/1?a=b", headers={"Host": "shop.test", "Connection": "close"})
    response = connection.getresponse()
    assert (response.status, response.getheader("Location")) == (308, "https://shop.test/orders/1?a=b")
    connection.close()


def test_nginx_serves_static_files_itself(served: Site) -> None:
    with served.ask("/static/shop.css") as response:
        assert response.read() == (served.home / "static" / "shop.css").read_bytes()
    assert response.getheader("Cache-Control") == "max-age=3600"


def test_a_session_is_the_same_in_every_process(served: Site) -> None:
    cookie: dict[str, str] = {}
    for count in range(1, 9):
        with served.ask(f"/basket/{count}", "POST", headers=cookie) as response:
            basket = json.loads(response.read())["basket"]
        assert basket == [str(n) for n in range(1, count + 1)]
        if count == 1:
            sent = response.getheader("Set-Cookie", "")
            assert "Secure" in sent
            cookie = {"Cookie": sent.partition(";")[0]}


def test_events_arrive_one_by_one(served: Site) -> None:
    source, pieces = EventSource(), 0
    with served.ask("/events", headers={"Last-Event-ID": "6"}) as response:
        while len(source.events) < 5:
            source.feed(response.read1())
            pieces += 1
    assert [event.data for event in source.events[:5]] == ["7", "8", "9", "10", "11"]
    assert pieces >= 5


def test_a_websocket_passes(served: Site) -> None:
    with served.websocket("/prices/tea") as ws:
        ws.send("2")
        assert json.loads(ws.recv()) == {"product": "tea", "total": 9.0}


def test_a_page_of_another_site_opens_no_websocket(served: Site) -> None:
    with (
        pytest.raises(WebSocketBadStatusException) as refusal,
        served.websocket("/prices/tea", origin="https://evil.test"),
    ):
        pass
    assert refusal.value.status_code == 403


def test_a_websocket_that_is_not_there_is_a_page(served: Site) -> None:
    with pytest.raises(WebSocketBadStatusException) as refusal, served.websocket("/nowhere"):
        pass
    assert refusal.value.status_code == 404


def test_an_upload_reaches_the_app_as_it_arrives(served: Site, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.id
    connection = served.connect()
    connection.putrequest("POST", f"/upload/{name}")
    connection.putheader("Content-Length", str(len(BODY)))
    connection.endheaders()
    half = len(BODY) // 2
    connection.send(BODY[:half])
    wait_for(lambda: served.json(f"/uploaded/{name}")["bytes"] == half)
    connection.send(BODY[half:])
    response = connection.getresponse()
    assert json.loads(response.read()) == {"sha256": hashlib.sha256(BODY).hexdigest()}
    assert served.json(f"/uploaded/{name}")["bytes"] == len(BODY)
    connection.close()


def test_an_upload_over_the_limit_is_refused(served: Site) -> None:
    with served.ask("/upload/large", "POST", headers={"Content-Length": str(101 * KiB**2)}) as response:
        assert response.status == 413


def test_a_process_is_healthy(served: Site) -> None:
    for port in served.servers.keys() - {served.ports[443]}:
        with urlopen(f"http://{HOST}:{port}/healthz") as response:
            assert json.loads(response.read()) == {"status": "ok"}


@pytest.mark.parametrize(("unit", "port"), [("shop.service", 8000), ("shop@.service", 8001)])
def test_a_process_whose_startup_fails_is_never_healthy(tmp_path: Path, unit: str, port: int) -> None:
    """Its server does not start, and says why."""
    site = Site(tmp_path, f"redis://{HOST}:{free_port()}/0")
    server = site.server(unit, port)
    with suppress(ServerFailed), server:  # gunicorn listens before its workers have started
        server.process.wait(LIMIT)
    assert server.process.returncode not in (0, None)
    assert "Startup failed in shop.connect" in server.output
