"""The debugger on real servers: its page, its consoles, several processes; and what debug mode says of the loop."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.http_client import Answer, ask
from tests.support.server_command import started_by
from tests.support.server_process import ROOT, Server
from tests.support.waiting import wait_for

PROGRAM = """
import time
from dualapp import DualApp, request

app = DualApp(__name__)


async def lost():
    return "lost"


@app.get("/def/<int:number>")
def sync_fail(number):
    return str(1 / number)


@app.get("/async/<int:number>")
async def async_fail(number):
    return str(1 / number)


@app.get("/blocks")
async def blocks():
    time.sleep(0.3)
    return "blocked"


@app.get("/loses/def")
def sync_loses():
    lost()
    return "done"


@app.get("/loses/async")
async def async_loses():
    lost()
    return "done"
"""

ONE_PROCESS = [
    "gunicorn debugged:app --bind {bind} --threads 4",
    "gunicorn debugged:app --bind {bind} --worker-class gevent",
    "waitress-serve --listen {bind} debugged:app.wsgi",
    "uvicorn debugged:app --port {port}",
    "uvicorn debugged:app --port {port} --loop asyncio --http h11",
    "hypercorn asgi:debugged:app --bind {bind}",
    "granian --interface asgi --host {host} --port {port} debugged:app.asgi",
    "granian --interface wsgi --host {host} --port {port} debugged:app.wsgi",
    "flask --app debugged run --debug --no-reload --port {port}",
]


@contextmanager
def serving(line: str, folder: Path) -> Iterator[Server]:
    (folder / "debugged.py").write_text(PROGRAM)
    environment = {"PYTHONPATH": f"{folder}:{ROOT}", "FLASK_DEBUG": "1", "WERKZEUG_DEBUG_PIN": "1-2-3"}
    needs = {"waitress-serve": "waitress"}.get(line.split()[0], line.split()[0])
    if "gevent" in line:
        needs += " gevent"
    with started_by(line, needs, environment) as server:
        yield server


def page_of(server: Server, path: str) -> str:
    answer = ask(server.url, path)
    assert (answer.status, answer["content-type"]) == (500, "text/html; charset=utf-8")
    assert "ZeroDivisionError: division by zero" in answer.text
    return answer.text


def asked(server: Server, page: str, cookie: str = "", **arguments: str) -> Answer:
    secret = re.findall(r'SECRET = "(.*?)"', page)[0]
    query = "&".join(f"{name}={quote(value)}" for name, value in arguments.items())
    return ask(server.url, f"/?__debugger__=yes&s={secret}&{query}", headers={"Cookie": cookie})


def unlocked(server: Server, page: str) -> str:
    return asked(server, page, cmd="pinauth", pin="123")["set-cookie"].partition(";")[0]


def evaluated(server: Server, page: str, cookie: str) -> str:
    frame = re.findall(r'id="frame-(\d+)"', page)[-1]
    answer = asked(server, page, cookie, cmd="number + 42, request.path", frm=frame)
    return html.unescape(re.sub("<.*?>", "", answer.text))


@pytest.mark.parametrize("line", ONE_PROCESS)
def test_an_error_has_a_page_with_consoles(line: str, tmp_path: Path) -> None:
    with serving(line, tmp_path) as server:
        for view in ("def", "async"):
            page = page_of(server, f"/{view}/0")
            functions = re.findall(r'<code class="function">(.*?)</code>', page)
            assert functions[-1] == f"{'sync' if view == 'def' else 'async'}_fail"
            assert len(functions) <= 7
            assert f"(42, '/{view}/0')" in evaluated(server, page, unlocked(server, page))
        wait_for(lambda: server.output.count("ZeroDivisionError: division by zero") >= 2)


@pytest.mark.parametrize("line", [line for line in ONE_PROCESS if "granian" not in line])  # which has no asyncio tasks
def test_debug_mode_says_what_blocks_the_loop_and_which_coroutine_is_lost(line: str, tmp_path: Path) -> None:
    with serving(line, tmp_path) as server:
        for path in ("/blocks", "/loses/def", "/loses/async"):
            assert ask(server.url, path).status == 200
        wait_for(lambda: re.search(r"Executing .*endpoint 'blocks' of 'debugged'.* took 0\.\d+ seconds", server.output))
        for view in ("sync_loses", "async_loses"):
            wait_for(lambda view=view: re.search(rf"'lost' was never awaited\n(.*\n)*?.*, in {view}\n", server.output))


def test_gunicorn_with_two_workers_has_a_page_that_says_why_it_has_no_console(tmp_path: Path) -> None:
    with serving("gunicorn debugged:app --bind {bind} --workers 2", tmp_path) as server:
        page = page_of(server, "/def/0")
        assert "EVALEX = false" in page
        assert "this server has several processes" in page
        wait_for(lambda: "this server has several processes" in server.output)


def test_uvicorn_with_two_workers_says_which_process_has_the_console(tmp_path: Path) -> None:
    with serving("uvicorn debugged:app --port {port} --workers 2", tmp_path) as server:
        page = page_of(server, "/async/0")
        frame = re.findall(r'id="frame-(\d+)"', page)[-1]
        said = "This page was made by process"
        wait_for(lambda: asked(server, page, cmd="1", frm=frame).text.startswith(said))
        wait_for(lambda: said in server.output)
