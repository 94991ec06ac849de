"""gunicorn loads dotted names once it has been taught, and keeps its own words for everything else."""

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from gunicorn import util
from gunicorn.errors import AppImportError

from dualapp.gunicorn import _import_app as gunicorns_own
from dualapp.gunicorn import allow_dotted_names, import_app
from tests.support.http_client import ask
from tests.support.server_process import HOST, ROOT, Server, ServerFailed, free_port, serving
from tests.support.waiting import LIMIT

MODULE = """
    class App:
        mark = "not callable"

        def __call__(self, environ, start_response):
            start_response("200 OK", [])
            return [b"plain"]

        def wsgi(self, environ, start_response):
            start_response("200 OK", [])
            return [b"dotted"]

    def create(name="app"):
        return App()

    app = App()
    app.inner = App()
"""


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "shop.py").write_text(textwrap.dedent(MODULE))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "shop", raising=False)
    return tmp_path


def body_of(app: Callable[..., Iterable[bytes]]) -> bytes:
    return b"".join(app({}, lambda status, headers: None))


@pytest.mark.parametrize(
    ("uri", "body"),
    [
        ("shop:app", b"plain"),
        ("shop:create()", b"plain"),
        ("shop:app.wsgi", b"dotted"),
        ("shop:app.inner", b"plain"),
        ("shop:app.inner.wsgi", b"dotted"),
        ("shop:create().wsgi", b"dotted"),
        ("shop:create(name='other').wsgi", b"dotted"),
    ],
)
def test_what_loads(uri: str, body: bytes) -> None:
    assert body_of(import_app(uri)) == body


@pytest.mark.parametrize(
    "uri", ["shop", "shop:", "shop:nothing", "shop:app(", "shop:app[0]", "shop:create(1, 2)", "no_shop:app"]
)
def test_other_errors_are_those_of_gunicorn(uri: str) -> None:
    with pytest.raises((AppImportError, ImportError)) as theirs:
        gunicorns_own(uri)
    with pytest.raises(type(theirs.value)) as ours:
        import_app(uri)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("shop:app.wsgy", "Failed to find attribute 'wsgy' in 'shop:app.wsgy'."),
        ("shop:nothing.wsgi", "Failed to find attribute 'nothing' in 'shop'."),
        ("shop:app.inner.no.wsgi", "Failed to find attribute 'no' in 'shop:app.inner.no.wsgi'."),
        ("shop:app.mark", "Application object must be callable."),
    ],
)
def test_a_dotted_name_that_leads_nowhere(uri: str, message: str) -> None:
    with pytest.raises(AppImportError) as error:
        import_app(uri)
    assert str(error.value) == message


def test_an_import_teaches_gunicorn() -> None:
    with pytest.raises(AppImportError, match="Failed to parse"):
        gunicorns_own("shop:app.wsgi")
    assert body_of(util.import_app("shop:app.wsgi")) == b"dotted"


def test_gunicorn_is_taught_once() -> None:
    allow_dotted_names()
    allow_dotted_names()
    assert body_of(util.import_app("shop:app.wsgi")) == b"dotted"


def test_a_gunicorn_that_is_missing_is_named() -> None:
    program = "import sys; sys.modules['gunicorn'] = None; import dualapp.gunicorn"
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.PIPE, text=True, timeout=LIMIT)
    said = "ImportError: dualapp.gunicorn needs gunicorn: pip install 'dualapp[gunicorn]'"
    assert ended.stderr.splitlines()[-1] == said


# The project stands elsewhere, and dualapp may not be installed.
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}


def gunicorn(port: int, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "gunicorn", "--bind", f"{HOST}:{port}", *arguments]


CONFIGURATIONS = {
    "option": (["-c", "python:dualapp.gunicorn"], ""),
    "file": ([], "from dualapp.gunicorn import post_worker_init, worker_exit\n"),
    "old file": ([], "from dualapp.gunicorn import allow_dotted_names\nallow_dotted_names()\n"),
}


@pytest.mark.parametrize("options", [[], ["--preload"], ["--threads", "2"]], ids=["sync", "preload", "gthread"])
@pytest.mark.parametrize(("option", "file"), CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_gunicorn_serves_a_dotted_name(shop: Path, option: list[str], file: str, options: list[str]) -> None:
    if file:
        (shop / "gunicorn.conf.py").write_text(file)
    port = free_port()
    command = gunicorn(port, *option, *options, "shop:app.wsgi")
    with serving(command, port, cwd=shop, environment=ENVIRONMENT) as url:
        assert ask(url, "/").body == b"dotted"


def test_gunicorn_names_what_it_did_not_find(shop: Path) -> None:
    port, (option, _) = free_port(), CONFIGURATIONS["option"]
    with (
        pytest.raises(ServerFailed) as failure,
        Server(gunicorn(port, *option, "--preload", "shop:app.wsgy"), port, cwd=shop, environment=ENVIRONMENT),
    ):
        pass
    assert "Failed to find attribute 'wsgy' in 'shop:app.wsgy'." in failure.value.__notes__[0]
