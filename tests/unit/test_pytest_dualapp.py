"""pytest's plugin where no other plugin runs `async def` tests; tests/extensions has those that do."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

import pytest

from ..support.pytest_project import run_pytest, write
from ..support.server_process import ROOT

APP = """
import asyncio
import pytest
from dualapp import DualApp, request

@pytest.fixture
def app():
    app = DualApp("app")
    app.extensions["events"] = events = []

    @app.before_serving
    async def start():
        app.extensions["loop"] = asyncio.get_running_loop()
        events.append("start")

    @app.after_serving
    async def stop():
        assert asyncio.get_running_loop() is app.extensions["loop"]
        events.append("stop")

    @app.get("/")
    async def index():
        return {"entry": "asgi" if "asgi.scope" in request.environ else "wsgi", "events": events}

    yield app
    assert events == ["start", "stop"] * (len(events) // 2)
"""


def test_pytest_imports_no_dualapp_at_its_start() -> None:
    program = "import sys, pytest_dualapp; print(*sys.modules.keys() & {'dualapp', 'flask', 'asyncio', 'asgiref'})"
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    assert said.stdout.split() == []


def test_pytest_finds_it_where_dualapp_is_installed() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["options.entry_points"]["pytest11"].split() == ["dualapp", "=", "pytest_dualapp"]
    assert setup["options"]["py_modules"] == "pytest_dualapp"


def test_each_test_runs_on_both_entries_of_a_started_app(tmp_path: Path) -> None:
    tests = """
        def test_it(client, app, dualapp_entry):
            assert app.extensions["events"] == ["start"]
            assert client.get("/").json == {"entry": dualapp_entry, "events": ["start"]}
    """
    write(tmp_path, conftest=APP, test_app=tests)
    assert run_pytest(tmp_path).outcomes == {"test_it[wsgi]": "passed", "test_it[asgi]": "passed"}


def test_a_test_may_choose_its_entry(tmp_path: Path) -> None:
    tests = """
        import pytest

        @pytest.mark.parametrize("dualapp_entry", ["asgi"])
        def test_marked(client):
            assert client.get("/").json["entry"] == "asgi"

        class TestOverride:
            @pytest.fixture
            def dualapp_entry(self):
                return "wsgi"

            def test_it(self, client):
                assert client.get("/").json["entry"] == "wsgi"
    """
    write(tmp_path, conftest=APP, test_app=tests)
    report = run_pytest(tmp_path)
    assert report.outcomes == {"test_marked[asgi]": "passed", "TestOverride::test_it": "passed"}, report.output


@pytest.mark.parametrize("scope", ["session", "package", "module", "class"])
def test_an_app_may_outlive_its_tests(tmp_path: Path, scope: str) -> None:
    """It is started and stopped for each of them."""
    tests = """
        import pytest

        @pytest.mark.parametrize("number", range(3))
        def test_it(client, app, number):
            assert client.get("/").json["events"][-1] == "start"
    """
    write(tmp_path, conftest=APP.replace("fixture", f"fixture(scope={scope!r})"), test_app=tests)
    report = run_pytest(tmp_path)
    assert report.count() == {"passed": 6}, report.output


def test_what_a_startup_raises_is_an_error_of_the_test(tmp_path: Path) -> None:
    tests = """
        def test_it(client):
            assert False, "not reached"
    """
    broken = APP.replace('events.append("start")', 'raise LookupError("no database")')
    write(tmp_path, conftest=broken, test_app=tests)
    report = run_pytest(tmp_path)
    assert report.count() == {"error": 2}
    assert "start failed: LookupError('no database')" in report.output


def test_of_a_project_without_an_app_the_message_says_what_to_write(tmp_path: Path) -> None:
    write(tmp_path, test_app="def test_it(client): ...")
    report = run_pytest(tmp_path)
    assert report.count() == {"error": 2}
    assert "fixture 'app' not found" in report.output
    assert "Write a fixture `app` that returns your DualApp" in report.output


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("__import__('flask').Flask('app')", "gives a flask.app.Flask, and dualapp's client needs a DualApp: tests of"),
        ("DualApp('app').test_app()", "ServedApp, and dualapp's client needs a DualApp: return its `app`"),
        ("later()", "gives a builtins.coroutine, and dualapp's client needs a DualApp: it is async"),
        ("None", "gives a builtins.NoneType, and dualapp's client"),
    ],
    ids=["flask", "test_app", "coroutine", "none"],
)
def test_of_another_app_the_message_says_what_to_do(tmp_path: Path, given: str, says: str) -> None:
    tests = f"""
        import pytest
        from dualapp import DualApp

        async def later(): ...

        @pytest.fixture
        def app():
            return {given}

        def test_it(client): ...
    """
    write(tmp_path, test_app=tests)
    report = run_pytest(tmp_path)
    assert report.count() == {"error": 2}, report.output
    assert says in report.output


CLIENT = """
import pytest

@pytest.fixture
def client():
    return "theirs"
"""


@pytest.mark.parametrize("order", ["before", "after"])
def test_another_plugins_client_wins(tmp_path: Path, order: str) -> None:
    """In whichever order pytest finds them."""
    tests = """
        def test_theirs(client):
            assert client == "theirs"

        def test_ours(dualapp_client, dualapp_entry):
            assert dualapp_client.get("/").json["entry"] == dualapp_entry
    """
    write(tmp_path, conftest=APP, test_app=tests, their_plugin=CLIENT)
    report = run_pytest(
        tmp_path,
        *(["-p", "their_plugin"] if order == "after" else []),
        plugins=("their_plugin",) if order == "before" else (),
    )
    passed = ["test_theirs", "test_ours[wsgi]", "test_ours[asgi]"]
    assert report.outcomes == dict.fromkeys(passed, "passed"), report.output


def test_a_conftests_client_wins_in_its_folder_only(tmp_path: Path) -> None:
    for folder, conftest, test in [
        ("theirs", CLIENT, "def test_theirs(client): assert client == 'theirs'"),
        ("ours", APP, "def test_ours(client): assert client.get('/').json['events'] == ['start']"),
    ]:
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, conftest=conftest, **{f"test_{folder}": test})
    passed = ["test_theirs", "test_ours[wsgi]", "test_ours[asgi]"]
    report = run_pytest(tmp_path, str(tmp_path / "theirs"), str(tmp_path / "ours"))
    assert report.outcomes == dict.fromkeys(passed, "passed"), report.output


def test_a_client_may_be_made_of_ours(tmp_path: Path) -> None:
    tests = """
        import pytest

        @pytest.fixture
        def client(dualapp_client):
            dualapp_client.environ_base["HTTP_X_A"] = "a"
            return dualapp_client

        def test_it(client):
            assert client.get("/").request.headers["X-A"] == "a"
    """
    write(tmp_path, conftest=APP, test_app=tests)
    assert run_pytest(tmp_path).count() == {"passed": 2}


def test_async_tests_that_another_tool_runs_have_a_client(tmp_path: Path) -> None:
    """Their first request starts the app."""
    tests = """
        async def test_it(client, app, dualapp_entry):
            answer = await client.get("/")
            assert await answer.json == {"entry": dualapp_entry, "events": ["start"]}
            await app.shutdown()
    """
    runs = """
        import asyncio
        import inspect

        def pytest_pyfunc_call(pyfuncitem):
            names = pyfuncitem._fixtureinfo.argnames
            asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
            return True
    """
    write(tmp_path, conftest=APP, test_app=tests, runs=runs)
    report = run_pytest(tmp_path, plugins=("runs",))
    assert report.count() == {"passed": 2}, report.output
