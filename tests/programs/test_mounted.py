"""Apps of both kinds, mounted in one app, do under each server what they do under their own."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import socketio
from mcp.client import Client

from ..support.server_command import started_by
from ..support.server_process import ROOT
from ..support.waiting import LIMIT, wait_for

HERE = Path(__file__).parent

#: Serves one request at a time, and so no client that polls.
SYNC = "gunicorn -b {bind} mounted.site:app.wsgi -c python:dualapp.gunicorn"
#: Gives no connection away, so that its clients poll.
NO_SOCKET = "granian --port {port} --interface wsgi --blocking-threads 8 mounted.site:app"
SERVERS = [
    SYNC,
    "gunicorn -b {bind} mounted.site:app --preload -k gthread --threads 8",
    "gunicorn -b {bind} mounted.site:app -k gevent",
    "gunicorn -b {bind} mounted.site:app -k asgi",
    "waitress-serve --listen={bind} --threads 8 mounted.site:app.wsgi",
    "uvicorn --port {port} mounted.site:app",
    "hypercorn -b {bind} asgi:mounted.site:app",
    "granian --port {port} --interface asgi mounted.site:app",
    NO_SOCKET,
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the programs, with Django's database."""
    directory = tmp_path_factory.mktemp("mounted")
    shutil.copytree(HERE / "mounted", directory / "mounted", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-m", "mounted.django_site"], cwd=directory, check=True)
    return directory


@pytest.fixture(scope="module", params=SERVERS)
def line(request: pytest.FixtureRequest) -> str:
    server: str = request.param
    return server


@pytest.fixture(scope="module")
def url(line: str, prepared: Path) -> Iterator[str]:
    with started_by(line, environment={"PYTHONPATH": f"{prepared}:{ROOT}"}) as server:
        yield server.url


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=LIMIT, follow_redirects=True, trust_env=False) as client:
        yield client


def test_fastapi(client: httpx.Client, url: str) -> None:
    assert client.get("/").text == "the site itself"
    assert "/service/openapi.json" in client.get("/service/docs").text
    assert "/hello/{name}" in client.get("/service/openapi.json").json()["paths"]
    assert client.get("/service/hello/you").json() == {"text": "Hello you", "url": f"{url}/service/hello/x"}
    wait_for(lambda: client.get("/service/done").json() == ["you"])
    assert client.get("/service/hello").status_code == 404
    assert client.get("/service/hello/x/y?z").json() == {"detail": "Not Found"}


def test_uploads_and_streams_of_fastapi(client: httpx.Client) -> None:
    sent = {"file": ("a.bin", b"x" * 3_000_000)}
    assert client.post("/service/upload", files=sent).json() == {"name": "a.bin", "size": 3_000_000}
    assert client.post("/service/count", content=(b"y" * 10_000 for _ in range(100))).json() == 1_000_000
    assert client.get("/service/stream").text.split() == [str(number) for number in range(100)]


def test_djangos_admin(client: httpx.Client, url: str) -> None:
    assert client.get("/django/where/").text == f"{url}/django/where/ /django/admin/"
    page = client.get("/django/admin/")
    assert page.url.path == "/django/admin/login/"
    (style,) = re.findall(r'href="(/django/static/[^"]*base\.css)"', page.text)
    assert "--primary" in client.get(style).text
    page = client.post(page.url, data={"username": "root", "password": "secret", "csrfmiddlewaretoken": token(page)})
    assert "Site administration" in page.text
    page = client.get("/django/admin/auth/group/add/")
    name = url.replace(":", "-")
    page = client.post(page.url, data={"name": name, "csrfmiddlewaretoken": token(page)})
    assert page.url.path == "/django/admin/auth/group/"
    assert name in page.text


def token(page: httpx.Response) -> str:
    return re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[0]


def test_dash(client: httpx.Client) -> None:
    assert "/dash/_dash-component-suites/" in client.get("/dash/").text
    asked = {
        "output": "greeting.children",
        "outputs": {"id": "greeting", "property": "children"},
        "inputs": [{"id": "name", "property": "value", "value": "you"}],
        "changedPropIds": ["name.value"],
    }
    answer = client.post("/dash/_dash-update-component", json=asked).json()
    assert answer["response"] == {"greeting": {"children": "Hello you"}}


def test_the_two_apps_of_prometheus(client: httpx.Client) -> None:
    for kind in ("wsgi", "asgi"):
        assert "python_info{" in client.get(f"/metrics/{kind}/").text


def test_whitenoise(client: httpx.Client) -> None:
    assert client.get("/files/file.txt").text == "A file.\n"
    assert client.get("/files/file.txt", headers={"Range": "bytes=2-5"}).text == "file"
    assert client.head("/files/file.txt").headers["Content-Length"] == "8"
    assert client.get("/files/no.txt").status_code == 404


def test_mcp(url: str, line: str) -> None:
    async def use() -> object:
        async with Client(f"{url}/mcp/") as session:
            tools = await session.list_tools()
            assert [tool.name for tool in tools.tools] == ["add"]
            return (await session.call_tool("add", {"a": 2, "b": 3})).structured_content

    if line == SYNC:
        pytest.skip("its client keeps a request open beside the next one")
    assert asyncio.run(asyncio.wait_for(use(), LIMIT)) == {"result": 5}


WAYS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}


@pytest.mark.parametrize("transports", WAYS.values(), ids=WAYS)
def test_socketio(url: str, line: str, transports: list[str]) -> None:
    if line == SYNC and "polling" in transports:
        pytest.skip("its client keeps a request open beside the next one")
    if line == NO_SOCKET and "polling" not in transports:
        pytest.skip("this server gives no socket")
    with socketio.SimpleClient(request_timeout=int(LIMIT)) as client:
        client.connect(url, socketio_path="chat/socket.io", transports=transports, wait_timeout=int(LIMIT))
        assert client.call("say", "hello", timeout=int(LIMIT)) == {"heard": "hello"}
        assert client.receive(timeout=LIMIT) == ["said", "hello"]
        assert client.client.eio.current_transport == ("polling" if line == NO_SOCKET else transports[-1])
        # Its server may forget the poll of a client that leaves by itself, for 45 s.
        client.emit("leave")
        wait_for(lambda: not client.connected)
