"""Apps of both kinds, mounted in one app, do under each server what they do under their own."""

from __future__ import annotations

import asyncio
import hashlib
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
from ..support.workers import one_worker_each

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
QUICK = {
    "uvicorn --port {port} mounted.site:app",
    "gunicorn -b {bind} mounted.site:app --preload -k gthread --threads 8",
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the programs, with Django's database."""
    directory = tmp_path_factory.mktemp("mounted")
    shutil.copytree(HERE / "mounted", directory / "mounted", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-m", "mounted.django_site"], cwd=directory, check=True)
    return directory


@pytest.fixture(scope="module", params=one_worker_each(SERVERS, slow={*SERVERS} - QUICK))
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


def test_starlette(client: httpx.Client, url: str) -> None:
    at = "/starlette"
    assert client.get(f"{at}/hello/you").text == f"Hello you {url}{at}/hello/x"
    wait_for(lambda: client.get(f"{at}/done").json()[:1] == ["you"])
    assert client.get(f"{at}/forms").text == f"Hello form {url}{at}/hello/x"
    sent = {"file": ("a.bin", b"x" * 3_000_000)}
    assert client.post(f"{at}/forms", data={"title": "a"}, files=sent).json() == {"title": "a", "size": 3_000_000}
    assert client.delete(f"{at}/forms").status_code == 405
    for path in ("file", "static/file.txt"):
        answer = client.get(f"{at}/{path}")
        assert (answer.text, answer.headers["X-Mark"]) == ("A file.\n", "1")
        assert client.get(f"{at}/{path}", headers={"If-None-Match": answer.headers["ETag"]}).status_code in {200, 304}
        assert client.get(f"{at}/{path}", headers={"Range": "bytes=2-5"}).text == "file"
    assert client.get(f"{at}/fail").text == "handled meant"
    assert client.get(f"{at}/static/none.txt").status_code == 404


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


@pytest.mark.parametrize("site", ["/django", "/django-asgi"])
def test_uploads_to_django(client: httpx.Client, site: str) -> None:
    for size, kept in ((2_000_000, "in memory"), (3_000_000, "in a file"), (30_000_000, "in a file")):
        content = bytes(range(250)) * (size // 250)
        answer = client.post(f"{site}/upload/", data={"title": "a"}, files={"file": ("a.bin", content)})
        digest = hashlib.sha256(content).hexdigest()
        assert answer.json() == {"name": "a.bin", "title": "a", "digest": digest, "kept": kept}
    assert client.post(f"{site}/body/", content=b"x" * 2_000_000).text == "2000000"
    assert len(client.post(f"{site}/stream/", content=b"x" * 3_000_000).content) == 3_000_000
    # Last, because some servers then close a connection that they said they would keep.
    assert client.post(f"{site}/body/", content=b"x" * 3_000_000).status_code == 400, "DATA_UPLOAD_MAX_MEMORY_SIZE"


def test_django_reads_chunks_in_its_asgi_app_only_and_no_form(url: str, line: str) -> None:
    """Under WSGI, and for a form, it goes by Content-Length, which waitress adds when it has the whole body."""
    form = httpx.Request("POST", url, data={"title": "a"}, files={"file": b"x"})

    def answer_to(path: str, *chunks: bytes) -> str:
        headers = {"Content-Type": form.headers["Content-Type"]}
        # Each on a connection of its own, which servers may close when the body is not read.
        return httpx.post(url + path, content=iter(chunks), headers=headers, timeout=LIMIT, trust_env=False).text

    has_length = line.startswith("waitress")
    body = [b"x" * 10_000] * 20
    assert answer_to("/django-asgi/body/", *body) == "200000"
    assert answer_to("/django/body/", *body) == ("200000" if has_length else "0")
    for site in ("/django-asgi", "/django"):
        assert (answer_to(f"{site}/upload/", form.read()) == "no file") is not has_length


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
