"""Upstream's private names: all in one table, each of them there, and what happens without it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import dualapp
from dualapp.compat import upstream
from dualapp.compat.upstream import REFUSED, TABLE, Private

PACKAGE = Path(dualapp.__file__).parent
MODULES = [path for path in PACKAGE.rglob("*.py") if path != Path(upstream.__file__)]
#: Functions, and methods of what `vars` returns, to which a name is given as a string.
BY_STRING = {*("getattr", "setattr", "hasattr", "delattr", "attrgetter", "methodcaller"), *("get", "setdefault", "pop")}
#: They begin with an underscore and are documented: of Werkzeug's proxies, and of Python.
DOCUMENTED = {"_get_current_object", "_getframe"}

#: What an app must answer whichever name is hidden: both entries, both colours, an error, a session, a test client.
PROGRAM = """
import asyncio, importlib, sys
{hide}
try:
    import quart
    from dualapp import DualApp, request, session
    from asgiref.sync import sync_to_async
except ImportError as error:
    print("refused:", error)
    sys.exit()

app = DualApp("app")
app.secret_key = "secret"

@app.get("/def")
def plain():
    session["seen"] = request.args.get("a")
    return {{"view": "def"}}

@app.get("/async")
async def later():
    await asyncio.sleep(0)
    return "async " + request.headers["Host"] + str(await sync_to_async(len)("abc"))

@app.post("/")
async def post():
    return (await request.get_data())[::-1]

@app.get("/<int:number>")
def number(number):
    return str(number)

client = app.test_client()
paths = ("/def?a=1", "/async", "/7", "/nowhere", "/static/none")
print([client.get(path).status_code for path in paths], client.post("/", data=b"abc").data)

async def asgi():
    test = app.test_client()
    said = []
    for path in paths:
        async with test.request(path, headers={{"Host": "localhost"}}) as connection:
            await connection.send_complete()
        said.append((await connection.as_response()).status_code)
    return said

print(asyncio.run(asgi()))
"""
EXPECTED = "[200, 200, 200, 404, 404] b'cba'\n[200, 200, 200, 404, 404]\n"


def private_names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        for name in names_in(node):
            if name.startswith("_") and not name.startswith("__"):
                yield name


def names_in(node: ast.AST) -> Iterator[str]:
    """The names of attributes, and of what is imported, that a node of a syntax tree has by itself."""
    match node:
        case ast.Attribute(attr=name) | ast.alias(name=name):
            yield name.rpartition(".")[2]
        case ast.Call(func=ast.Name(id=function) | ast.Attribute(attr=function), args=args) if function in BY_STRING:
            yield from (arg.value for arg in args if isinstance(arg, ast.Constant) and isinstance(arg.value, str))
        case ast.Subscript(slice=ast.Constant(value=str(name))):  # of `vars(...)` or a session
            yield name


def own_names() -> set[str]:
    """All names that dualapp itself gives: functions, classes, attributes and variables."""
    names = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    names.add(name)
                case ast.Attribute(attr=name, ctx=ast.Store()) | ast.Name(id=name, ctx=ast.Store()):
                    names.add(name)
                case ast.Subscript(
                    ast.Call(func=ast.Name(id="vars")), slice=ast.Constant(value=str(name)), ctx=ast.Store()
                ):
                    names.add(name)
    return names


def test_no_other_module_uses_one() -> None:
    own = own_names() | DOCUMENTED
    found = {(path.name, name) for path in MODULES for name in private_names(path) if name not in own}
    assert not found


def test_those_that_dualapp_gives_are_not_upstreams() -> None:
    """Or the test above would not see them."""
    # Our own future has the attribute by which asyncio's tasks know one, and our matcher has a first state as well.
    assert own_names() & {row.name for row in TABLE} == {"_asyncio_future_blocking", "_root"}


def owner_of(row: Private) -> Any:
    module, _, attribute = row.owner.partition(":")
    owner = import_module(module)
    return getattr(owner, attribute) if attribute else owner


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.owner}.{row.name}")
def test_it_is_there_unless_another_version_has_it(row: Private) -> None:
    """Attributes of instances are looked for in the code that sets them."""
    owner = owner_of(row)
    members = [owner, *(member for cls in getattr(owner, "__mro__", ()) for member in vars(cls).values())]
    functions = [*members, *(member.fset for member in members if isinstance(member, property))]
    is_there = hasattr(owner, row.name) or any(
        row.name in (*function.__code__.co_names, *function.__code__.co_consts)
        for function in functions
        if hasattr(function, "__code__")
    )
    assert is_there or row.versions


#: Upstream's own code does not work without these, so that nothing can be said of dualapp without them.
NEEDED_BY_UPSTREAM = {
    *("_add_cookies_to_wsgi", "_get_key", "_update_cookies_from_response"),
    *("_restore_context", "c_make_encoder"),
}
#: Classes that are replaced by others, since their attributes cannot be taken away, or asyncio would miss them.
REPLACED = {"_run": "asyncio.Handle", "_asyncio_future_blocking": "asyncio.Future"}
# A name that only some versions have stands for a difference that one version alone cannot show.
HIDDEN = [
    row for row in TABLE if row.name in vars(owner_of(row)) and row.name not in NEEDED_BY_UPSTREAM and not row.versions
]


def hiding(row: Private) -> str:
    module, _, attribute = row.owner.partition(":")
    return f"owner = importlib.import_module({module!r}); delattr(owner{attribute and '.' + attribute}, {row.name!r})"


@pytest.mark.parametrize("row", HIDDEN, ids=lambda row: f"{row.owner}.{row.name}")
def test_without_it_the_answers_are_the_same_or_the_import_says_why(row: Private) -> None:
    is_replaced = row.name in REPLACED
    hide = f"{REPLACED[row.name]} = type('Other', (), {{}})" if is_replaced else hiding(row)
    command = [sys.executable, "-c", PROGRAM.format(hide=hide)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=PACKAGE.parent).stdout
    if row.without == REFUSED:
        assert said.startswith("refused:")
        assert row.name in said
        assert "Install a version" in said
    else:
        assert said == EXPECTED
