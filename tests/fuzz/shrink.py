"""Make a case small: leave out what the difference does not need, until nothing more can go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from .visits import Visit
from .worlds import World

T = TypeVar("T")
#: An app and its requests, and whether these show the difference.
Case = tuple[World, tuple[Visit, ...]]
Shows = Callable[[World, Sequence[Visit]], bool]


def shrunk(world: World, visits: Sequence[Visit], shows: Shows) -> Case:
    """Return a smaller case that shows the difference that this one shows with its last request."""
    case = (world, tuple(visits))
    if shows(world, visits[-1:]):
        case = (world, tuple(visits[-1:]))
    before = None
    while case != before:
        before = case
        for simplify in (fewer_visits, simpler_worlds, simpler_visits):
            while (smaller := next((less for less in simplify(*case) if shows(*less)), None)) is not None:
                case = smaller
    return case


def fewer_visits(world: World, visits: tuple[Visit, ...]) -> Iterator[Case]:
    return ((world, fewer) for fewer in without_some(visits) if fewer)


def without_some(items: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    """Give all but a half, all but a quarter, ... and all but each single one."""
    size = len(items) // 2
    while size:
        for start in range(0, len(items), size):
            yield items[:start] + items[start + size :]
        size //= 2
    if len(items) == 1:
        yield ()


def simpler_worlds(world: World, visits: tuple[Visit, ...]) -> Iterator[Case]:
    return ((less, visits) for less in simpler_world(world))


def simpler_world(world: World) -> Iterator[World]:
    yield from (replace(world, parts=parts) for parts in without_some(world.parts))
    for name in world.config:
        yield replace(world, config={key: value for key, value in world.config.items() if key != name})
    yield from changed(world, road="short")
    yield from changed(world, hooks="same")


def simpler_visits(world: World, visits: tuple[Visit, ...]) -> Iterator[Case]:
    for number, visit in enumerate(visits):
        yield from ((world, (*visits[:number], less, *visits[number + 1 :])) for less in simpler_visit(visit))


def simpler_visit(visit: Visit) -> Iterator[Visit]:
    yield from changed(visit, body=b"", length=None, truncated=False)
    yield from changed(visit, end="", leave=None)
    yield from changed(visit, root="", target=visit.target.removeprefix(visit.root))
    yield from changed(visit, method="GET")
    yield from (replace(visit, headers=headers) for headers in without_some(tuple(visit.headers)))
    yield from (replace(visit, target=target) for target in simpler_targets(visit))
    yield from changed(visit, truncated=False)
    yield from changed(visit, length=None)
    yield from simpler_bodies(visit)
    for number, (name, value) in enumerate(visit.headers):
        for less in shorter(value, ("; ", ",", " ")):
            headers = [*visit.headers[:number], (name, less), *visit.headers[number + 1 :]]
            yield replace(visit, headers=tuple(headers))


def simpler_targets(visit: Visit) -> Iterator[str]:
    root, target = visit.root, visit.target.removeprefix(visit.root)
    path, mark, query = target.partition("?")
    if mark:
        yield root + path
    for less in shorter(query, ("&",)):
        yield root + path + (mark + less if less else "")
    if path != "/":
        yield root + "/" + mark + query
    for less in shorter(path, ("/", ",")):
        if less.startswith("/"):
            yield root + less + mark + query


def simpler_bodies(visit: Visit) -> Iterator[Visit]:
    body = visit.body if isinstance(visit.body, bytes) else b"".join(visit.body)
    if body is not visit.body:
        yield replace(visit, body=body)
        yield from (replace(visit, body=chunks) for chunks in without_some(tuple(visit.body)))
    elif visit.length is None:
        yield from (replace(visit, body=bytes(less)) for less in without_some(tuple(body)) if len(body) < 1000)
        if len(body) >= 1000:
            yield from (replace(visit, body=body[: len(body) // 2]), replace(visit, body=body[len(body) // 2 :]))


def shorter(text: str, separators: Iterable[str]) -> Iterator[str]:
    """Give a text without some of its parts, and a long one without some of its letters."""
    for separator in separators:
        if separator in text:
            yield from (separator.join(parts) for parts in without_some(tuple(text.split(separator))))
    if len(text) > 1:
        yield from ("".join(letters) for letters in without_some(tuple(text)))


def changed(what: T, **values: object) -> Iterator[T]:
    """Give it with other values, unless it has them."""
    if any(getattr(what, name) != value for name, value in values.items()):
        yield replace(what, **values)  # type: ignore[type-var]  # they are dataclasses
