"""Upstream's private names: all in one table, each of them there, and what happens without it."""

from __future__ import annotations

import ast
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module, metadata
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

import dualapp
from dualapp.compat import upstream
from dualapp.compat.upstream import REFUSED, TABLE, Private
from dualapp.entries.takeover import NoSocket, connection_of

from ..support.edited_source import editing

PACKAGE = Path(dualapp.__file__).parent
MODULES = [path for path in PACKAGE.rglob("*.py") if path != Path(upstream.__file__)]
#: Functions, and methods of what `vars` returns, to which a name is given as a string.
BY_STRING = {*("getattr", "setattr", "hasattr", "delattr", "attrgetter", "methodcaller"), *("get", "setdefault", "pop")}
#: They begin with an underscore and are documented: of Werkzeug's proxies, and of Python.
DOCUMENTED = {"_get_current_object", "_getframe"}

#: What an app must answer whichever name is hidden: both entries, both colours, an error, a session, a test client.
PROGRAM = """
import importlib, sys
{hide}
import asyncio
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

with client.session_transaction() as session:
    print(*session)
"""
EXPECTED = "[200, 200, 200, 404, 404] b'cba'\n[200, 200, 200, 404, 404]\nseen\n"


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
def test_it_is_there_if_the_installed_version_has_it(row: Private) -> None:
    """Attributes of instances, and keys, are looked for in the code that uses them."""
    owner = owner_of(row)
    members = [owner, *(member for cls in getattr(owner, "__mro__", ()) for member in vars(cls).values())]
    functions = [*members, *(member.fset for member in members if isinstance(member, property))]
    codes = [function.__code__ for function in functions if hasattr(function, "__code__")]
    is_there = hasattr(owner, row.name) or any(row.name in (*code.co_names, *code.co_consts) for code in codes)
    assert is_there == is_installed(row)


def is_installed(row: Private) -> bool:
    """Tell whether the table says that the installed version has a name: `before 3.2`, `from 3.2 on`, or each."""
    if not row.versions:
        return True
    word, version, *_ = row.versions.split()
    package = row.owner.partition(":")[0].partition(".")[0]
    is_before = Version(metadata.version(package)).release < Version(version).release
    return is_before == (word == "before")


#: Who uses the names of a package beside itself.
USERS = {"werkzeug": ("werkzeug", "flask", "quart")}
#: Names that asyncio's part in C has, too: it is told nothing of another name.
OF_C = {
    "_get_running_loop": "del importlib.import_module('asyncio')._get_running_loop",
    "_set_running_loop": "del importlib.import_module('asyncio')._set_running_loop",
    "_asyncio_future_blocking": "importlib.import_module('asyncio').Future = type('Other', (), {})",
}
# A name that only some versions have stands for a difference that one version alone cannot show.
HIDDEN = [row for row in TABLE if not row.versions]


def hiding(row: Private) -> str:
    """The lines of a program that take a name away: it is another one wherever the package, and its users, use it."""
    package = row.owner.partition(":")[0].partition(".")[0]
    renamed = {rf"\b{row.name}\b": f"{row.name}_renamed"}
    return OF_C.get(row.name) or editing(USERS.get(package, (package,)), renamed)


@pytest.mark.parametrize("row", HIDDEN, ids=lambda row: f"{row.owner}.{row.name}")
def test_without_it_the_answers_are_the_same_or_an_error_says_why(row: Private) -> None:
    command = [sys.executable, "-c", PROGRAM.format(hide=hiding(row))]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=PACKAGE.parent)
    if row.without == REFUSED:
        assert ended.stdout.startswith("refused:")
        assert row.name in ended.stdout
        assert "Install a version" in ended.stdout
    elif row.without.startswith("AttributeError"):
        assert re.search(f"^AttributeError: .* '{row.name}'", ended.stderr, re.MULTILINE)
    else:
        assert (ended.stdout, ended.stderr) == (EXPECTED, "")


def test_a_connection_is_found_by_the_file_that_a_server_reads_it_through() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb") as stream:
        assert upstream.socket_of(stream) is ours


def test_a_server_that_reads_without_a_socket_gives_no_connection_away() -> None:
    with pytest.raises(NoSocket):
        connection_of({"wsgi.input": BufferedReader(BytesIO())})
