"""gunicorn loads dotted names once it has been taught, and keeps its own words for everything else."""

import sys
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from gunicorn import util
from gunicorn.errors import AppImportError

from dualapp.gunicorn import allow_dotted_names, import_app
from tests.support.http_client import ask
from tests.support.server_process import HOST, ROOT, Server, ServerFailed, free_port, serving

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
        util.import_app(uri)
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


def test_gunicorn_is_taught_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(util, "import_app", util.import_app)
    with pytest.raises(AppImportError, match="Failed to parse"):
        util.import_app("shop:app.wsgi")
    allow_dotted_names()
    allow_dotted_names()
    assert body_of(util.import_app("shop:app.wsgi")) == b"dotted"


# The project stands elsewhere, and dualapp may not be installed.
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}


def gunicorn(port: int, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "gunicorn", "--bind", f"{HOST}:{port}", *arguments]


@pytest.fixture
def project(shop: Path) -> Path:
    """A project of one's own, with the two lines of the README."""
    (shop / "gunicorn.conf.py").write_text((ROOT / "gunicorn.conf.py").read_text())
    return shop


@pytest.mark.parametrize("options", [[], ["--preload"], ["--threads", "2"]], ids=["sync", "preload", "gthread"])
def test_gunicorn_serves_a_dotted_name(project: Path, options: list[str]) -> None:
    port = free_port()
    with serving(gunicorn(port, *options, "shop:app.wsgi"), port, cwd=project, environment=ENVIRONMENT) as url:
        assert ask(url, "/").body == b"dotted"


def test_gunicorn_names_what_it_did_not_find(project: Path) -> None:
    port = free_port()
    with (
        pytest.raises(ServerFailed) as failure,
        Server(gunicorn(port, "--preload", "shop:app.wsgy"), port, cwd=project, environment=ENVIRONMENT),
    ):
        pass
    assert "Failed to find attribute 'wsgy' in 'shop:app.wsgy'." in failure.value.__notes__[0]
