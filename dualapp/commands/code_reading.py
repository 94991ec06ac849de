"""Read what the code of a registered function refers to, without calling it."""

from __future__ import annotations

import dis
import inspect
import sysconfig
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

LIBRARY = Path(sysconfig.get_path("stdlib"))
PACKAGES = {"site-packages", "dist-packages"}
ATTRIBUTES = {"LOAD_ATTR", "LOAD_METHOD"}
MISSING = object()


def function_in(func: Any) -> FunctionType | None:
    """Return the innermost function of a registered one, below decorators that keep it; None for other callables."""
    while isinstance(func, partial):
        func = func.func
    func = inspect.unwrap(func)
    func = getattr(func, "__func__", func)
    return func if isinstance(func, FunctionType) else None


def is_installed(func: FunctionType) -> bool:
    """Tell whether a function is of Python's library or of an installed package: its users will not change it."""
    path = Path(func.__code__.co_filename)
    return path.is_relative_to(LIBRARY) or not PACKAGES.isdisjoint(path.parts)


def place_of(func: FunctionType) -> str:
    """Return the file, from this directory if it is below it, and the line of a function."""
    path = Path(func.__code__.co_filename)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return f"{path}:{func.__code__.co_firstlineno}"


def constants_of(func: FunctionType) -> Iterator[Any]:
    """Return the constants in the code of a function and of the functions in it."""
    return (constant for code in codes_in(func.__code__) for constant in code.co_consts)


def references_of(func: FunctionType, *, inner: bool = True) -> Iterator[tuple[Any, str]]:
    """Return the objects that a function finds outside of itself, each with the attribute that it takes of it or "".

    `flask.request.form` is found as `flask.request` with `form`. The functions in it are read too if `inner`.
    """
    codes = list(codes_in(func.__code__))
    cells = zip(func.__code__.co_freevars, func.__closure__ or (), strict=True)
    # The closure's variables, without those that an inner function also defines.
    own = {name for code in codes for name in code.co_cellvars}
    outer = {name: cell.cell_contents for name, cell in cells if name not in own and cell != type(cell)()}
    names = {"LOAD_GLOBAL": func.__globals__, "LOAD_DEREF": outer}
    for code in codes if inner else codes[:1]:
        instructions = list(dis.get_instructions(code))
        for number, instruction in enumerate(instructions, 1):
            if (known := names.get(instruction.opname)) is not None and instruction.argval in known:
                yield resolved(known[instruction.argval], attributes_from(instructions[number:]))


def attributes_from(instructions: list[dis.Instruction]) -> Iterator[str]:
    for instruction in instructions:
        if instruction.opname not in ATTRIBUTES:
            return
        yield instruction.argval


def resolved(value: Any, attributes: Iterator[str]) -> tuple[Any, str]:
    """Follow the attributes of modules."""
    for name in attributes:
        found = vars(value).get(name, MISSING) if isinstance(value, ModuleType) else MISSING
        if found is MISSING:
            return value, name
        value = found
    return value, ""


def codes_in(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes_in(constant)
