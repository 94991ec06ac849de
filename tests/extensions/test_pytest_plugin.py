"""dualapp's pytest plugin beside pytest-asyncio, anyio's plugin and pytest-flask."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..support.pytest_project import Report, run_pytest, write
from ..unit.test_pytest_dualapp import APP

ASYNCIO = "pytest_asyncio.plugin"
ANYIO = "anyio.pytest_plugin"
FLASK = "pytest_flask.plugin"
#: pytest-asyncio warns where it is not set.
FUNCTION_LOOP = ("-o", "asyncio_default_fixture_loop_scope=function")

TESTS = """
import asyncio
import pytest

{mark}

@pytest.fixture
def of_def(client):
    yield client

{fixture}
async def logged_in(client, app):
    assert app.extensions["events"][-1] == "start"
    assert asyncio.get_running_loop() is app.extensions["loop"]
    await client.get("/")
    yield client
    assert (await client.get("/")).status_code == 200
    assert app.extensions["events"][-1] == "start"

{mark_async}
async def test_async(client, app, dualapp_entry):
    assert asyncio.get_running_loop() is app.extensions["loop"]
    assert await (await client.get("/")).json == {{"entry": dualapp_entry, "events": app.extensions["events"]}}

{mark_async}
async def test_fixtures(logged_in, of_def, app):
    assert logged_in is of_def
    assert (await logged_in.get("/")).status_code == 200

def test_def(client, app, dualapp_entry):
    assert app.extensions["events"][-1] == "start"
    assert client.get("/").json["entry"] == dualapp_entry

class TestMethods:
    {mark_async}
    async def test_method(self, client):
        async with client:
            assert (await client.get("/")).status_code == 200
"""
NAMES = ["test_async", "test_fixtures", "test_def", "TestMethods::test_method"]
BOTH = {f"{name}[{entry}]": "passed" for name in NAMES for entry in ("wsgi", "asgi")}


def run_tests(directory: Path, *arguments: str, plugins: tuple[str, ...], **parts: str) -> Report:
    write(directory, conftest=APP, test_app=TESTS.format_map({"mark": "", "mark_async": "", **parts}))
    return run_pytest(directory, *arguments, plugins=plugins)


def test_with_pytest_asyncio(tmp_path: Path) -> None:
    parts = {"fixture": "@__import__('pytest_asyncio').fixture", "mark_async": "@pytest.mark.asyncio"}
    report = run_tests(tmp_path, *FUNCTION_LOOP, plugins=(ASYNCIO,), **parts)
    assert report.outcomes == BOTH, report.output


def test_with_pytest_asyncio_in_auto_mode(tmp_path: Path) -> None:
    arguments = (*FUNCTION_LOOP, "--asyncio-mode=auto")
    report = run_tests(tmp_path, *arguments, plugins=(ASYNCIO,), fixture="@pytest.fixture")
    assert report.outcomes == BOTH, report.output


@pytest.mark.parametrize("scope", ["module", "session"])
@pytest.mark.parametrize("asked", ["by-marker", "by-option"])
def test_with_a_loop_for_several_tests(tmp_path: Path, scope: str, asked: str) -> None:
    """Startup and shutdown run on it for each test."""
    parts = {"fixture": f"@__import__('pytest_asyncio').fixture(loop_scope={scope!r})"}
    if asked == "by-marker":
        arguments = (*FUNCTION_LOOP, "--asyncio-mode=strict")
        parts["mark_async"] = f"@pytest.mark.asyncio(loop_scope={scope!r})"
    else:
        arguments = (*FUNCTION_LOOP, "--asyncio-mode=auto", "-o", f"asyncio_default_test_loop_scope={scope}")
    report = run_tests(tmp_path, *arguments, plugins=(ASYNCIO,), **parts)
    assert report.outcomes == BOTH, report.output


BACKEND = """
@pytest.fixture
def anyio_backend():
    return {!r}
"""


def test_with_anyio(tmp_path: Path) -> None:
    parts = {"fixture": "@pytest.fixture", "mark": BACKEND.format("asyncio"), "mark_async": "@pytest.mark.anyio"}
    report = run_tests(tmp_path, plugins=(ANYIO,), **parts)
    assert report.outcomes == BOTH, report.output


def test_with_anyio_in_auto_mode_beside_pytest_asyncio(tmp_path: Path) -> None:
    parts = {"fixture": "@pytest.fixture", "mark": BACKEND.format("asyncio")}
    arguments = (*FUNCTION_LOOP, "-o", "anyio_mode=auto")
    report = run_tests(tmp_path, *arguments, plugins=(ANYIO, ASYNCIO), **parts)
    assert report.outcomes == BOTH, report.output


def test_trio_is_refused(tmp_path: Path) -> None:
    parts = {"fixture": "@pytest.fixture", "mark": BACKEND.format("trio"), "mark_async": "@pytest.mark.anyio"}
    report = run_tests(tmp_path, "-k", "test_async", plugins=(ANYIO,), **parts)
    assert report.count() == {"error": 2}
    assert "this test on trio: write a fixture `anyio_backend` that returns 'asyncio'" in report.output


PYTEST_FLASK_TESTS = """
import flask
import pytest
{imports}

@pytest.fixture
def app():
    app = {app}
    app.add_url_rule("/", view_func=lambda: {{"says": "hello"}})
    return app

def test_theirs(client, accept_json):
    assert client.get(flask.url_for("<lambda>"), headers=accept_json).json == {{"says": "hello"}}
    assert flask.request.path == "/"  # kept by their `with client`
"""
OURS = """
def test_ours(dualapp_client, dualapp_entry):
    assert dualapp_client.entry == dualapp_entry
    assert dualapp_client.get("/").json == {"says": "hello"}

class TestOverride:
    @pytest.fixture
    def client(self, dualapp_client):
        return dualapp_client

    def test_it(self, client, dualapp_entry):
        assert client.entry == dualapp_entry

    @pytest.mark.asyncio
    async def test_async(self, client):
        assert await (await client.get("/")).json == {"says": "hello"}

@pytest.mark.asyncio
async def test_theirs_in_async_code(client):
    assert await (await client.get("/")).json == {"says": "hello"}
    assert flask.request.path == "/"
"""


@pytest.mark.parametrize("framework", ["flask.Flask", "dualapp.DualApp"])
def test_the_client_is_pytest_flasks_where_it_is_installed(tmp_path: Path, framework: str) -> None:
    module = framework.partition(".")[0]
    tests = PYTEST_FLASK_TESTS.format(imports=f"import {module}", app=f"{framework}('app')")
    write(tmp_path, test_app=tests)
    assert run_pytest(tmp_path, plugins=(FLASK,)).outcomes == {"test_theirs": "passed"}


def test_ours_and_pytest_flasks_in_one_project(tmp_path: Path) -> None:
    tests = PYTEST_FLASK_TESTS.format(imports="import dualapp", app="dualapp.DualApp('app')") + OURS
    write(tmp_path, test_app=tests)
    report = run_pytest(tmp_path, *FUNCTION_LOOP, plugins=(FLASK, ASYNCIO))
    ours = ["test_ours", "TestOverride::test_it", "TestOverride::test_async"]
    expected = [f"{name}[{entry}]" for name in ours for entry in ("wsgi", "asgi")]
    names = ["test_theirs", "test_theirs_in_async_code", *expected]
    assert report.outcomes == dict.fromkeys(names, "passed"), report.output
