"""The architecture, proved: what each module may import, and whose words it may use."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import dualapp
from dualapp import proxy, testing

PACKAGE = Path(dualapp.__file__).parent

# A module imports only from lines above its own; modules of one line do not know one another.
LAYERS = [
    {"cached", "colour", "translation", "routing", "pages", "streams", "late", "scaffold", "resources", "files"}
    | {"steps", "turns"},
    {"host", "handoff"},
    {"crossing"},
    {"ahead", "views"},
    {"body", "responses"},
    {"redirects"},
    {"asgi_exchange", "exchange", "plain", "watch"},
    {"async_request", "sync_request", "quart_context", "templating", "lifespan", "commands", "testing"}
    | {"sessions", "static"},
    {"requests", "quart_signals"},
    {"context"},
    {"plan"},
    {"dispatch"},
    {"wsgi", "asgi"},
    {"app", "doors"},
    {"proxy"},
    {"__init__"},
    {"gunicorn"},
]

# Threads and loops are known where code crosses, where the process starts and stops, and at the ASGI entry.
CONCURRENCY = {"asyncio", "threading", "concurrent", "asgiref", "queue", "multiprocessing"}
CONCURRENT = {"handoff", "turns", "host", "crossing", "ahead", "watch", "lifespan", "asgi"}

# Whose words are whose. The faces of a request translate, and the app's entries have the signatures that servers call.
WORDS = {
    "environ": {
        "wsgi",
        "translation",
        "exchange",
        "requests",
        "responses",
        "sync_request",
        "app",
        "asgi",
        "asgi_exchange",
        "proxy",
        "testing",
    },
    "start_response": {"wsgi", "app"},
    "scope": {"asgi", "asgi_exchange", "translation", "exchange", "async_request", "app", "wsgi", "proxy"},
    "receive": {"asgi", "asgi_exchange", "body", "watch", "lifespan", "app", "proxy"},
}

# What no app needs that only serves WSGI; some of it the test clients and the other entry bring along.
LATE = {
    "quart",
    "dualapp.async_request",
    "dualapp.asgi",
    "dualapp.asgi_exchange",
    "dualapp.testing",
    "click.testing",
    "pdb",
    "dualapp.proxy",
}

MODULES = sorted(PACKAGE.glob("*.py"))


def layer_of(name: str) -> int:
    return next(number for number, layer in enumerate(LAYERS) if name in layer)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """All imports of a module, those in functions and for type checkers too: how many dots, and the first name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is None:
            yield from ((node.level, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, str(node.module).partition(".")[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_arrows_point_one_way(path: Path) -> None:
    upward = {name for level, name in imports(path) if level and layer_of(name) >= layer_of(path.stem)}
    assert not upward, f"{path.name} imports {upward}, which it stands below or beside"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_the_package_is_imported_relatively(path: Path) -> None:
    assert (0, "dualapp") not in set(imports(path))


def test_every_module_has_a_layer_and_every_name_a_module() -> None:
    assert {path.stem for path in MODULES} == set().union(*LAYERS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_only_some_know_threads_and_loops(path: Path) -> None:
    known = {name for level, name in imports(path) if not level} & CONCURRENCY
    if path.stem == "colour":
        known -= {"asgiref"}  # it has the mark of a coroutine function too
    assert path.stem in CONCURRENT or not known, f"{path.name} imports {known}"


def words(path: Path) -> set[str]:
    """The names that a module gives or uses, as variables, parameters and attributes."""
    used = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name) | ast.FunctionDef(name=name):
                used.add(name)
    return used


@pytest.mark.parametrize(("word", "owners"), WORDS.items(), ids=WORDS)
def test_words_stay_with_their_owners(word: str, owners: set[str]) -> None:
    assert {path.stem for path in MODULES if word in words(path)} == owners


def test_what_few_apps_need_is_imported_late() -> None:
    program = f"import sys, dualapp; dualapp.DualApp('app'); print(*sorted(sys.modules.keys() & {LATE!r}))"
    said = subprocess.run([sys.executable, "-c", program], cwd=PACKAGE.parent, check=True, stdout=subprocess.PIPE)
    assert said.stdout.split() == []


def test_what_is_imported_late_is_found_in_its_place() -> None:
    assert dualapp.ProxyFix is proxy.ProxyFix
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
