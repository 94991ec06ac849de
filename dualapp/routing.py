"""Which rule answers a request, found faster than Werkzeug finds it, and only where it would find the same.

Werkzeug's matcher is a state machine over the segments of a path: in each state it tries the static transition first,
then the dynamic ones in the order of their weight. `Matcher` is that machine with its patterns compiled. It says only
what it is sure of: a rule that is reached without ever having to go back, takes the method, and has nothing about it
that might make a redirect. Whatever else there is (no match, another method, slashes to add or merge, defaults, hosts,
converters that take more than one segment) it leaves to Werkzeug.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from werkzeug.routing import Map, Rule
from werkzeug.routing.converters import BaseConverter, IntegerConverter

Match = tuple[Rule, dict[str, Any]]


class State:
    """One state of the machine: the transitions out of it, and what answers a path that ends here."""

    __slots__ = ("dynamic", "endings", "static")

    def __init__(self) -> None:
        self.static: dict[str, State] = {}
        self.dynamic: list[tuple[Callable[[str], re.Match[str] | None], list[int], State]] = []
        self.endings: dict[str, Ending] = {}


class Matcher:
    """The rules of a map, as they are when the first request comes."""

    def __init__(self, url_map: Map) -> None:
        """Compile `url_map`; one that matches hosts or subdomains is left to Werkzeug altogether."""
        url_map.update()
        self._defaulted = {
            endpoint for endpoint, rules in url_map._rules_by_endpoint.items() if any(rule.defaults for rule in rules)
        }
        self.static: dict[tuple[str, str], Rule] = {}
        self._root = State()
        # The first segment of Werkzeug's machine is the domain, empty where neither hosts nor subdomains matter.
        domain = url_map._matcher._root.static.get("")
        if domain is not None and not url_map.host_matching and not url_map.default_subdomain:
            self._root = self._compile(domain, None)

    def _compile(self, state: Any, path: str | None) -> State:
        """Copy a state of Werkzeug's, and collect those paths that are all static."""
        compiled = State()
        compiled.endings = self._endings(state.rules)
        for segment, target in state.static.items():
            below = segment if path is None else f"{path}/{segment}"
            compiled.static[segment] = self._compile(target, below)
            for method, ending in compiled.static[segment].endings.items():
                if not ending.converters:
                    self.static[method, below] = ending.rule
        for part, target in state.dynamic:
            if part.final or part.suffixed:
                break  # it takes more than a segment, and what comes after it can only be second to it
            pattern = re.compile(part.content)
            groups = [number for name, number in pattern.groupindex.items() if name.startswith("__werkzeug_")]
            compiled.dynamic.append((pattern.match, groups, self._compile(target, "<>")))
        return compiled

    def _endings(self, rules: list[Rule]) -> dict[str, Ending]:
        """Return what answers which method, where the first rule that takes it is a plain one."""
        first: dict[str, Rule] = {}
        for rule in rules:
            if rule.methods is None:
                break  # it takes whatever the ones before it do not
            for method in rule.methods:
                first.setdefault(method, rule)
        return {method: Ending(rule) for method, rule in first.items() if self._is_plain(rule)}

    def _is_plain(self, rule: Rule) -> bool:
        """Tell whether a match of the rule is an answer, and can make no redirect."""
        return not (
            rule.build_only or rule.websocket or rule.redirect_to or rule.alias or rule.endpoint in self._defaulted
        )

    def match(self, method: str, path: str) -> Match | None:
        """Return the rule and the view's arguments, None if Werkzeug has to be asked."""
        rule = self.static.get((method, path))
        return self.match_segments(method, path) if rule is None else (rule, {})

    def match_segments(self, method: str, path: str) -> Match | None:
        """Do the same for a path that is not all static."""
        state, values = self._root, []
        for segment in path.split("/"):
            target = state.static.get(segment)
            if target is None:
                for match, groups, follower in state.dynamic:
                    if (found := match(segment)) is not None:
                        for number in groups:
                            values.append(found[number])
                        target = follower
                        break
                else:
                    return None
            state = target
        ending = state.endings.get(method)
        return None if ending is None else ending.match(values)


class Ending:
    """A rule that answers a path, and how the texts in the path become its view's arguments."""

    __slots__ = ("converters", "rule")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.converters = [(name, conversion(converter)) for name, converter in rule._converters.items()]

    def match(self, values: list[str]) -> Match | None:
        """Make arguments of the texts; None if a converter refuses, since another rule may match then."""
        arguments: dict[str, Any] = {}
        try:
            for (name, convert), value in zip(self.converters, values, strict=True):
                arguments[name] = convert(value)
        except ValueError:  # Werkzeug's ValidationError is one
            return None
        return self.rule, arguments


def conversion(converter: BaseConverter) -> Callable[[str], Any]:
    """Return what makes a value of a text: a built-in function, where Werkzeug's own converter does no more."""
    if type(converter).to_python is BaseConverter.to_python:
        return str
    if type(converter) is IntegerConverter and not converter.fixed_digits and converter.min is converter.max is None:
        return int
    return converter.to_python
