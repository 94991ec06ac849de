"""The page about mounts and adapters: its program runs under each of its commands, and its tests pass."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.documentation.page import BIND, Page, check, commands, started

from ..support.http_client import ask
from ..support.server_process import ROOT

PAGE = Page(ROOT / "docs" / "mounts.md")


#: Each command that starts a server, and what it is then asked.
COMMANDS = [
    pytest.param(line, block, id=line) for block in PAGE.blocks("console") for line, _ in commands(block, *BIND)
]


@pytest.mark.parametrize(("line", "block"), COMMANDS)
def test_the_page_about_mounts_says_what_happens(line: str, block: str, tmp_path: Path) -> None:
    PAGE.write(tmp_path)
    asks = commands(block, "curl")
    assert asks
    with started(line, tmp_path) as running:
        for asked, printed in asks:
            check(asked, printed, running.url)


#: Views for what the page's three ways into Django have to pass on.
VIEWS = """
from dualapp import Response, request
from project import asgi, dashboard, wsgi


@dashboard.route("/all/<path:name>", methods=["GET", "POST", "DELETE"])
async def all_of_it(name):
    body = await request.get_data()
    told = [request.method, name, request.query_string.decode(), request.remote_addr, len(body)]
    response = Response(repr([*told, request.headers.get("X-Sent"), request.mimetype, dict(request.cookies)]), 201)
    response.set_cookie("a", "1", max_age=60)
    response.set_cookie("b", "2", httponly=True)
    response.headers["X-Seen"] = "yes"
    return response


@dashboard.get("/folder/")
def folder():
    return request.url
"""


@pytest.mark.parametrize("line", ["gunicorn views:wsgi", "uvicorn views:asgi"])
def test_a_view_of_django_passes_on_what_a_router_does(line: str, tmp_path: Path) -> None:
    PAGE.write(tmp_path)
    (tmp_path / "views.py").write_text(VIEWS)
    sent = {"X-Sent": "too", "Cookie": "c=3; d=4", "Content-Type": "text/x-any"}
    asks = [
        ("GET", "/all/%C3%A4%25%3F/b?q=%20%C3%A4&q", b"", 201),
        ("HEAD", "/all/x", b"", 201),
        ("POST", "/all/x", b"y" * 1_000_000, 201),
        ("DELETE", "/all/x", b"", 201),
        ("GET", "/folder?a=1", b"", 308),
        ("GET", "/folder/?a=1", b"", 200),
        ("GET", "/nowhere", b"", 404),
    ]
    with started(line, tmp_path) as running:
        for method, target, body, status in asks:
            inside, beside = (told_by(running.url, way, method, target, body, sent) for way in ("inside", "dashboard"))
            assert inside == beside
            assert inside[0] == status


#: Headers that the difference in the path changes, and those that are compared by their parts.
OTHERWISE = {"content-length", "set-cookie"}


def told_by(
    url: str, way: str, method: str, target: str, body: bytes, sent: dict[str, str]
) -> tuple[int, Any, Any, Any]:
    """Return an answer, without what its path, the clock and the order of attributes make different."""
    answer = ask(url, f"/{way}{target}", method=method, body=body or None, headers=sent)
    headers = [(name, value.replace(way, "")) for name, value in answer.headers if name not in OTHERWISE]
    cookies = [
        sorted(attribute.partition("expires=")[0] for attribute in cookie.lower().split("; "))
        for cookie in answer.get_all("set-cookie")
    ]
    return answer.status, answer.text.replace(way, ""), headers, cookies


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    PAGE.write(tmp_path)
    options = ["-rA", "-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"]
    command = [sys.executable, "-m", "pytest", *options, "shop.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.count("PASSED")) == (0, PAGE.text.count("def test_")), ended.stdout
