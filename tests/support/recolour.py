"""One source, two colours: the `def` twin of what a test wrote in `async def`.

The twin follows the one rule of the library: in `def` code you call, in `async def` code you await.  So taking the
words `async` and `await` away must leave a program that does the same.  Functions named `sync_...` (plain `def`) and
`async_...` keep the colour they have, for tests that mix the two.
"""

from __future__ import annotations
import __future__

import ast
import inspect
import textwrap
import time
from collections.abc import Callable, Mapping
from functools import cache
from types import CodeType, FunctionType
from typing import Any

Build = Callable[..., Any]
ANNOTATIONS = __future__.annotations.compiler_flag


def recolour(build: Build, *, everything: bool = False, names: Mapping[str, Any] = {}) -> Build:
    """Give the `def` twin of `build`; `everything` takes `async_...` along, `names` replaces globals."""
    assert isinstance(build, FunctionType)
    namespace = {**build.__globals__, **closure(build), **names, "time": time}
    exec(compile_def(build.__code__, everything), namespace)
    twin: Build = namespace[build.__name__]
    return twin


def closure(build: FunctionType) -> dict[str, Any]:
    cells = zip(build.__code__.co_freevars, build.__closure__ or (), strict=True)
    return {name: cell.cell_contents for name, cell in cells if cell != type(cell)()}


@cache
def compile_def(code: CodeType, everything: bool) -> CodeType:
    tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
    ast.increment_lineno(tree, code.co_firstlineno - 1)
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    function.decorator_list = []
    tree = ast.fix_missing_locations(Caller(everything).visit(tree))
    # Without dont_inherit the twin would get this module's __future__ imports instead of the test's.
    future = code.co_flags & ANNOTATIONS
    return compile(tree, code.co_filename, "exec", flags=future, dont_inherit=True)


class Caller(ast.NodeTransformer):
    """Calls where the source awaits."""

    def __init__(self, everything: bool) -> None:
        self.everything = everything

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        if node.name.startswith("async_") and not self.everything:
            return node
        return self.plain(ast.FunctionDef, node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        return self.plain(ast.For, node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        return self.plain(ast.With, node)

    def visit_Await(self, node: ast.Await) -> ast.AST:
        value: ast.AST = self.visit(node.value)
        return value

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        node.is_async = 0
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """The only name with a colour of its own: `await asyncio.sleep(x)` is `time.sleep(x)`."""
        if ast.unparse(node) == "asyncio.sleep":
            return ast.copy_location(ast.parse("time.sleep", mode="eval").body, node)
        return self.generic_visit(node)

    def plain(self, kind: type[ast.stmt], node: ast.stmt) -> ast.AST:
        return self.generic_visit(ast.copy_location(kind(**dict(ast.iter_fields(node))), node))
