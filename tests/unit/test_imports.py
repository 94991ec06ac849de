"""What is imported late, and whose words a package may use; the layers are contracts of import-linter in setup.cfg."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dualapp
from dualapp import proxy_fix, testing

PACKAGE = Path(dualapp.__file__).parent

# The words of the two protocols: what stands between the entries sees an exchange, and no server's own words.
SERVERS_WORDS = {"environ", "start_response", "scope", "receive"}
BETWEEN = ("pipeline", "shortcuts")

# What no app needs that only serves WSGI; some of it the test clients and the other entry bring along.
LATE = {
    "quart",
    "dualapp.wrappers.async_request",
    "dualapp.entries.asgi",
    "dualapp.exchange.asgi_exchange",
    "dualapp.testing",
    "click.testing",
    "pdb",
    "dualapp.proxy_fix",
}

MODULES = [path for package in BETWEEN for path in sorted((PACKAGE / package).glob("*.py"))]


def words(path: Path) -> set[str]:
    """The names that a module gives or uses, as variables, parameters and attributes."""
    used = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name) | ast.FunctionDef(name=name):
                used.add(name)
    return used


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_between_the_entries_nobody_speaks_a_protocol(path: Path) -> None:
    assert not words(path) & SERVERS_WORDS


def test_what_few_apps_need_is_imported_late() -> None:
    program = f"import sys, dualapp; dualapp.DualApp('app'); print(*sorted(sys.modules.keys() & {LATE!r}))"
    said = subprocess.run([sys.executable, "-c", program], cwd=PACKAGE.parent, check=True, stdout=subprocess.PIPE)
    assert said.stdout.split() == []


def test_flask_must_be_flask() -> None:
    program = "import sys; sys.modules['quart_flask_patch'] = sys; import dualapp"
    said = subprocess.run([sys.executable, "-c", program], cwd=PACKAGE.parent, stderr=subprocess.PIPE, text=True)
    assert "ImportError: quart_flask_patch has replaced Flask" in said.stderr
    assert "Remove `import quart_flask_patch`" in said.stderr


def test_responses_are_quarts_from_the_import_of_quart_on() -> None:
    program = """if True:
        from dualapp import DualApp, Response
        class Own(Response): ...
        made = Response("made"), Own("made"), DualApp("app").response_class("made")
        import quart
        print(*(isinstance(response, quart.Response) and response.get_data() == b"made" for response in made))
    """
    said = subprocess.run([sys.executable, "-c", program], cwd=PACKAGE.parent, check=True, stdout=subprocess.PIPE)
    assert said.stdout.split() == [b"True"] * 3


def test_quart_may_be_imported_in_the_background() -> None:
    """The request that left the task there has ended."""
    program = """if True:
        import dualapp, time
        app, names = dualapp.DualApp("app"), []
        async def task():
            import quart
            names.append(quart.current_app.name)
        app.add_url_rule("/", view_func=lambda: app.add_background_task(task) or "")
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "SERVER_NAME": "localhost", "wsgi.url_scheme": "http"}
        app.wsgi(environ, print)
        while app._lifespan.tasks:
            time.sleep(0.01)
        print(names)
    """
    said = subprocess.run([sys.executable, "-c", program], cwd=PACKAGE.parent, check=True, stdout=subprocess.PIPE)
    assert said.stdout.endswith(b"['app']\n")


def test_what_is_imported_late_is_found_in_its_place() -> None:
    assert dualapp.ProxyFix is proxy_fix.ProxyFix
    assert dualapp.DualApp.test_client_class is testing.DualClient
    with pytest.raises(AttributeError, match="'nothing'"):
        _ = dualapp.nothing


def test_a_class_of_clients_may_be_replaced() -> None:
    class Client(testing.DualClient): ...

    subclass = type("App", (dualapp.DualApp,), {"test_client_class": Client})
    app = dualapp.DualApp("app")
    assert type(app.test_client()) is testing.DualClient
    assert type(subclass("app").test_client()) is Client
    app.test_client_class = Client
    assert type(app.test_client()) is Client
