"""A seed makes an app and its requests: the same ones at any time, on any machine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from random import Random
from typing import Any
from urllib.parse import quote

from ..support.roads import ROADS
from .parts import PARTS
from .pools import (
    BODIES,
    CONFIG,
    CONTENT_TYPES,
    HEADERS,
    METHOD_WEIGHTS,
    METHODS,
    NO_LENGTHS,
    POOLS,
)
from .visits import Visit
from .worlds import HOOK_COLOURS, World

#: How many requests one app gets.
BLOCK = 200
#: Pools in which each value is taken as often as any other.
EVENNESS = dict.fromkeys(["kind", "raised", "before", "after", "session", "code"], 1)
#: Parts of their own apps: most of the requests to them end early.
GATE = ("waits", "waiting_hooks")
HOOKS = [name for name, part in PARTS.items() if not part.targets]
VIEWS = [name for name, part in PARTS.items() if part.targets and name not in GATE]
#: More chunks than any answer has.
NEVER = 99
#: These match hosts, each in another way, and paths of other parts only on some hosts.
HOSTS = ("hosts", "subdomains")


def block_of(seed: int, number: int) -> tuple[World, list[Visit]]:
    """Make the app and the requests of one block of a seed."""
    random = Random(f"{seed}/{number}")
    world = world_of(random)
    return world, [Visits(random, world).visit() for _ in range(BLOCK)]


def chance(random: Random, of: float) -> bool:
    return random.random() < of


def world_of(random: Random) -> World:
    views = random.sample([name for name in VIEWS if name not in HOSTS], random.randint(2, 5))
    if chance(random, 0.1):
        views.append(random.choice(HOSTS))
    if chance(random, 0.05):
        views = [*GATE, *views[:1]]
    hooks = [name for name in HOOKS if chance(random, 0.25)] if chance(random, 0.6) else []
    if GATE[0] in views and "overrides" in hooks:  # run in a thread, and no thread can be cancelled
        hooks.remove("overrides")
    settings = random.sample(sorted(CONFIG), random.choice([0, 0, 0, 1, 1, 2, 3]))
    return World(
        parts=(*views, *hooks),
        config={name: random.choice(CONFIG[name]) for name in settings},
        road=random.choices(list(ROADS), [4, 1])[0],
        hooks=random.choice(HOOK_COLOURS) if hooks else "same",
    )


class Visits:
    """Makes requests to the app of a world."""

    def __init__(self, random: Random, world: World) -> None:
        self.random, self.world = random, world

    def chance(self, of: float) -> bool:
        return chance(self.random, of)

    def visit(self) -> Visit:
        meant, _, pattern = self.random.choice(self.targets()).rpartition(" ")
        method = (meant or "GET") if self.chance(0.8) else self.random.choices(METHODS, METHOD_WEIGHTS)[0]
        body, headers, how = self.body() if self.has_body(method) else (b"", [], {})
        root, target = "/app" if self.chance(0.05) else "", self.target(pattern)
        if target.startswith("*"):
            root = ""
        return Visit(method, root + target, (*headers, *self.headers()), body, root=root, **how, **self.ending())

    def has_body(self, method: str) -> bool:
        return self.chance(0.9 if method in ("POST", "PUT", "PATCH") else 0.06)

    # The target.

    def targets(self) -> list[str]:
        return [target for name in self.world.parts for target in PARTS[name].targets]

    def target(self, pattern: str) -> str:
        path, _, query = pattern.partition("?")
        path = re.sub(r"{(\w+)(\+?)}", self.fill, path)
        query = re.sub(r"{(\w+)(\+?)}", self.fill, query)
        for mutation in (self.recode, self.reshape):
            if self.chance(0.06):
                path = "/" + mutation(path[1:])
        if self.chance(0.02):
            path = self.random.choice(["/", "/nowhere", "/favicon.ico", "//", "/static/x", "*"])
        arguments = [*filter(None, [query]), *self.arguments()]
        return path + ("?" + "&".join(arguments) if arguments or self.chance(0.03) else "")

    def fill(self, place: re.Match[str]) -> str:
        name, several = place.groups()
        count = self.random.choice([1, 1, 2, 3, 4]) if several else 1
        values = [self.from_pool(name) for _ in range(count)]
        if name in ("send", "query", "cookie"):  # they are encoded already
            return values[0]
        return ",".join(quote(value, safe="/" if name in ("file", "kind") else "") for value in values)

    def from_pool(self, name: str) -> str:
        """Take a value out of a pool: the first ones, which are the ordinary ones, more often than the last ones."""
        pool = POOLS[name]
        return pool[int(len(pool) * self.random.random() ** EVENNESS.get(name, 2))]

    def arguments(self) -> Iterable[str]:
        for name in self.world.parts:
            for argument in PARTS[name].arguments:
                if self.chance(0.4):
                    yield re.sub(r"{(\w+)(\+?)}", self.fill, argument)
        if self.chance(0.1):
            yield self.random.choice(POOLS["query"])

    def recode(self, path: str) -> str:
        """Write the same path, or nearly, in another way."""
        at = self.random.randrange(len(path) + 1)
        before, letter, after = path[:at], path[at : at + 1], path[at + 1 :]
        escaped = "".join(f"%{byte:02x}" for byte in letter.encode("latin-1"))
        return before + self.random.choice([escaped, escaped.upper(), letter.swapcase(), "%25" + escaped[1:]]) + after

    def reshape(self, path: str) -> str:
        """Put something in between, or take something away."""
        at = self.random.randrange(len(path) + 1)
        odd = [
            "/",
            "//",
            "/./",
            "/../",
            "%2F",
            "%2f",
            "%",
            "%zz",
            "%FF",
            "%C3",
            "%00",
            "%0A",
            "\xe9",
            ";x=1",
            ".",
            "?",
            "+",
        ]
        length = self.random.choice([0, 0, 0, 1, 5])
        return path[:at] + self.random.choice(odd) + path[at + length :]

    # Headers and body.

    def headers(self) -> Iterable[tuple[str, str]]:
        kinds = {"cookies": 0.3 if "sessions" in self.world.parts else 0.1, "conditions": self.rate_of_conditions()}
        for kind, names in HEADERS.items():
            while self.chance(kinds.get(kind, 0.05)):
                name = self.random.choice(list(names))
                yield name, self.random.choice(names[name])
        if self.chance(0.8 if self.matches_hosts() else 0.02):
            yield "Host", self.from_pool("host")

    def matches_hosts(self) -> bool:
        return "SERVER_NAME" in self.world.config or not {*HOSTS}.isdisjoint(self.world.parts)

    def rate_of_conditions(self) -> float:
        return 0.5 if {"static_files", "sent_files", "conditional"} & {*self.world.parts} else 0.08

    def body(self) -> tuple[Any, list[tuple[str, str]], dict[str, Any]]:
        kind = self.random.choice(list(BODIES))
        body = self.random.choice(BODIES[kind])
        kind_told = kind if self.chance(0.85) else self.random.choice(list(CONTENT_TYPES))
        told = [] if self.chance(0.1) else [("Content-Type", self.content_type(kind_told))]
        if self.chance(0.3):
            return self.cut(body), told, {"truncated": self.chance(0.1)}
        if self.chance(0.05):
            return body, told, {"length": len(body) + self.random.choice([1, 100]), "truncated": True}
        if self.chance(0.01):
            return body, told, {"length": self.random.choice(NO_LENGTHS)}
        return body, told, {}

    def content_type(self, kind: str) -> str:
        return self.random.choice([CONTENT_TYPES[kind][0], self.random.choice(CONTENT_TYPES[kind])])

    def cut(self, body: bytes) -> tuple[bytes, ...]:
        """Cut a body in chunks."""
        places = sorted(self.random.randrange(len(body) + 1) for _ in range(self.random.choice([0, 1, 2, 5])))
        return tuple(body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True))

    # How it ends.

    def ending(self) -> dict[str, Any]:
        if GATE[0] in self.world.parts:
            end = self.random.choice(["gone", "cancel", "leave", "broken", ""])
        elif "streams" in self.world.parts and self.chance(0.05):
            end = self.random.choice(["leave", "broken"])
        else:
            end = ""
        chunks = self.random.choice([0, 0, 1, 2, 3])
        return {"end": end, "leave": {"": None, "cancel": None, "gone": NEVER}.get(end, chunks)}
